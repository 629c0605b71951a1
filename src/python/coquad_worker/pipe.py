"""Workers of `coquad::Processes`: jobs on standard input, answers on standard output."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
import time
from typing import Any, Callable, Iterator, Optional, Sequence

from . import _wire
from .arithmetic import arithmetic


#: How long the value of a point may wait for those of others to be sent with, in seconds.
PATIENCE = 0.0002


class Pipe:
    """The pipe to the coordinator. Answers may come from any thread."""

    def __init__(self, function: str = "", most: int = 1, axes: int = 1) -> None:
        """Takes standard input and output for the protocol, and says hello: print() goes to standard error from here.

        A job may have `most` points, and a point has `axes` numbers.
        """
        self._input, self._output = os.dup(0), os.dup(1)
        os.dup2(2, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        self._function, self._most, self._axes = function, min(max(most, 1), _wire.MOST_POINTS), axes
        self._bytes = bytearray()
        self._writing = threading.Lock()
        self.send(_wire.hello(function, arithmetic(), self._most, _wire.build(), axes))

    def send(self, *messages: bytes) -> None:
        frame = b"".join(len(message).to_bytes(4, "little") + message for message in messages)
        with self._writing:
            while frame:
                frame = frame[os.write(self._output, frame) :]

    def jobs(self, most: int = 1) -> "Iterator[list[_wire.Job]]":
        """Waits for a job, and yields it with those that have arrived by then; ends with the input.

        They have `most` points together, unless the first has more.

        What is no job for this function is answered here.
        """
        while True:
            first = self._job(wait=True)
            if first is None:
                return
            jobs, points = [first], len(first.x)
            while points < most:
                job = self._job(wait=False)
                if job is None:
                    break
                jobs.append(job)
                points += len(job.x)
            yield jobs

    def _job(self, wait: bool) -> Optional[_wire.Job]:
        while True:
            frame = self._frame(wait)
            if frame is None:
                return None
            job = _wire.job(frame)  # what is no message ends the worker: the stream has lost its bounds
            if job.function not in ("", self._function):
                self._refuse(job, "unknown-function", f"this worker serves {self._function!r}")
            elif job.axes != self._axes:
                self._refuse(job, "bad-request", f"a point has {self._axes} numbers here, not {job.axes}")
            elif not 1 <= len(job.x) <= self._most:
                self._refuse(job, "bad-request", f"a job has 1 to {self._most} points, not {len(job.x)}")
            else:
                return job

    def _refuse(self, job: _wire.Job, kind: str, words: str) -> None:
        points = min(max(len(job.x), 1), _wire.MOST_POINTS)
        self.send(*_wire.in_messages(job.id, 0, [_wire.Failed(kind, words)] * points))

    def _frame(self, wait: bool) -> Optional[bytes]:
        while True:
            if len(self._bytes) >= 4:
                end = 4 + int.from_bytes(self._bytes[:4], "little")
                if end > 4 + _wire.LONGEST_MESSAGE:
                    raise ValueError(f"a message of {end - 4} bytes is over the limit of {_wire.LONGEST_MESSAGE}")
                if len(self._bytes) >= end:
                    frame = bytes(self._bytes[4:end])
                    del self._bytes[:end]
                    return frame
            if not wait and not select.select([self._input], [], [], 0)[0]:
                return None
            more = os.read(self._input, 1 << 16)
            if not more:
                return None
            self._bytes += more


def _end_with_the_coordinator() -> None:
    """On Linux the system ends this process when the one that started it is gone, in the middle of an evaluation too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))


def serve(f: Callable[..., Any], function: str = "", axes: int = 1) -> None:
    """Evaluates `f` for the program that started this one, until that wants no more.

    `f` takes a float, or with `axes=2` two of them, and returns a number, a complex number, or a sequence or array of them. Whatever it raises is the
    failure of the function at that point, and so is a value that is none of these or too long: the worker lives on.
    """
    _end_with_the_coordinator()
    pipe = Pipe(function, _wire.MOST_POINTS, axes)
    for [job] in pipe.jobs():
        first, outcomes, since = 0, [], time.monotonic()
        for x in job.x:
            outcomes.append(_wire.outcome(lambda: _wire.at(f, x)))
            # Short evaluations are answered many at a time; a long one waits for no other.
            if time.monotonic() - since > PATIENCE:
                pipe.send(*_wire.in_messages(job.id, first, outcomes))
                first, outcomes, since = first + len(outcomes), [], time.monotonic()
        if outcomes:
            pipe.send(*_wire.in_messages(job.id, first, outcomes))


def serve_batch(
    f: "Callable[[Any], Sequence[Any]]", function: str = "", most: int = _wire.MOST_POINTS, axes: int = 1
) -> None:
    """As `serve`, for a function of many points at once: `f` takes the points and returns as many values.

    The points are an array of numpy if the program has imported numpy before, else a list of floats; with `axes=2` an array
    of as many rows as there are points and two columns, else a list of pairs. `f` is given what has
    arrived, `most` at once: let the coordinator send ahead, by `Processes::window(k)`. `f` must give a point the same bits
    whatever points are beside it. Where it raises, each point is tried alone.
    """
    _end_with_the_coordinator()
    most = min(max(most, 1), _wire.MOST_POINTS)
    pipe = Pipe(function, most, axes)
    for jobs in pipe.jobs(most):
        points = [x for job in jobs for x in job.x]
        outcomes: "list[_wire.Outcome]" = []
        for start in range(0, len(points), most):
            outcomes += together(f, points[start : start + most])
        messages = []
        for job in jobs:
            messages += _wire.in_messages(job.id, 0, outcomes[: len(job.x)])
            outcomes = outcomes[len(job.x) :]
        pipe.send(*messages)


def together(f: "Callable[[Any], Sequence[Any]]", points: "list[Any]") -> "list[_wire.Outcome]":
    """What becomes of each of the points, whatever `f` does and returns."""

    def call(points: "list[Any]") -> Any:
        numpy = sys.modules.get("numpy")
        values = f(points if numpy is None else numpy.array(points, dtype=float))
        if not hasattr(values, "__len__"):
            values = list(values)
        if len(values) != len(points):
            raise ValueError(f"the function returned {len(values)} values for {len(points)} points")
        return values

    def one(x: Any) -> "_wire.Outcome":
        return _wire.outcome(lambda: call([x])[0])

    try:
        values = call(points)
        if getattr(values, "ndim", None) == 1 and getattr(values, "dtype", None) == float:
            return [[y] for y in values.tolist()]
        values = list(values)
    except BaseException:
        # Whose fault it is shows when each is alone.
        return [one(x) for x in points]
    return [_wire.outcome(lambda: y) for y in values]
