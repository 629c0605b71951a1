"""A worker for `coquad::Processes` whose hands are a Dask cluster: one process here, any number of machines behind it.

    python3 dask_bridge.py                    starts four workers on this machine
    python3 dask_bridge.py tcp://host:8786    uses the cluster of that scheduler

Give it a window of about twice the cluster's workers: `Processes::new(1, command).window(8)`.
"""

import math
import sys
import time

from coquad_worker import serve_dask


def f(x):
    time.sleep(0.02)  # a simulation
    return math.sqrt(1 - x * x)


if __name__ == "__main__":
    here = {"n_workers": 4, "threads_per_worker": 1, "dashboard_address": None}
    there = {"address": sys.argv[1]} if len(sys.argv) > 1 else here
    serve_dask(f, "sqrt-v1", cluster=there, time_limit=60)
