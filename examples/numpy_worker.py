"""A worker that evaluates all points that have come by one call of numpy.

It is started by its coordinator: `Processes::new(2, command)`, where the command is `python3 examples/numpy_worker.py` with
`src/python` in PYTHONPATH, or with the package installed (`pip install ./src/python numpy`).
"""

import numpy
from coquad_worker import serve_batch

serve_batch(lambda xs: numpy.sqrt(numpy.abs(1 - xs * xs)), "sqrt-v1")
