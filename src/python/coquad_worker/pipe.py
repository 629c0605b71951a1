"""Workers of `coquad::Processes`: jobs on standard input, answers on standard output."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
from typing import Any, Callable, Iterator, Optional, Sequence

from . import _wire
from .arithmetic import arithmetic


class Pipe:
    """The pipe to the coordinator. Answers may come from any thread."""

    def __init__(self, function: str = "") -> None:
        """Takes standard input and output for the protocol, and says hello: print() goes to standard error from here."""
        self._input, self._output = os.dup(0), os.dup(1)
        os.dup2(2, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        self._function = function
        self._bytes = bytearray()
        self._writing = threading.Lock()
        self.send(_wire.hello(function, arithmetic()))

    def send(self, message: bytes) -> None:
        frame = len(message).to_bytes(4, "little") + message
        with self._writing:
            while frame:
                frame = frame[os.write(self._output, frame) :]

    def jobs(self, most: int = 1) -> "Iterator[list[_wire.Job]]":
        """Waits for a job, and yields it with those that have arrived by then, `most` at once; ends with the input.

        What is no job for this function is answered here.
        """
        while True:
            first = self._job(wait=True)
            if first is None:
                return
            jobs = [first]
            while len(jobs) < most:
                job = self._job(wait=False)
                if job is None:
                    break
                jobs.append(job)
            yield jobs

    def _job(self, wait: bool) -> Optional[_wire.Job]:
        while True:
            frame = self._frame(wait)
            if frame is None:
                return None
            job = _wire.job(frame)  # what is no message ends the worker: the stream has lost its bounds
            if job.function not in ("", self._function):
                self.send(_wire.failure(job.id, f"this worker serves {self._function!r}", "unknown-function"))
            elif len(job.x) != 1:
                self.send(_wire.failure(job.id, f"a point is one number, not {len(job.x)}", "bad-request"))
            else:
                return job

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


def serve(f: Callable[[float], Any], function: str = "") -> None:
    """Evaluates `f` for the program that started this one, until that wants no more.

    `f` takes a float and returns a number, a complex number, or a sequence or array of them. Whatever it raises is the
    failure of the function at that point, and so is a value that is none of these or too long: the worker lives on.
    """
    _end_with_the_coordinator()
    pipe = Pipe(function)
    for [job] in pipe.jobs():
        pipe.send(_wire.answer(job.id, lambda: f(job.x[0])))


def serve_batch(f: "Callable[[list[float]], Sequence[Any]]", function: str = "", most: int = 1024) -> None:
    """As `serve`, for a function of many points at once: `f` takes a list of floats and returns as many values.

    It is given what has arrived, `most` at once: let the coordinator send ahead, by `Processes::window(k)`. `f` must give
    a point the same bits whatever points are beside it. Where it raises, each point is tried alone.
    """
    _end_with_the_coordinator()
    pipe = Pipe(function)
    for jobs in pipe.jobs(most):
        for message in answers(f, jobs):
            pipe.send(message)


def answers(f: "Callable[[list[float]], Sequence[Any]]", jobs: "Sequence[_wire.Job]") -> "list[bytes]":
    """The answer to each of the jobs, whatever `f` does and returns."""

    def values(points: "list[float]") -> "list[Any]":
        values = list(f(points))
        if len(values) != len(points):
            raise ValueError(f"the function returned {len(values)} values for {len(points)} points")
        return values

    try:
        together = values([job.x[0] for job in jobs])
    except BaseException:
        # Whose fault it is shows when each is alone.
        return [_wire.answer(job.id, lambda: values([job.x[0]])[0]) for job in jobs]
    return [_wire.answer(job.id, lambda: y) for job, y in zip(jobs, together)]
