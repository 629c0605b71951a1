"""Workers in Python for coquad: on a pipe, on NATS, and before the pools of Dask, Ray and `concurrent.futures`.

    import math
    from coquad_worker import serve
    serve(lambda x: math.sqrt(1 - x * x), "sqrt-v1")
"""

from .arithmetic import arithmetic
from .bridge import serve_dask, serve_executor, serve_futures, serve_ray
from .pipe import serve, serve_batch

__all__ = [
    "arithmetic",
    "serve",
    "serve_batch",
    "serve_dask",
    "serve_executor",
    "serve_futures",
    "serve_ray",
]


def __getattr__(name: str) -> object:
    if name == "serve_nats":  # only here is nats-py needed
        from .on_nats import serve_nats

        return serve_nats
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
