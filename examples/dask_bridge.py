"""A worker for `coquad::Processes` whose hands are a Dask cluster: one process here, any number of machines behind it.

    python3 dask_bridge.py                    starts four workers on this machine
    python3 dask_bridge.py tcp://host:8786    uses the cluster of that scheduler

Give it a window of about twice the cluster's workers: `Processes::new(1, command).window(8)`.
The same dozen lines do for any pool with a `submit` that returns a future, such as `mpi4py.futures.MPIPoolExecutor`.
"""

import math
import sys
import threading
import time

from coquad_worker import answer, jobs


def f(x):
    time.sleep(0.02)  # a simulation
    return math.sqrt(1 - x * x)


def main():
    points = jobs("sqrt-v1")  # first of all: what Dask prints must not come between

    from dask.distributed import Client

    where = {"address": sys.argv[1]} if len(sys.argv) > 1 else {"n_workers": 4, "threads_per_worker": 1, "dashboard_address": None}
    lock = threading.Lock()  # answers come from Dask's threads

    def reply(id, future):
        with lock:
            answer(id, future.exception() or future.result())

    with Client(**where) as client:
        for id, x in points:
            future = client.submit(f, x, pure=False)
            future.add_done_callback(lambda future, id=id: reply(id, future))


if __name__ == "__main__":
    main()
