#!/usr/bin/env bash
# An old NATS server loses a stream that is made anew while it still deletes the one before.
#
# nats-server 2.9.10 (Debian 12) and 2.15.1, on x86-64 Linux, 2026-11-30, by a bare client (nats-py 2.16.0): a stream is
# deleted, and made anew as soon as the server calls it unknown. Expected: what is published then is there. Seen with
# 2.9.10, in 37 to 40 of 40 rounds: the new stream counts 64 messages, none of which can be read, and its folder is
# empty. The server had still removed the files of the old one. What helps: to wait 250 ms (0 of 40 rounds).
# 2.15.1: 0 of 40.
#
#     bash findings/nats-stream-anew.sh $(bash .ci/nats --debian)     needs a registry; prints what is seen
set -euo pipefail
server=${1:?the path of a nats-server}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
python3 -m venv "$made/venv"
"$made/venv/bin/pip" install -q --disable-pip-version-check nats-py==2.16.0
"$made/venv/bin/python" - "$server" "$made" <<'PYTHON'
import asyncio, json, socket, subprocess, sys

import nats
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig

server, folder = sys.argv[1:]
free = socket.socket()
free.bind(("127.0.0.1", 0))
port = free.getsockname()[1]
free.close()
with open(f"{folder}/server.conf", "w") as config:
    config.write(f"""
host: 127.0.0.1
port: {port}
jetstream {{ store_dir: "{folder}/store" }}
accounts {{ LAB {{ jetstream: enabled, users: [
  {{ user: admin, password: p }}
] }} }}
""")
log = open(f"{folder}/log", "w")
process = subprocess.Popen([server, "-c", f"{folder}/server.conf"], stdout=log, stderr=log)


async def connect(user):
    async def silent(_):
        pass

    for _ in range(200):
        try:
            url = f"nats://{user}:p@127.0.0.1:{port}"
            return await nats.connect(url, allow_reconnect=False, error_cb=silent)
        except OSError:
            await asyncio.sleep(0.05)
    raise SystemExit("the server does not listen")


async def anew(one, other, pause):
    js = one.jetstream()
    jobs = StreamConfig(name="J", subjects=["j.*"], retention=RetentionPolicy.WORK_QUEUE)

    async def fill():
        await js.add_stream(jobs)
        await js.add_consumer("J", ConsumerConfig(durable_name="f", filter_subject="j.f", ack_policy="explicit"))
        for _ in range(64):
            await js.publish("j.f", b"x" * 100)

    broken = 0
    for _ in range(40):
        await fill()
        deleted = asyncio.ensure_future(other.request("$JS.API.STREAM.DELETE.J", b"", timeout=5))
        while "error" not in json.loads((await one.request("$JS.API.STREAM.INFO.J", b"", timeout=5)).data):
            pass
        await asyncio.sleep(pause)
        try:
            await fill()
            await deleted
            await asyncio.sleep(0.3)
            first = json.loads((await one.request("$JS.API.STREAM.MSG.GET.J", b'{"seq":1}', timeout=5)).data)
            broken += "error" in first
        except nats.js.errors.Error:
            broken += 1
        await other.request("$JS.API.STREAM.DELETE.J", b"", timeout=5)
        await asyncio.sleep(0.3)
    print(f"made anew after {pause} s: {broken} of 40 streams cannot read what they count")
    return broken


async def main():
    one, other = await connect("admin"), await connect("admin")
    version = subprocess.run([server, "--version"], capture_output=True, text=True).stdout.strip()
    print(version)
    at_once, later = [await anew(one, other, pause) for pause in (0.0, 0.25)]
    assert later == 0 and (at_once > 0) == version.startswith("nats-server: v2.9."), (at_once, later)
    for connection in (one, other):
        await connection.close()


try:
    asyncio.run(asyncio.wait_for(main(), 150))
finally:
    process.kill()
    process.wait()
PYTHON
