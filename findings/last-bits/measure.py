"""How often elementary functions have other last bits: by CPU (glibc's tunable), library, how many at once, threads.

    python3 measure.py        prints a table; needs numpy, on Linux with glibc
"""

import json
import math
import os
import random
import subprocess
import sys

NAMES = "sin cos tan exp expm1 log log1p tanh sinh atan asin pow".split()
NUMPY = {"pow": "power", "atan": "arctan", "asin": "arcsin"}
RANGES = {"exp": (-30, 30), "expm1": (-3, 3), "log": (0, 10), "log1p": (-0.9, 10), "tanh": (-3, 3), "sinh": (-3, 3),
          "atan": (-5, 5), "asin": (-1, 1), "pow": (0, 10)}
COUNT = 200_000


def points(name):
    draw = random.Random(name)
    low, high = RANGES.get(name, (0, 100))
    return [draw.uniform(low, high) for _ in range(COUNT)]


def values(how):
    import numpy as np

    table = {}
    for name in NAMES:
        xs = points(name)
        if how == "math":
            f = getattr(math, name)
            table[name] = [f(x, 1.7) if name == "pow" else f(x) for x in xs]
            continue
        f = getattr(np, NUMPY.get(name, name))
        call = (lambda x: f(x, 1.7)) if name == "pow" else f
        if how == "numpy":
            table[name] = call(np.array(xs)).tolist()
        elif how == "one by one":
            table[name] = [float(call(np.float64(x))) for x in xs]
        else:  # in steps of seven, with a stride: other loops, other ends
            strided = np.zeros(3 * COUNT)[::3]
            strided[:] = xs
            table[name] = [y for i in range(0, COUNT, 7) for y in call(strided[i : i + 7]).tolist()]
    a = np.random.default_rng(1).random((400, 400))
    table["dot"] = [float(x) for x in (a @ a).ravel()[:COUNT]]
    symmetric = a + a.T
    table["solve"] = np.linalg.solve(a, a[0]).tolist()
    table["eigenvalues"] = np.linalg.eigvalsh(symmetric).tolist()
    long = np.random.default_rng(2).random(20_000)
    table["scalar product"] = [float(long @ (long + i)) for i in range(100)]
    table["sum"] = [float(a.ravel()[:n].sum()) for n in range(1000, 2000)]
    return {name: [y.hex() for y in ys] for name, ys in table.items()}


def child(how, **environment):
    environment = {**os.environ, **environment}
    run = subprocess.run([sys.executable, __file__, how], env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)


def main():
    import numpy as np

    plain = child("math")
    array = child("numpy")
    rows = [
        ("math, glibc without FMA", plain, child("math", GLIBC_TUNABLES="glibc.cpu.hwcaps=-FMA")),
        ("numpy against math", plain, array),
        ("numpy without FMA against numpy", array, child("numpy", GLIBC_TUNABLES="glibc.cpu.hwcaps=-FMA")),
        ("numpy one by one against arrays", array, child("one by one")),
        ("numpy in strided pieces against arrays", array, child("pieces")),
        ("OPENBLAS_NUM_THREADS", *[child("numpy", OPENBLAS_NUM_THREADS=threads) for threads in ("1", "2")]),
        ("OPENBLAS_CORETYPE", *[child("numpy", OPENBLAS_CORETYPE=core) for core in ("Haswell", "Nehalem")]),
    ]
    versions = f"numpy {np.__version__}, {os.confstr('CS_GNU_LIBC_VERSION')}"
    print(f"{versions}, {COUNT} points of each function; where none is named, none differ")
    for name, one, other in rows:
        shares = {key: sum(a != b for a, b in zip(one[key], other[key])) / len(one[key]) for key in one}
        told = ", ".join(f"{key} {share:.3%}" for key, share in shares.items() if share)
        print(f"{name}: {told or 'none'}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        json.dump(values(sys.argv[1]), sys.stdout)
    else:
        main()
