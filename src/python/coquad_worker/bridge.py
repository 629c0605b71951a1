"""Workers of `coquad::Processes` with many hands: any pool that gives a future for a call."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import signal
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from . import _wire
from .pipe import Pipe

#: How often a point is given to the pool again whose future was cancelled.
ATTEMPTS = 3


class _Open:
    """A job that was taken and not answered."""

    def __init__(self, job: _wire.Job, deadline: Optional[float]) -> None:
        self.job, self.deadline, self.attempt = job, deadline, 0
        self.future: Any = None


class Bridge:
    """Sees each job that it takes to its answer.

    INVARIANT: a job is open from when it is taken to when it is answered, and it is answered once: by the first of its
    futures that ends with a value or an exception, by too many of them that were cancelled, or by the time limit.
    """

    def __init__(
        self,
        submit: Callable[..., Any],
        send: Callable[[bytes], None],
        time_limit: Optional[float] = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._submit, self._send, self._attempts = submit, send, max(attempts, 1)
        self._time_limit = time_limit
        self._open: Dict[str, _Open] = {}
        self._late: List[_Open] = []  # answered by the time limit, and perhaps running still
        self._changed = threading.Condition()
        if time_limit is not None:
            threading.Thread(target=self._watch, daemon=True).start()

    def take(self, job: _wire.Job) -> None:
        """Gives a job to the pool."""
        deadline = None if self._time_limit is None else time.monotonic() + self._time_limit
        with self._changed:
            self._open[job.id] = taken = _Open(job, deadline)
            self._changed.notify()
        self._begin(taken)

    def cancel(self) -> bool:
        """Gives up what is open: nobody wants it any more. Returns whether the pool still evaluates something."""
        with self._changed:
            left, self._open = list(self._open.values()), {}
        _cancel(left)
        return not all(_has_ended(taken) for taken in left + self._late)

    def _begin(self, taken: _Open) -> None:
        attempt = taken.attempt
        try:
            future = taken.future = _wire.at(self._submit, taken.job.x[0])
            future.add_done_callback(lambda done: self._ended(taken, attempt, done.result))
        except BaseException as error:
            self._ended(taken, attempt, _raises(error))

    def _ended(self, taken: _Open, attempt: int, result: Callable[[], Any]) -> None:
        """An attempt has ended, well or not. Nothing is raised here: whoever calls back would not know what to do."""
        if attempt != taken.attempt:
            return
        caught: List[BaseException] = []
        message = _wire.answer(taken.job.id, lambda: _noting(result, caught))
        if caught and _is_cancellation(caught[0]):
            taken.attempt += 1
            if taken.attempt < self._attempts:
                return self._begin(taken)
            words = f"the pool has cancelled it {taken.attempt} times ({type(caught[0]).__name__})"
            message = _wire.failure(taken.job.id, words, "crashed")
        self._answer(taken, message)

    def _answer(self, taken: _Open, message: bytes) -> None:
        with self._changed:
            if self._open.get(taken.job.id) is not taken:
                return  # it was answered, or given up
            del self._open[taken.job.id]
        self._send(message)

    def _watch(self) -> None:
        limit = self._time_limit
        while True:
            with self._changed:
                now = time.monotonic()
                late = [taken for taken in self._open.values() if taken.deadline is not None and taken.deadline <= now]
                if not late:
                    deadlines = [taken.deadline for taken in self._open.values() if taken.deadline is not None]
                    self._changed.wait(max(min(deadlines) - now, 0) if deadlines else None)
                    continue
            for taken in late:
                self._answer(taken, _wire.failure(taken.job.id, f"no value within {limit} s", "timeout"))
            _cancel(late)
            self._late = [taken for taken in self._late + late if not _has_ended(taken)]


def _raises(error: BaseException) -> Callable[[], Any]:
    def result() -> Any:
        raise error

    return result


def _noting(result: Callable[[], Any], caught: "List[BaseException]") -> Any:
    try:
        return result()
    except BaseException as error:
        caught.append(error)
        raise


def _is_cancellation(error: BaseException) -> bool:
    """Whether the pool has given a call up. Dask and Ray have classes of their own for that."""
    kinds = (concurrent.futures.CancelledError, asyncio.CancelledError)
    names = ("CancelledError", "FutureCancelledError", "FuturesCancelledError", "TaskCancelledError")
    return isinstance(error, kinds) or any(kind.__name__ in names for kind in type(error).__mro__)


def _has_ended(taken: _Open) -> bool:
    try:
        return bool(taken.future.done())
    except BaseException:
        return True  # it is no future


def _cancel(all: "List[_Open]") -> None:
    for taken in all:
        try:
            taken.future.cancel()
        except BaseException:
            pass  # it may be no future yet, or one that cannot be cancelled


def serve_futures(
    submit: Callable[..., Any],
    function: str = "",
    time_limit: Optional[float] = None,
    attempts: int = ATTEMPTS,
    pipe: Optional[Pipe] = None,
    axes: int = 1,
) -> bool:
    """Serves by a pool: `submit(x)` returns a future with `result()` and `add_done_callback()`. With `axes=2` it is called
    with two numbers, as is `f` of those below.

    Give it a window of about twice the pool's workers: `Processes::new(1, command).window(k)`. What the pool cancels is
    given to it again, `attempts` times in all; what has no value within `time_limit` seconds fails. `pipe` is one that
    was taken before, where setting the pool up prints something. Returns, when the coordinator wants no more, whether the
    pool still evaluates.
    """
    pipe = pipe or Pipe(function, axes=axes)
    bridge = Bridge(submit, pipe.send, time_limit, attempts)
    for [job] in pipe.jobs():
        bridge.take(job)
    return bridge.cancel()


def serve_executor(executor: Any, f: Callable[..., Any], function: str = "", **limits: Any) -> None:
    """Serves `f` by a `concurrent.futures` executor, or anything with its `submit`: mpi4py's pools, for example."""
    if serve_futures(lambda *x: executor.submit(f, *x), function, **limits):
        # Python would wait for what nobody wants, and may wait for ever.
        sys.stderr.flush()
        if sys.platform != "win32" and os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)  # as the coordinator does with all that it has started
        os._exit(0)


def serve_dask(
    f: Callable[..., Any],
    function: str = "",
    *,
    client: Any = None,
    cluster: Any = None,
    axes: int = 1,
    **limits: Any,
) -> None:
    """Serves `f` by a Dask cluster: `client` is a `distributed.Client`, or `cluster` what one is made of (`{}`: here)."""
    pipe = Pipe(function, axes=axes)  # first of all: what Dask prints must not come between
    if client is not None:
        serve_futures(lambda *x: client.submit(f, *x, pure=False), function, pipe=pipe, **limits)
        return
    from dask import distributed

    make: Any = distributed.Client
    with make(**(cluster or {})) as client:
        serve_futures(lambda *x: client.submit(f, *x, pure=False), function, pipe=pipe, **limits)


def serve_ray(
    f: Callable[..., Any],
    function: str = "",
    *,
    options: "Optional[Dict[str, Any]]" = None,
    axes: int = 1,
    **limits: Any,
) -> None:
    """Serves `f` by Ray, which is begun with `ray.init()` unless it is there. `options` are those of `ray.remote`."""
    pipe = Pipe(function, axes=axes)
    import ray

    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    remote = ray.remote(**options)(f) if options else ray.remote(f)
    serve_futures(lambda *x: remote.remote(*x).future(), function, pipe=pipe, **limits)
