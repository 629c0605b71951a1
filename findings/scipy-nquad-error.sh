#!/usr/bin/env bash
# The error that SciPy's `dblquad` and `nquad` report does not grow with the outer range.
#
# SciPy 1.17.1, numpy 2.4.6, Python 3.11 on x86-64 Linux, 2026-11-30.
#
# Expected: the reported error covers the errors of the inner integrals, times the length of the
# outer range. The documentation of `dblquad` says "An estimate of the error".
# Seen: 1e-9 sqrt|y - 0.3|, y from 0 to 1 and x from 0 to L, default tolerances, no warning:
#
#   L       reported error   true error
#   1          5.1e-11        6.5e-13
#   1e3        5.1e-11        6.5e-10
#   1e6        5.1e-11        6.5e-7    (the integral is 5.0e-4: three digits)
#   1e9        5.1e-11        6.5e-4
#
# Each inner integral has the absolute tolerance 1.49e-8. A small inner integral meets it at once,
# with few digits. The reported error is the largest among the inner integrals and the outer one.
# The documentation of `nquad` says that, the documentation of `dblquad` does not.
#
# What helps: `epsabs=0`, so that the inner integrals meet a relative tolerance; or variables that
# run over ranges of length one.
#
#     bash findings/scipy-nquad-error.sh      fails if SciPy no longer does this
set -euo pipefail
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
python3 -m venv "$made/venv"
"$made/venv/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
"$made/venv/bin/python" - <<'END'
import warnings

from scipy.integrate import dblquad, nquad

warnings.simplefilter("error")  # a warning ends this program


def f(y, x):
    return 1e-9 * abs(y - 0.3) ** 0.5


inner = 1e-9 * (0.3**1.5 + 0.7**1.5) / 1.5
for length in [1.0, 1e3, 1e6, 1e9]:
    exact = length * inner
    value, error = dblquad(f, 0, length, 0, 1)
    assert (value, error) == nquad(f, [(0, 1), (0, length)])
    ratio = abs(value - exact) / error
    print(f"L {length:g}: value {value:.9g}, exact {exact:.9g}, "
          f"reported {error:.1e}, true {abs(value - exact):.1e}")
    if length >= 1e6:
        assert ratio > 1000, "SciPy no longer does this"

value, error = dblquad(f, 0, 1e6, 0, 1, epsabs=0)
print(f"L 1e+06, epsabs=0: value {value:.9g}, reported {error:.1e}")
assert abs(value - 1e6 * inner) < 1e-7 * value
END
