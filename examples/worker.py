"""A worker in Python, with its standard library alone: evaluates sqrt(1 - x*x) for `coquad::Processes`."""

import math

from coquad_worker import serve

serve(lambda x: math.sqrt(1 - x * x), "sqrt-v1")
