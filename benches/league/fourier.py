"""Draws the Fourier integrals of the league, with their values (mpmath) and what SciPy makes of them.

    pip install scipy==1.17.0 mpmath==1.4.1
    python fourier.py > src/fourier/members.rs

Another draw: `python fourier.py SEED`.

Families, on [0, inf) and on [0, b]: see `f` here and in src/fourier.rs. SciPy's `quad(weight=...)` is QUADPACK's QAWF to
infinity, which takes no relative tolerance: it is given 1e-10 of the value itself. On a finite range it is QAWO.
"""
import math
import random
import sys
import warnings

from mpmath import besselk, e1, erfi, exp, gammainc, mp, mpc, mpf, pi, sqrt
from mpmath import quad as mpquad
from scipy.integrate import quad

warnings.simplefilter("ignore")
mp.dps = 40
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 20261130


def f(family, p, s):
    return {
        0: lambda x: math.exp(-p * x),
        1: lambda x: x * math.exp(-p * x),
        2: lambda x: (x + p) ** -s,
        3: lambda x: 1 / (p * p + x * x),
        4: lambda x: x / (p * p + x * x),
        5: lambda x: 1 / math.sqrt(p * p + x * x),
        6: lambda x: math.exp(-((p * x) ** 2)),
    }[family]


def power(p, s, w, a):
    """The integral of (x + p)^-s e^(i w x) from a to infinity."""
    z = mpc(0, -1) * w
    return exp(mpc(0, -1) * w * p) * z ** (s - 1) * gammainc(1 - s, z * (a + p))


def exponential(p, w, b):
    """The integral of e^(-p x) e^(i w x) from 0 to b."""
    z = mpc(-p, w)
    return -1 / z if b is None else (exp(z * b) - 1) / z


def exact(family, p, s, w, b, sine):
    p, s, w = mpf(p), mpf(s), mpf(w)
    if family == 0:
        value = exponential(p, w, b)
    elif family == 1:
        z = mpc(-p, w)
        value = 1 / z**2 if b is None else exp(z * b) * (b / z - 1 / z**2) + 1 / z**2
    elif family == 2:
        value = power(p, s, w, 0)
        if b is not None:
            value -= power(p, s, w, mpf(b))
    elif family in (3, 4):
        # 1 / (x^2 + p^2) and x / (x^2 + p^2) by the poles at i p and -i p.
        def pole(q):
            # The integral of e^(i w x) / (x + i q) from 0, q of either sign.
            def upto(x):
                return -exp(w * q) * e1(mpc(w * q, -w * x))
            low = upto(mpf(0)) if q > 0 else upto(mpf("1e-60"))
            return (mpc(0) if b is None else upto(mpf(b))) - low
        plus, minus = pole(p), pole(-p)
        value = (minus - plus) / mpc(0, 2 * p) if family == 3 else (plus + minus) / 2
    elif family == 5:
        value = mpc(besselk(0, p * w), 0)
    elif family == 6:
        value = exp(-(w**2) / (4 * p**2)) * sqrt(pi) / (2 * p) * mpc(1, erfi(w / (2 * p)))
    return value.imag if sine else value.real


def draw(rng, b):
    while True:
        family = rng.choice([0, 1, 2, 2, 2, 3, 4, 5, 6] if b is None else [0, 1, 2, 2, 3, 4])
        p = round(10 ** rng.uniform(-1, 1), 4)
        s = round(rng.uniform(0.1, 1) if rng.random() < 0.6 else rng.uniform(1, 4), 4)
        w = float("%.6g" % 10 ** (rng.uniform(-3, 4) if b is None else rng.uniform(-1, 6)))
        sine = rng.random() < 0.5
        # Values that rounding the integrand alone takes away.
        if b is None and ((family in (3, 5) and not sine or family == 4 and sine) and p * w > 8):
            continue
        if family == 6 and not sine and w / p > 8:
            continue
        if family == 5 and sine:
            continue
        return family, p, s, w, sine


def scipy(family, p, s, w, sine, b, value):
    weight = "sin" if sine else "cos"
    try:
        if b is None:
            r = quad(f(family, p, s), 0, math.inf, weight=weight, wvar=w, epsabs=1e-10 * abs(value), limit=1000, limlst=200, full_output=1)
        else:
            r = quad(f(family, p, s), 0, b, weight=weight, wvar=w, epsabs=0, epsrel=1e-10, limit=1000, full_output=1)
    except Exception:
        return 0, False, False
    claims = len(r) == 3
    right = abs(r[0] - value) <= 1e-10 * abs(value)
    return r[2].get("neval", 0), claims, right


def members(name, count, finite):
    rng = random.Random(SEED + finite)
    print(f"\n/// `(family, p, s, omega, sine, b, value, evaluations of SciPy, whether it claims, and is right)`.")
    print(f"pub(super) const {name}: [Member; {count}] = [")
    for _ in range(count):
        b = round(10 ** rng.uniform(-0.5, 1.5), 3) if finite else None
        family, p, s, w, sine = draw(rng, b)
        value = float(exact(family, p, s, w, b, sine))
        n, claims, right = scipy(family, p, s, w, sine, b, value)
        end = "f64::INFINITY" if b is None else repr(b)
        print(f"    ({family}, {p!r}, {s!r}, {w!r}, {str(sine).lower()}, {end}, {value!r}, {n}, {str(claims).lower()}, {str(right).lower()}),")
    print("];")


def check():
    """Compares the closed forms with quadrature where that is easy."""
    for family in range(7):
        for sine in (False, True):
            for b in (None, 3.0):
                if family == 5 and sine or family >= 5 and b:
                    continue
                p, s, w = 0.7, 1.6, 1.3
                value = exact(family, p, s, w, b, sine)
                turn = mp.sin if sine else mp.cos
                g = f(family, p, s)
                h = lambda x: {0: lambda: mp.exp(-p * x), 1: lambda: x * mp.exp(-p * x), 2: lambda: (x + p) ** -s, 3: lambda: 1 / (p * p + x * x), 4: lambda: x / (p * p + x * x), 5: lambda: 1 / sqrt(p * p + x * x), 6: lambda: exp(-((p * x) ** 2))}[family]()
                if b is None:
                    direct = mp.quadosc(lambda x: h(x) * turn(w * x), [0, mp.inf], omega=w)
                else:
                    direct = mpquad(lambda x: h(x) * turn(w * x), mp.linspace(0, b, 9))
                assert abs(direct - value) < 1e-8 * abs(value), (family, sine, b, direct, value)


if __name__ == "__main__":
    old, mp.dps = mp.dps, 20
    check()
    mp.dps = old
    print("//! Drawn by ../../fourier.py, with SciPy 1.17.0 and mpmath 1.4.1. Not written by hand.")
    print("\n#![allow(clippy::unreadable_literal, clippy::excessive_precision, reason = \"a table\")]")
    print("\nuse super::Member;")
    members("INFINITE", 200, False)
    members("FINITE", 100, True)
