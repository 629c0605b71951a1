#!/usr/bin/env bash
# mpmath's `quadosc` prints 15 digits and has two where the integrand is singular at its start.
#
# mpmath 1.4.1 and 1.3.0, Python 3.11, 2026-11-30.
#
# Expected: `quadosc` is right where the integrand is a slowly decreasing function times a cosine,
# as the documentation asks. So is cos(x) / sqrt(x) from 0 to infinity, of which the integral is
# sqrt(pi / 2). `quad` has ten digits of 1 / sqrt(x) from 0 to 1.
# Seen: 1.237 and not 1.253: the error is 1.6e-2. With 30 digits it is 8.0e-3, with 50 digits
# 4.0e-3. There is no warning, and no error estimate to ask for. sin(x) / sqrt(x) is off by 6.4e-7.
# A singularity of the kind x^-0.9 costs everything: cos(x) / x^0.9 is off by 4.0, of 9.4.
#
# `quadosc` integrates the part up to the first zero by Gauss-Legendre (`quadgl`), like all other
# parts. The error that `quadgl` could report is not asked for.
#
# What helps: `quad` up to some point, and `quadosc` from there. That has nine digits here.
#
#     bash findings/mpmath-quadosc-start.sh     fails if mpmath no longer does this
set -euo pipefail
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
cat >"$made/show.py" <<'END'
import warnings

import mpmath
from mpmath import cos, gamma, inf, mp, nstr, pi, quad, quadosc, sin, sqrt

warnings.simplefilter("error")  # a warning ends this program
print("mpmath", mpmath.__version__)


def off(f, exact, least):
    value = quadosc(f, [0, inf], omega=1)
    print(f"  {mp.dps} digits: value {nstr(value, 12)}, exact {nstr(exact, 12)}, "
          f"error {nstr(abs(value - exact), 2)}")
    assert abs(value - exact) > least, "mpmath no longer does this"


print("cos(x) / sqrt(x)")
f = lambda x: cos(x) / sqrt(x)
for mp.dps, least in [(15, 1e-2), (30, 5e-3), (50, 2e-3)]:
    off(f, sqrt(pi / 2), least)
mp.dps = 15
print("sin(x) / sqrt(x)")
off(lambda x: sin(x) / sqrt(x), sqrt(pi / 2), 1e-7)
print("cos(x) / x^0.9")
p = mp.mpf("0.9")
off(lambda x: cos(x) / x**p, gamma(1 - p) * sin(pi * p / 2), 1)
value = quad(f, [0, pi / 2]) + quadosc(f, [pi / 2, inf], omega=1)
print(f"cos(x) / sqrt(x) in two parts: value {nstr(value, 12)}")
assert abs(value - sqrt(pi / 2)) < 1e-8
END
python3 -m venv "$made/venv"
for version in 1.4.1 1.3.0; do
    "$made/venv/bin/pip" install -q --disable-pip-version-check "mpmath==$version"
    "$made/venv/bin/python" "$made/show.py"
done
