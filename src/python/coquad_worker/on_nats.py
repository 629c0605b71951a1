"""A worker on NATS, with nats-py: `serve_nats("tls://nats.lab:4222", "gap-v3", f, slots=8)`.

The streams and the function's consumer must be there: the coordinator makes them. A function that crashes the interpreter
takes its worker along, and the server gives the job to another; under `coquad-worker --serve gap-v3 -- python3 gap.py` it
is started again instead, and no NATS client is needed here.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from typing import Any, Awaitable, Callable, Dict, Optional, Set, TypeVar

import nats
import nats.errors
import nats.js.errors
from nats.js.client import JetStreamContext

from . import _wire
from .arithmetic import arithmetic
from .pipe import together

#: How long the server is waited for to say that it has an answer, before its coordinator is asked whether that matters; on a
#: run with a name, whose answers are kept for others, that is asked only after so long.
STORED = 0.5
KEEPING = 10.0
#: A job this old is evaluated only if somebody still waits for it, and for how long that is then known.
OLD = 1.0
AWAITED = 0.25
#: The longest that the server may keep a request for a job: what is lost without a word is asked for again after it.
ASKING = 1.0
T = TypeVar("T")


class _ConnectedAnew(Exception):
    """What went down with the old connection is not waited for."""


class _Worker:
    """What the slots share."""

    def __init__(
        self, nc: Any, function: str, f: Callable[..., Any], space: str, slots: int, batch: bool, axes: int, api: str
    ) -> None:
        self.batch, self.axes, self.api = batch, axes, api
        self.nc, self.js, self.f, self.function, self.space = nc, nc.jetstream(), f, function, space
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.arithmetic = arithmetic()
        self.threads = concurrent.futures.ThreadPoolExecutor(slots, "coquad")
        self.busy = 0
        self.counting = threading.Lock()
        self.connections = 0
        self.anew = asyncio.Event()
        self.leaving = asyncio.Event()
        self.left = asyncio.Event()
        #: Told by an operator to ask for no more jobs, and the opposite.
        self.resting = asyncio.Event()
        self.awake = asyncio.Event()
        self.awake.set()
        self.slots, self.points, self.failures, self.worked = slots, 0, 0, 0.0
        self.awaited: "Dict[str, float]" = {}
        self.told = -60.0
        self.results = f"COQUAD1_{space}_RES"
        self.jobs = f"COQUAD1_{space}_JOBS"

    def server_id(self) -> str:
        """The server process that we are connected to. nats-py has no other way to ask for it."""
        return str(self.nc._server_info.get("server_id"))

    def count(self, threads: int) -> None:
        with self.counting:
            self.busy += threads

    def has_evaluated(self, outcomes: "list[_wire.Outcome]", took: float) -> None:
        with self.counting:
            self.points += len(outcomes)
            self.failures += sum(isinstance(outcome, _wire.Failed) for outcome in outcomes)
            self.worked += took

    async def connected(self) -> None:
        self.connections += 1
        self.anew.set()
        self.anew = asyncio.Event()

    async def unless(self, work: "Awaitable[T]", *ends: asyncio.Event) -> T:
        """Waits for `work`, but no longer than until the connection is made anew or one of these events comes."""
        task = asyncio.ensure_future(work)
        others = [asyncio.ensure_future(event.wait()) for event in (self.anew, *ends)]
        try:
            await asyncio.wait({task, *others}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise _ConnectedAnew
            return task.result()
        finally:
            for one in (task, *others):
                one.cancel()
            if task.done() and not task.cancelled():
                task.exception()  # it was looked at

    async def consumer(self) -> "Dict[str, Any]":
        """What the server says of the function's consumer."""
        subject = f"{self.api}.CONSUMER.INFO.{self.jobs}.{self.function}"
        reply = await self.unless(self.nc.request(subject, b"", timeout=2))
        info: Dict[str, Any] = json.loads(reply.data)
        if "error" in info:
            raise nats.js.errors.APIError.from_error(info["error"])
        return info

    async def stored(self, subject: str) -> Optional[bytes]:
        """What is stored there. In doubt nothing is."""
        try:
            api = f"{self.api}.DIRECT.GET.{self.results}.{subject}"
            reply = await self.unless(self.nc.request(api, b"", timeout=2))
        except (nats.errors.Error, asyncio.TimeoutError, _ConnectedAnew):
            return None
        return None if reply.headers and "Status" in reply.headers else bytes(reply.data)

    async def is_answered(self, subject: str, values_only: bool) -> bool:
        """Whether an answer is stored. In doubt there is none."""
        found = await self.stored(subject)
        try:
            answer = None if found is None else _wire.unpack(found)[0]
        except (ValueError, TypeError):
            return False
        return answer is not None and ("y" in answer or not values_only)

    async def mark(self, subject: str, job: str) -> None:
        """Leaves a mark that a worker has begun with a job that was given out before: what is lost on its way is told by it
        from what workers die of."""
        words = (await self.stored(f"{subject}-begun") or b"").split(b"\n")
        before = int(words[1]) if len(words) == 2 and words[0] == job.encode() and words[1].isdigit() else 0
        try:
            await self.unless(self.js.publish(f"{subject}-begun", f"{job}\n{before + 1}".encode(), timeout=STORED))
        except (nats.errors.Error, asyncio.TimeoutError, _ConnectedAnew, OSError):
            pass

    async def is_awaited(self, run: str) -> bool:
        """Whether a run's coordinator is there. In doubt it is."""
        now = time.monotonic()
        if now - self.awaited.get(run, -60.0) < AWAITED:
            return True
        try:
            await self.unless(self.nc.request(f"coquad1.{self.space}.alive.{run}", b"", timeout=2))
            if len(self.awaited) >= 1000:
                self.awaited.clear()
            self.awaited[run] = now
        except nats.errors.NoRespondersError:
            return False
        except (nats.errors.Error, asyncio.TimeoutError, _ConnectedAnew, OSError):
            pass
        return True

    async def is_released(self, run: str, subject: str) -> bool:
        """Whether a run's coordinator has heard the answer that goes there, or, on a run without a name, is gone."""
        try:
            api = f"coquad1.{self.space}.alive.{run}"
            reply = await self.unless(self.nc.request(api, subject.encode(), timeout=STORED))
            return bytes(reply.data) == b"+"
        except nats.errors.NoRespondersError:
            return _ends_with_its_client(run)
        except (nats.errors.Error, asyncio.TimeoutError, _ConnectedAnew, OSError):
            return False

    async def hear_of_orders(self) -> None:
        """Answers who asks how it is, and rests when told to. The server lets admins alone ask."""
        token = "w-" + re.sub("[^A-Za-z0-9]", "-", self.name)

        async def asked(message: Any) -> None:
            # What the server has placed itself is nobody's question.
            if "Nats-Stream" in (message.headers or {}) or not message.reply:
                return
            if message.data == b"drain":
                self.awake.clear()
                self.resting.set()
            elif message.data == b"resume":
                self.resting.clear()
                self.awake.set()
            told = {"worker": self.name, "functions": [self.function], "slots": self.slots, "busy": self.busy}
            told.update(drained=self.resting.is_set(), points=self.points, failures=self.failures, worked=self.worked)
            told["arithmetic"] = self.arithmetic
            await self.nc.publish(message.reply, json.dumps(told).encode())

        for which in ("all", token):
            await self.nc.subscribe(f"coquad1.{self.space}.worker.{which}", cb=asked)

    def trouble(self, why: str) -> None:
        """An answer cannot be stored: that is said now and then."""
        if time.monotonic() - self.told > 10:
            self.told = time.monotonic()
            print(f"coquad_worker: an answer cannot be stored in {self.results}: {why}", file=sys.stderr)


class _Held:
    """A job that a slot has.

    The server gives a job to another worker when it has had no sign of life for `ack_wait`, and obeys whoever speaks of
    the job, also one that has it no longer.

    INVARIANT: nothing is said of a job but by its holder. `until` is when the job may be another's: `ack_wait` after a
    request of ours that the server had before it gave us the job, or after a sign of life that it has confirmed before
    `until`, on the connection on which we have the job. A server that was started again may have forgotten what it gave to
    whom: then nothing is handed back, ended or failed, and a value is offered, which harms nobody.
    """

    def __init__(self, worker: _Worker, message: Any, terms: "Dict[str, Any]", asked: float, connection: int) -> None:
        self.worker, self.message, self.connection = worker, message, connection
        self.delivery = message.metadata.num_delivered
        self.created = terms["created"]
        self.ack_wait = terms["config"]["ack_wait"] / 1e9
        self.until = asked + self.ack_wait
        self.server = worker.server_id()
        self.restarted = False
        self.subject = ""

    def is_sure(self) -> bool:
        return self.is_held() and not self.restarted

    def is_held(self) -> bool:
        unbroken = self.connection == self.worker.connections and self.worker.nc.is_connected
        return bool(unbroken and time.monotonic() + self.ack_wait / 10 < self.until)

    async def tell(self, what: bytes) -> None:
        if not self.is_sure():
            await self.attempt_alive()
        if self.is_sure():
            await self.worker.nc.publish(self.message.reply, what)

    async def let_go(self) -> None:
        """Lets go of a job that is answered; a server that has lost its store has given its number to another job."""
        if self.is_held() or (await self.worker.consumer())["created"] == self.created:
            await self.worker.nc.publish(self.message.reply, b"+ACK")

    async def alive(self) -> None:
        """Gives a sign of life, or sees whether the job is still ours."""
        worker, connection = self.worker, self.worker.connections
        if connection == self.connection and self.is_held():
            sent = time.monotonic()
            await worker.unless(worker.nc.request(self.message.reply, b"+WPI", timeout=max(self.until - sent, 0.01)))
            if time.monotonic() < self.until:
                self.until = sent + self.ack_wait
        elif await self._is_nobody_elses():
            sent = time.monotonic()
            await worker.unless(worker.nc.request(self.message.reply, b"+WPI", timeout=self.ack_wait))
            # Between the question and the sign of life it may have been given away.
            if await self._is_nobody_elses() and connection == worker.connections:
                self.until, self.connection = sent + self.ack_wait, connection
                self.restarted = self.restarted or worker.server_id() != self.server

    async def _is_nobody_elses(self) -> bool:
        """Whether the server says so: it has given out no job a second time, and this is no second time."""
        if self.delivery > 1:
            return False
        info = await self.worker.consumer()
        same = info["created"] == self.created and info["num_redelivered"] == 0 and info["num_ack_pending"] > 0
        return same and not await self.worker.is_answered(self.subject, values_only=False)

    async def during(self, work: "asyncio.Future[T]", *ends: asyncio.Event) -> Optional[T]:
        """Waits for `work`, and gives signs of life meanwhile. `None` if one of these events came before."""
        others = [asyncio.ensure_future(event.wait()) for event in ends]
        try:
            while not work.done() and not any(event.is_set() for event in ends):
                events: "list[asyncio.Future[Any]]" = [work, *others]
                beat = self.ack_wait / 3
                done, _ = await asyncio.wait(events, timeout=beat, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    await self.attempt_alive()
            return work.result() if work.done() else None
        finally:
            for other in others:
                other.cancel()

    async def attempt_alive(self) -> None:
        try:
            await self.alive()
        except (nats.errors.Error, asyncio.TimeoutError, _ConnectedAnew, OSError):
            pass  # the next one, or the connection to come, may have more luck


def _run(subject: str) -> str:
    """The run whose answer goes there: one token, or two in version 2 of the names."""
    return ".".join(subject.split(".")[3:-1])


def _ends_with_its_client(run: str) -> bool:
    return run.split(".")[-1].startswith("r-")


def _job_of(data: bytes, space: str, function: str) -> _wire.Job:
    """The job, if it is one: an identity, a point, and a place for the answer in this space."""
    job = _wire.job(data)
    if job.function != function or not 1 <= len(job.x) <= _wire.MOST_POINTS:
        raise ValueError("not for us")
    # Of version 1, or of version 2, in which it tells the function.
    run = rf"({re.escape(function)}\.)?[A-Za-z0-9_-]{{1,64}}"
    place = rf"coquad1\.{re.escape(space)}\.res\.{run}\.{re.escape(job.id)}"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", job.id) or not re.fullmatch(place, job.reply or ""):
        raise ValueError("not an answer's place")
    return job


class _Slot:
    """Asks for a job, evaluates it, stores the answer, and lets go of the job, in this order."""

    def __init__(self, worker: _Worker) -> None:
        self.worker = worker

    async def serve(self) -> None:
        """INVARIANT: it ends when the worker leaves, and not before, whatever happens."""
        worker = self.worker
        while not worker.leaving.is_set():
            if worker.resting.is_set():
                ends = [asyncio.ensure_future(event.wait()) for event in (worker.awake, worker.leaving)]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in ends:
                    end.cancel()
                continue
            try:
                await self._ask()
            except (nats.errors.Error, asyncio.TimeoutError, _ConnectedAnew, OSError):
                pass  # no connection, no consumer: it may come back
            except Exception as error:
                print(f"coquad_worker: {type(error).__name__}: {error}", file=sys.stderr)
            if not worker.leaving.is_set():
                await asyncio.wait({asyncio.ensure_future(worker.leaving.wait())}, timeout=0.25)

    async def _ask(self) -> None:
        worker = self.worker
        connection = worker.connections
        terms = await worker.consumer()
        expires = min(ASKING, terms["config"]["ack_wait"] / 4e9)
        request = json.dumps({"batch": 1, "expires": int(expires * 1e9)}).encode()
        inbox = worker.nc.new_inbox()
        answers = await worker.nc.subscribe(inbox)
        try:
            ends = (worker.leaving, worker.resting)
            while not any(end.is_set() for end in ends) and connection == worker.connections:
                asked = time.monotonic()
                await worker.nc.publish(f"{worker.api}.CONSUMER.MSG.NEXT.{worker.jobs}.{worker.function}", request, inbox)
                # Cut short by `leaving`, it may take a job with it: the server gives that to another in time.
                message = await worker.unless(answers.next_msg(timeout=expires + 0.5), *ends)
                status = JetStreamContext.is_status_msg(message)
                if not status:
                    await self._handle(_Held(worker, message, terms, asked, connection))
                elif str(status) != "408":  # it waited as long as it was asked to
                    return
        finally:
            try:
                await answers.unsubscribe()
            except nats.errors.Error:
                pass  # the subscription went with the connection

    async def _handle(self, held: _Held) -> None:
        worker, message = self.worker, held.message
        try:
            if "Nats-Stream" in (message.headers or {}):
                raise ValueError("the server has placed it, by the request of somebody who may not ask for jobs")
            job = _job_of(message.data, worker.space, worker.function)
        except Exception:
            return await held.tell(b"+TERM")
        held.subject = job.reply or ""
        if held.delivery > 1 and await worker.is_answered(held.subject, values_only=True):
            return await held.tell(b"+ACK")
        run = _run(held.subject)
        age = time.time() - message.metadata.timestamp.timestamp()
        if _ends_with_its_client(run) and (held.delivery > 1 or age > OLD):
            if not await held.during(asyncio.ensure_future(worker.is_awaited(run))):
                return await held.tell(b"+TERM")
        started = time.monotonic()
        whole = len(job.x) > 1

        def extra() -> "tuple[tuple[str, Any], ...]":
            own = (("w", worker.name), ("n", held.delivery), ("a", worker.arithmetic), ("m", _wire.MOST_POINTS))
            return (("dt", time.monotonic() - started), *own)

        if job.axes != worker.axes:
            words = f"a point of {worker.function!r} has {worker.axes} numbers here, not {job.axes}"
            if await self._store(held, job, _wire.failure(job.id, words, "bad-request", extra())):
                await held.let_go()
            return

        if whole and held.delivery > 1:
            # Its points may be the death of those who have it: its coordinator asks for each alone.
            words = f"a job of {len(job.x)} points was given out {held.delivery} times"
            if await self._store(held, job, _wire.failure(job.id, words, "crashed", extra())):
                await held.let_go()
            return

        name = (message.headers or {}).get("Nats-Msg-Id")
        if held.delivery > 1 and name:
            await held.during(asyncio.ensure_future(worker.mark(held.subject, name)))

        def evaluated() -> bytes:
            worker.count(1)
            try:
                outcomes = self._outcomes(job.x)
                worker.has_evaluated(outcomes, time.monotonic() - started)
                # The values first: `dt` is how long they took.
                return _wire.answers(job.id, 0, outcomes, extra(), whole)
            except BaseException as error:
                return _wire.failure(job.id, error, None, extra())
            finally:
                worker.count(-1)

        work = asyncio.wrap_future(worker.threads.submit(evaluated))
        answer = await held.during(work, worker.left)
        if answer is None:
            return await held.tell(b"-NAK")
        if await self._store(held, job, answer):
            await held.let_go()

    def _outcomes(self, points: "list[Any]") -> "list[_wire.Outcome]":
        worker = self.worker
        if worker.batch:
            return together(worker.f, points)
        outcomes: "list[_wire.Outcome]" = []
        for x in points:
            outcomes.append(_wire.outcome(lambda: _wire.at(worker.f, x)))
            if worker.left.is_set():
                break  # nobody hears of it
        return outcomes

    async def _store(self, held: _Held, job: _wire.Job, answer: bytes) -> bool:
        """Publishes the answer until the server has it, for as long as the job is ours."""
        worker = self.worker
        run = _run(held.subject)
        begun = time.monotonic()
        keeping = 0.0 if _ends_with_its_client(run) else KEEPING
        beat = begun + held.ack_wait / 3
        while True:
            if not held.is_held() or time.monotonic() > beat:
                await held.attempt_alive()
                beat = time.monotonic() + held.ack_wait / 3
            if worker.left.is_set():
                return False
            is_value = _wire.is_value(answer)
            if not (held.is_held() if is_value else held.is_sure()):
                # The server that has given the job out is there, and knows whose it is; or it is another one.
                restarted = worker.server_id() != held.server
                if worker.nc.is_connected and (held.restarted or await self._is_lost(held)):
                    if not restarted or not is_value:
                        return False
                else:
                    await asyncio.sleep(0.1)
                    continue
            limit = min(_wire.LONGEST_MESSAGE, worker.nc.max_payload or _wire.LONGEST_MESSAGE)
            if len(answer) > limit:
                # Of a job of many points this is about none: its coordinator asks for each alone.
                answer = _wire.too_long(job.id, len(answer), limit)
            try:
                await worker.unless(worker.js.publish(held.subject, answer, timeout=STORED))
                return True
            except _ConnectedAnew:
                continue
            except nats.js.errors.APIError as error:
                if error.err_code == 10054:  # longer than the stream takes: it never will be stored
                    words = f"a value of {len(answer)} bytes is longer than the stream takes"
                    answer = _wire.failure(job.id, words, "failed")
                worker.trouble(str(error))
            except (nats.errors.Error, asyncio.TimeoutError, OSError) as error:
                worker.trouble(f"{type(error).__name__}: {error}")
            if time.monotonic() - begun >= keeping and await worker.is_released(run, held.subject):
                return True
            await asyncio.sleep(0.05)

    @staticmethod
    async def _is_lost(held: _Held) -> bool:
        try:
            return not await held._is_nobody_elses()
        except (nats.errors.Error, asyncio.TimeoutError, _ConnectedAnew, OSError):
            return False


async def serve_nats_async(
    url: str,
    function: str,
    f: Callable[..., Any],
    *,
    space: str = "default",
    slots: int = 1,
    batch: bool = False,
    axes: int = 1,
    api: str = "$JS.API",
    patience: float = 20.0,
    wait: Optional[float] = None,
    **connection: Any,
) -> bool:
    """As `serve_nats`, on a loop that runs. Returns whether no thread is left that evaluates what nobody wants."""
    for name in (space, function):
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise ValueError(f"{name!r} is not a name: 1 to 64 letters, digits, - and _")
    workers: "list[_Worker]" = []

    def say(what: str) -> None:
        print(f"coquad_worker: {what}", file=sys.stderr)

    async def connected() -> None:
        say("connected")
        for worker in workers:
            await worker.connected()

    async def disconnected() -> None:
        say("disconnected")

    loop = asyncio.get_running_loop()
    refused: "asyncio.Future[None]" = loop.create_future()
    tried: "list[Exception]" = []

    async def failed(error: Exception) -> None:
        if not workers:
            # nats-py tries again whatever it was: a server that is not there is waited for, one that refuses is not.
            if "authorization" in str(error).lower() and not refused.done():
                refused.set_exception(error)
            elif not tried:
                say(f"no server yet: {type(error).__name__}: {error}")
            tried.append(error)
            return
        # Each attempt to connect that fails is one: what an operator must know is that the connection is gone.
        if not isinstance(error, (OSError, asyncio.TimeoutError, nats.errors.UnexpectedEOF)):
            say(f"{type(error).__name__}: {error}")

    options: Dict[str, Any] = {
        "inbox_prefix": "_INBOX_worker",
        "name": "coquad worker",
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 0.1,
        "ping_interval": 2,
        "error_cb": failed,
        "disconnected_cb": disconnected,
        "reconnected_cb": connected,
    }
    connecting = asyncio.ensure_future(nats.connect(url, **{**options, **connection}))
    either: "list[asyncio.Future[Any]]" = [connecting, refused]
    await asyncio.wait(either, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
    if not connecting.done():
        connecting.cancel()
        await asyncio.wait({connecting})
        if refused.done():
            refused.result()
        raise TimeoutError(f"no server within {wait} s: {tried[-1] if tried else 'no answer'}")
    nc = connecting.result()
    worker = _Worker(nc, function, f, space, slots, batch, axes, api)
    workers.append(worker)
    await worker.hear_of_orders()

    def told() -> None:
        (worker.left if worker.leaving.is_set() else worker.leaving).set()

    for kind in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(kind, told)
        except (NotImplementedError, RuntimeError, ValueError):
            pass  # not on the main thread: signals are the program's own affair
    all: "Set[asyncio.Task[None]]" = {asyncio.ensure_future(_Slot(worker).serve()) for _ in range(slots)}
    try:
        await worker.leaving.wait()
        ends: "list[asyncio.Future[Any]]" = [asyncio.gather(*all), asyncio.ensure_future(worker.left.wait())]
        await asyncio.wait(ends, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        worker.left.set()
        await asyncio.wait(all, timeout=2)
        await asyncio.wait_for(nc.drain(), 2)
    except asyncio.TimeoutError:
        pass
    finally:
        for task in all:
            task.cancel()
        worker.threads.shutdown(wait=False, cancel_futures=True)
    return worker.busy == 0


def serve_nats(url: str, function: str, f: Callable[..., Any], **options: Any) -> None:
    """Serves `f`, of a float, or with `axes=2` of two, and to a number, a complex number, or a sequence of them, until told to stop.

    With `batch`, `f` takes the points of a job, 64 at most, and returns as many values: an array of numpy if the program has
    imported numpy, else a list of floats.

    `slots` evaluations run at once, each on a thread; `space` is the coordinator's; `api` is where the account imports
    JetStream's subjects from another, if it does; what else is given goes to
    `nats.connect`. Told by SIGTERM or SIGINT, it asks for no more, finishes what it has within `patience` seconds, and
    hands back the rest. Whatever `f` raises is its failure at that point, and so is a value that is no number or too
    long: the worker lives on. What the server loses, and a server that is started again, it survives. A server that is not
    there at the start is waited for, `wait` seconds if that is given; one that refuses the log-in is not.
    """
    if not asyncio.run(serve_nats_async(url, function, f, **options)):
        # Python would wait for the threads that are left, one of which may never end.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
