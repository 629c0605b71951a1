"""A coquad worker on NATS, for functions in Python: `asyncio.run(serve("nats://localhost:4222", "gap-v3", f))`.

Needs nats-py and msgpack. The streams and the function's consumer must be there: the coordinator makes them. A function
that crashes the interpreter takes its worker along, and the server gives the job to another; under
`coquad-worker --serve gap-v3 -- python3 gap.py` it is started again instead, and no NATS client is needed here.
"""

import asyncio
import os
import re
import socket
import time

import msgpack
import nats
from nats.js.errors import NotFoundError

LONGEST_MESSAGE = 1 << 20
LONGEST_TEXT = 4096


def job_of(data, space, function):
    """The job, if it is one: an identity, a point, and a place for the answer in this space."""
    if len(data) > LONGEST_MESSAGE:
        raise ValueError("too long")
    job = msgpack.unpackb(data)
    if job["v"] != 1 or job["f"] != function or len(job["x"]) != 1:
        raise ValueError("not for us")
    if not re.fullmatch(rf"coquad1\.{space}\.res\.[A-Za-z0-9_-]+\.{re.escape(job['id'])}", job["r"]):
        raise ValueError("not an answer's place")
    return job, float(job["x"][0])


async def slot(js, sub, f, space, function, beat):
    worker = f"{socket.gethostname()}:{os.getpid()}"
    while True:
        try:
            [message] = await sub.fetch(1, timeout=30)
        except nats.errors.TimeoutError:
            continue
        except nats.errors.Error:  # no connection, no consumer: it may come back
            await asyncio.sleep(0.25)
            continue
        try:
            job, x = job_of(message.data, space, function)
        except Exception:
            await message.term()
            continue
        started = time.monotonic()
        work = asyncio.create_task(asyncio.to_thread(f, x))
        while not (await asyncio.wait({work}, timeout=beat))[0]:
            await message.in_progress()
        error = work.exception()
        if error:
            answer = {"e": {"kind": type(error).__name__, "msg": str(error)[:LONGEST_TEXT // 4]}}
        else:
            y = work.result()
            answer = {"y": [float(y)] if isinstance(y, (int, float)) else [float(part) for part in y]}
        answer |= {"v": 1, "id": job["id"], "dt": time.monotonic() - started, "w": worker}
        answer["n"] = message.metadata.num_delivered
        while True:  # the answer is stored before the job is let go of
            try:
                await js.publish(job["r"], msgpack.packb(answer), timeout=beat)
                break
            except nats.errors.Error:
                await message.in_progress()
                await asyncio.sleep(0.1)
        await message.ack()


async def serve(url, function, f, space="default", slots=1, **connection):
    """Serves `f`, of a float and to a float or a sequence of them, until cancelled."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", space) or not re.fullmatch(r"[A-Za-z0-9_-]+", function):
        raise ValueError("names are letters, digits, - and _")
    nc = await nats.connect(url, inbox_prefix="_INBOX_worker", max_reconnect_attempts=-1, **connection)
    js, stream = nc.jetstream(), f"COQUAD1_{space}_JOBS"
    while True:
        try:
            info = await js.consumer_info(stream, function)
            break
        except (NotFoundError, nats.errors.Error):
            await asyncio.sleep(0.5)
    beat = max(info.config.ack_wait / 3, 0.05)
    subs = [await js.pull_subscribe_bind(consumer=function, stream=stream) for _ in range(slots)]
    await asyncio.gather(*(slot(js, sub, f, space, function, beat) for sub in subs))
