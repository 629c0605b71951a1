"""The worker's side of `coquad::Processes`: `serve(f)` evaluates f for the program that started this one.

Frames of MessagePack on standard input and output (docs/DISTRIBUTED.md), as much of it as the protocol needs.
`jobs()` and `answer()` are for workers with many hands of their own, such as dask_bridge.py.
"""

import os
import struct
import sys


def _unpack(b, i):
    """The value at b[i], and where the next one starts."""
    t = b[i]
    if t < 0x80:
        return t, i + 1  # a small integer
    if t < 0x90:  # a map
        d, i = {}, i + 1
        for _ in range(t & 15):
            k, i = _unpack(b, i)
            d[k], i = _unpack(b, i)
        return d, i
    if t == 0xCB:
        return struct.unpack_from(">d", b, i + 1)[0], i + 9
    if t == 0xDC or t < 0xA0:  # an array
        n, i = (t & 15, i + 1) if t < 0xA0 else (int.from_bytes(b[i + 1 : i + 3], "big"), i + 3)
        a = []
        for _ in range(n):
            v, i = _unpack(b, i)
            a.append(v)
        return a, i
    if t < 0xC0:  # a text
        n, i = t & 31, i + 1
    elif t in (0xC4, 0xD9, 0xC5, 0xDA, 0xC6, 0xDB):  # bytes and longer texts
        w = {0xC4: 1, 0xD9: 1, 0xC5: 2, 0xDA: 2, 0xC6: 4, 0xDB: 4}[t]
        n, i = int.from_bytes(b[i + 1 : i + 1 + w], "big"), i + 1 + w
    else:
        raise ValueError(f"MessagePack type {t:#x} is not in use here")
    raw = b[i : i + n]
    return (raw if t in (0xC4, 0xC5, 0xC6) else raw.decode()), i + n


def _text(s):
    raw = s.encode(errors="replace")[:4096]
    return b"\xda" + len(raw).to_bytes(2, "big") + raw


def _send(*entries):
    message = bytes([0x81 + len(entries) // 2]) + _text("v") + b"\x01" + b"".join(entries)
    _out.write(len(message).to_bytes(4, "little") + message)
    _out.flush()


def jobs(function=""):
    """Says hello, and returns an iterator over (id, x) that ends when the coordinator wants no more."""
    global _out
    pipe, _out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # from here on print() goes to standard error
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _send(_text("f"), _text(function))
    return _read(pipe)


def _read(pipe):
    while len(length := pipe.read(4)) == 4:
        job, _ = _unpack(pipe.read(int.from_bytes(length, "little")), 0)
        yield job["id"], job["x"][0]


def answer(id, y):
    """Answers the job of that id by a number, a complex number, a sequence of numbers, or an exception."""
    if isinstance(y, Exception):
        y = b"\x82" + _text("kind") + _text(type(y).__name__) + _text("msg") + _text(str(y))
        return _send(_text("id"), _text(id), _text("e"), y)
    ys = [y.real, y.imag] if isinstance(y, complex) else y if hasattr(y, "__len__") else [y]
    ys = struct.pack(f"<{len(ys)}d", *ys)
    _send(_text("id"), _text(id), _text("y"), b"\xc6" + len(ys).to_bytes(4, "big") + ys)


def serve(f, function=""):
    for id, x in jobs(function):
        try:
            answer(id, f(x))
        except Exception as e:
            answer(id, e)
