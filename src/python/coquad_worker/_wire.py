"""The messages of coquad, from and to MessagePack: as much of it as the protocol needs (docs/DISTRIBUTED.md)."""

from __future__ import annotations

import hashlib
import struct
import sys
from typing import Any, Callable, NamedTuple, Optional, Union

VERSION = 1
#: The longest message, in bytes.
LONGEST_MESSAGE = 1 << 20
#: The longest text of a failure, in bytes.
LONGEST_TEXT = 4096
#: Beyond this, numbers travel as bytes.
LONGEST_ARRAY = 64
#: The most points of a job or of an answer.
MOST_POINTS = 1024
#: So many numbers, and failures, are told of in one message: far fewer than make it too long.
FULL, FAILURES = 1 << 12, 16


class Job(NamedTuple):
    """A point to evaluate, or several."""

    id: str
    function: str
    x: "list[Any]"  # a float for each point, or a tuple of them where a point has several numbers
    parameters: Optional[bytes]
    limit: Optional[float]
    reply: Optional[str]
    axes: int = 1  # how many numbers a point has


def at(f: Callable[..., Any], x: Any) -> Any:
    """What `f` returns at a point: `f(x)`, or `f(x, y)` where it has two numbers."""
    return f(*x) if isinstance(x, tuple) else f(x)


def points(numbers: "list[float]", axes: Any) -> "list[Any]":
    """The points that have these numbers. Raises where they are not those of whole points."""
    if type(axes) is not int or axes < 1 or len(numbers) % axes:
        raise ValueError("its numbers are not those of its points")
    return numbers if axes == 1 else list(zip(*[iter(numbers)] * axes))


def _length(data: bytes, at: int, width: int) -> "tuple[int, int]":
    end = at + width
    if end > len(data):
        raise ValueError("the message ends too early")
    return int.from_bytes(data[at:end], "big"), end


def _taken(data: bytes, at: int, length: int) -> "tuple[bytes, int]":
    end = at + length
    if end > len(data):
        raise ValueError("the message ends too early")
    return data[at:end], end


def _sequence(data: bytes, at: int, length: int) -> "tuple[list[Any], int]":
    if length > len(data) - at:
        raise ValueError("the message ends too early")
    floats = data[at : at + 9 * length]
    if length > 1 and len(floats) == 9 * length and floats[::9] == b"\xcb" * length:
        return list(struct.unpack(">" + length * "xd", floats)), at + 9 * length
    values = []
    for _ in range(length):
        value, at = unpack(data, at)
        values.append(value)
    return values, at


def _mapping(data: bytes, at: int, length: int) -> "tuple[dict[Any, Any], int]":
    entries, at = _sequence(data, at, 2 * length)
    keys = [key if isinstance(key, (str, int, float)) else None for key in entries[::2]]
    return dict(zip(keys, entries[1::2])), at


_INTEGERS = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
_SIZED = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


def unpack(data: bytes, at: int = 0) -> "tuple[Any, int]":
    """The value at `data[at]`, and where the next one starts. Raises where there is none."""
    if at >= len(data):
        raise ValueError("the message ends too early")
    kind, at = data[at], at + 1
    if kind < 0x80 or kind >= 0xE0:
        return (kind if kind < 0x80 else kind - 0x100), at
    if kind < 0x90:
        return _mapping(data, at, kind & 15)
    if kind < 0xA0:
        return _sequence(data, at, kind & 15)
    if kind < 0xC0:
        raw, at = _taken(data, at, kind & 31)
        return raw.decode(), at
    if kind in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[kind], at
    if kind in (0xCA, 0xCB):
        raw, at = _taken(data, at, 4 if kind == 0xCA else 8)
        return struct.unpack(">f" if kind == 0xCA else ">d", raw)[0], at
    if kind in _INTEGERS:
        raw, at = _taken(data, at, struct.calcsize(_INTEGERS[kind]))
        return struct.unpack(_INTEGERS[kind], raw)[0], at
    if kind in _SIZED:
        length, at = _length(data, at, _SIZED[kind])
        raw, at = _taken(data, at, length + (0xC7 <= kind <= 0xC9))
        return (raw.decode() if kind >= 0xD9 else raw), at
    if kind in _EXTENSIONS:
        return _taken(data, at, 1 + _EXTENSIONS[kind])
    if kind in (0xDC, 0xDD):
        length, at = _length(data, at, 2 if kind == 0xDC else 4)
        return _sequence(data, at, length)
    if kind in (0xDE, 0xDF):
        length, at = _length(data, at, 2 if kind == 0xDE else 4)
        return _mapping(data, at, length)
    raise ValueError("it is not MessagePack")


def job(message: bytes) -> Job:
    """Reads a job. Raises, with whatever exception, where the bytes are none."""
    if len(message) > LONGEST_MESSAGE:
        raise ValueError("the message is too long")
    fields, end = unpack(message)
    if end != len(message) or fields.get("v") != VERSION:
        raise ValueError("it is no message of this version")
    # Points of several numbers come by another name, which a worker that knows of one number does not find.
    x, axes = (fields["x"], fields.get("d", 1)) if "x" in fields else (fields["xs"], fields["d"])
    if isinstance(x, bytes):
        x = struct.unpack(f"<{len(x) // 8}d", x)
    texts = [fields["id"], fields.get("f", ""), fields.get("r", "")]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("its names are no texts")
    x = [float(part) for part in (x if isinstance(x, (list, tuple)) else [x])]
    if "x" in fields and axes != 1:
        raise ValueError("its numbers are not those of its points")
    parts = points(x, axes)
    return Job(fields["id"], fields.get("f", ""), parts, fields.get("p"), fields.get("t"), fields.get("r"), axes)


def text(value: str) -> bytes:
    raw = value.encode(errors="replace")[:LONGEST_TEXT]
    return b"\xda" + len(raw).to_bytes(2, "big") + raw


def _floats(values: "list[float]") -> bytes:
    if len(values) <= LONGEST_ARRAY:
        parts = [part for y in values for part in (0xCB, y)]
        return b"\xdc" + len(values).to_bytes(2, "big") + struct.pack(">" + len(values) * "Bd", *parts)
    raw = struct.pack(f"<{len(values)}d", *values)
    return b"\xc6" + len(raw).to_bytes(4, "big") + raw


def message(*entries: "tuple[str, bytes]") -> bytes:
    """A map of the version and these keys with their packed values."""
    head = bytes([0x81 + len(entries)]) + text("v") + bytes([VERSION])
    return head + b"".join(text(key) + value for key, value in entries)


Extra = "tuple[tuple[str, Union[str, float, int]], ...]"


def _extra(extra: Any) -> "list[tuple[str, bytes]]":
    packed = []
    for key, value in extra:
        if isinstance(value, str):
            packed.append((key, text(value)))
        elif isinstance(value, int):
            packed.append((key, b"\xcf" + value.to_bytes(8, "big")))
        else:
            packed.append((key, b"\xcb" + struct.pack(">d", value)))
    return packed


def hello(function: str, arithmetic: str, most: int = 1, build: Optional[str] = None, axes: int = 1) -> bytes:
    """What a worker on a pipe says first: what it serves, how many points a job may have, which build it is, and how many
    numbers a point has."""
    many = [("m", count(most))] if most > 1 else []
    which = [("b", text(build))] if build else []
    several = [("d", count(axes))] if axes != 1 else []
    return message(("f", text(function)), ("a", text(arithmetic)), *many, *which, *several)


def build() -> Optional[str]:
    """A hash of the program's file, and of the interpreter's version: none where there is no file."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        with open(path or "", "rb") as file:
            return hashlib.sha256(sys.version.encode() + file.read()).hexdigest()[:16]
    except OSError:
        return None


def count(number: int) -> bytes:
    return b"\xcd" + number.to_bytes(2, "big")


def numbers(y: Any) -> "list[float]":
    """The numbers of a value: a number, a complex number, or a sequence or array of them. Raises for all else."""
    dimensions = getattr(y, "ndim", None)
    if isinstance(dimensions, int):  # an array, or a scalar, of numpy or of what looks like it
        if dimensions > 0:
            return numbers(y.ravel().tolist())
        item = y.item()
        return numbers(item) if getattr(item, "ndim", None) is None else [float(y)]
    if isinstance(y, (str, bytes, bytearray)) or y is None:
        raise TypeError(f"the function returned {_shown(y)}, which is no number")
    if isinstance(y, complex):
        return [y.real, y.imag]
    if hasattr(y, "__len__"):
        parts = [[part] if type(part) is float else numbers(part) for part in y]
        return [part for each in parts for part in each]
    try:
        return [float(y)]
    except TypeError:
        raise TypeError(f"the function returned {_shown(y)}, which is no number") from None


def _shown(y: Any) -> str:
    """As much of a value as an error may quote, whatever its `repr` does."""
    try:
        return repr(y)[:100]
    except BaseException:
        return f"a {type(y).__name__}"


def value(id: str, y: Any, extra: Any = ()) -> bytes:
    return message(("id", text(id)), ("y", _floats(numbers(y))), *_extra(extra))


def failure(id: str, error: Union[BaseException, str], kind: Optional[str] = None, extra: Any = ()) -> bytes:
    """The answer to a job that has no value. It always returns one."""
    try:
        words = str(error)
    except BaseException as worse:  # an exception whose text cannot be had
        words = f"its text cannot be had: {type(worse).__name__}"
    packed = b"\x82" + text("kind") + text(kind or type(error).__name__) + text("msg") + text(words)
    return message(("id", text(id)), ("e", packed), *_extra(extra))


class Failed(NamedTuple):
    """What became of a point that has no value."""

    kind: str
    words: str


#: What became of a point.
Outcome = Union["list[float]", Failed]


def outcome(evaluate: Callable[[], Any]) -> Outcome:
    """What becomes of a point, whatever `evaluate` does and returns."""
    try:
        return numbers(evaluate())
    except BaseException as error:
        return failed(error)


def failed(error: BaseException) -> Failed:
    try:
        return Failed(type(error).__name__, str(error))
    except BaseException as worse:  # an exception whose text cannot be had
        return Failed(type(error).__name__, f"its text cannot be had: {type(worse).__name__}")


def _packed(kind: str, words: str) -> bytes:
    return text("kind") + text(kind) + text("msg") + text(words)


def answers(id: str, first: int, outcomes: "list[Outcome]", extra: Any = (), whole: bool = False) -> bytes:
    """The answer for points that follow each other in a job: `first` is the place of the first of them.

    With `whole` it is for all points of the job, and says how many there are.
    """
    entries = [("id", text(id))]
    if first > 0:
        entries.append(("i", count(first)))
    if len(outcomes) > 1 or whole:
        entries.append(("k", count(len(outcomes))))
    values = [y for y in outcomes if not isinstance(y, Failed)]
    alone = outcomes[0] if len(outcomes) == 1 else None
    if isinstance(alone, Failed):
        entries.append(("e", b"\x82" + _packed(*alone)))
        return message(*entries, *_extra(extra))
    entries.append(("y", _floats([number for y in values for number in y])))
    if len({len(y) for y in values}) > 1:
        entries.append(("l", _floats([float(len(y)) for y in values])))
    failures = [(place, y) for place, y in enumerate(outcomes) if isinstance(y, Failed)]
    if failures:
        packed = [b"\x83" + text("i") + count(place) + _packed(*why) for place, why in failures]
        entries.append(("es", b"\xdc" + len(packed).to_bytes(2, "big") + b"".join(packed)))
    return message(*entries, *_extra(extra))


def in_messages(id: str, first: int, outcomes: "list[Outcome]") -> "list[bytes]":
    """The same in as many messages as it takes, none of which is too long. A value that is, is a failure."""
    failures = sum(isinstance(y, Failed) for y in outcomes)
    if len(outcomes) > 1 and (failures > FAILURES or sum(map(len, outcomes)) > FULL):
        half = len(outcomes) // 2
        return in_messages(id, first, outcomes[:half]) + in_messages(id, first + half, outcomes[half:])
    whole = answers(id, first, outcomes)
    if len(whole) > LONGEST_MESSAGE:
        words = f"a value of {len(whole)} bytes is over the limit of {LONGEST_MESSAGE}"
        whole = answers(id, first, [Failed("failed", words)])
    return [whole]


def answer(id: str, evaluate: Callable[[], Any], extra: Any = (), limit: int = LONGEST_MESSAGE) -> bytes:
    """The answer to a job, whatever `evaluate` does and returns.

    INVARIANT: it returns an answer of at most `limit` bytes, and raises nothing: all that may go wrong between taking a
    job and answering it, in the function, in its value and in writing that down, happens within.
    """
    try:
        message = value(id, evaluate(), extra)
        if len(message) <= limit:
            return message
        return too_long(id, len(message), limit, extra)
    except BaseException as error:
        return failure(id, error, None, extra)


def is_value(answer: bytes) -> bool:
    """Whether an answer of ours has nothing but values."""
    fields, _ = unpack(answer)
    return "y" in fields and "es" not in fields


def too_long(id: str, length: int, limit: int, extra: Any = ()) -> bytes:
    return failure(id, f"a value of {length} bytes is over the limit of {limit}", "failed", extra)
