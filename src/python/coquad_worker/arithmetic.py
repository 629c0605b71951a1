"""The fingerprint of arithmetic: whether two workers can be expected to give the same bits."""

from __future__ import annotations

import math
import platform
import struct
import sys
from typing import Any, Callable, Dict, Iterable, List, Tuple

# Where the variants of libm that are known differ: points `k / 2**n` of each function, by search (src/evaluation/
# arithmetic.rs has the same table, and says where it comes from).
POINTS: "Tuple[Tuple[str, int, Tuple[int, ...]], ...]" = (
    ("sin", 16, (8367, 356913, 653700, 1015474, 1292940, 1650761)),
    ("cos", 16, (13010, 318864, 685412, 954852, 1329915, 1713826)),
    ("tan", 16, (209043, 414950, 614559, 922768, 1439223, 1649208)),
    ("exp", 16, (-997205, -660400, -328057, 18701, 316288, 664481)),
    ("expm1", 18, (-494545, -67872, 73244, 105759, 409385, 867320)),
    ("log", 16, (28892, 53832, 217709, 471679, 1040075, 1475040)),
    ("log1p", 18, (18754, 97391, 130443, 455422, 1059616, 1241248)),
    ("tanh", 19, (11368, 58088, 70842, 83529, 101404, 280689)),
    ("sinh", 19, (19506, 150808, 192334, 502644, 908766, 1521675)),
    ("atan", 18, (3567, 45891, 116263, 391718, 975006, 1508494)),
    ("asin", 22, (41688, 508679, 704954, 928606, 1262581, 1640561)),
    ("pow", 16, (706, 328879, 684604, 1015191, 1348292, 1645796)),
)
EXPONENT = 1.7
# As Rust calls them.
MACHINES: "Dict[str, str]" = {"arm64": "aarch64", "i386": "x86", "i686": "x86", "ppc64le": "powerpc64"}

# Measured with glibc 2.36 on x86-64 and 64-bit ARM, on x86-64 with its tunable hwcaps=-FMA, and with musl 1.2.3.
NAMES: "Dict[str, str]" = {"eaf47106": "glibc-fma", "0cd7156e": "glibc-no-fma", "1d19e135": "musl"}


def _hashed(values: Iterable[float]) -> str:
    """FNV-1a over the bits of these numbers, folded to 32 bits."""
    hash = 0xCBF29CE484222325
    for value in values:
        for byte in struct.pack("<d", value):
            hash = ((hash ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{(hash ^ (hash >> 32)) & 0xFFFFFFFF:08x}"


def _values(functions: "Dict[str, Callable[..., Any]]", scalar: Callable[[float], Any]) -> "List[float]":
    values = []
    for name, scale, points in POINTS:
        f = functions[name]
        for k in points:
            x = scalar(k / (1 << scale))
            values.append(float(f(x, scalar(EXPONENT)) if name == "pow" else f(x)))
    # Whether subnormals are kept, as results and as arguments.
    smallest = scalar(sys.float_info.min)
    values += [float(smallest / scalar(4.0)), float(scalar(5e-324) * scalar(3.0))]
    return values


def arithmetic() -> str:
    """A short text that is the same where elementary functions have the same bits, such as `glibc-fma:1c35f1a5`.

    It is that of `math`, and where numpy was imported and has other bits, of numpy too.
    """
    plain = {name: getattr(math, name) for name, _, _ in POINTS}
    hashed = _hashed(_values(plain, float))
    words = [f"{NAMES.get(hashed, 'unknown')}:{hashed}"]
    if sys.byteorder != "little":
        words.append("big-endian")
    machine = platform.machine().lower()
    if machine not in ("x86_64", "amd64"):
        words.append(MACHINES.get(machine, machine))
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        other = {"pow": "power", "asin": "arcsin", "atan": "arctan"}
        try:
            theirs = {name: getattr(numpy, other.get(name, name)) for name, _, _ in POINTS}
            # As an array has it, whose bits may be others than those of one number.
            of_arrays = {name: _of_arrays(numpy, f) for name, f in theirs.items()}
            both = _values(theirs, numpy.float64) + _values(of_arrays, numpy.float64)
        except Exception:  # half imported, or none that we know
            return " ".join(words)
        ours = _values(plain, float)
        if _hashed(both) != _hashed(ours + ours):
            words.append(f"numpy:{_hashed(both)}")
    return " ".join(words)


def _of_arrays(numpy: Any, f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *x: f(*[numpy.full(9, part) for part in x])[0]
