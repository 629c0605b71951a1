"""Prints the reference values of the tests of moments: with mpmath 1.4.1, by more digits than are lost.

    pip install mpmath==1.4.1
    python moments.py values     # src/numerics/fourier/bessel/wave/tests.rs
    python moments.py bessel     # src/numerics/fourier/bessel/places/tests.rs
    python moments.py algebraic  # src/numerics/algebraic/tests.rs
    python moments.py cauchy     # src/numerics/principal_value/moments.rs, further rows
"""
import sys

from mpmath import besselj, gamma, hyp1f2, log, mp, mpf, nstr


def shown(value):
    return nstr(value, 18, min_fixed=0, max_fixed=0)


def chebyshev(k):
    """The coefficients of T_k."""
    p, q = [1], [0, 1]
    if k == 0:
        return p
    for _ in range(k - 1):
        r = [0] + [2 * c for c in q]
        for i, c in enumerate(p):
            r[i] -= c
        p, q = q, r
    return q


def substituted(k, c, h):
    """The coefficients in x of T_k((x - c) / h)."""
    poly = [mpf(0)]
    for coefficient in reversed(chebyshev(k)):
        new = [mpf(0)] * (len(poly) + 1)
        for i, p in enumerate(poly):
            new[i + 1] += p / h
            new[i] -= p * c / h
        new[0] += coefficient
        poly = new
    return poly[: k + 1]


def values():
    mp.dps = 40
    for nu in [0, 0.3, 0.5, 1, 2, 2.75, 5, 20, 50, 51]:
        for z in [0.001, 0.7, 3, 9.5, 13, 31, 47.5, 100, 333, 12345.5, 1000000]:
            print("    (%r, %r, %s)," % (float(nu), float(z), nstr(besselj(mpf(nu), mpf(z)), 20, min_fixed=0, max_fixed=0)))


BESSEL = [0, 1, 2, 3, 8, 17, 32, 63, 64]


def primitive(nu, omega, x, m):
    """The integral of x^m J_nu(omega x) from 0."""
    if x == 0:
        return mpf(0)
    z = omega * x
    power = x ** (m + 1) * (z / 2) ** nu / (gamma(nu + 1) * (nu + m + 1))
    return power * hyp1f2((nu + m + 1) / 2, (nu + m + 3) / 2, nu + 1, -z * z / 4, maxterms=10**7)


def bessel_moments(nu, omega, a, b, dps):
    mp.dps = dps
    nu, omega, a, b = (mpf(v) for v in (nu, omega, a, b))
    c, h = (a + b) / 2, (b - a) / 2
    powers = [primitive(nu, omega, b, m) - primitive(nu, omega, a, m) for m in range(BESSEL[-1] + 1)]
    return [sum(p * power for p, power in zip(substituted(k, c, h), powers)) / h for k in BESSEL]


def bessel():
    cases = [
        (0, 1, 0, 1), (0, 1, 0, 30), (0, 1000, 0, 1), (0, 1e6, 0, 1), (1, 0.001, 0, 1), (1, 1e5, 0, 2),
        (0.3, 17.5, 0, 3), (0.5, 2, 0, 1), (2.75, 400, 0, 1), (5, 10, 0, 10), (20, 100, 0, 1), (50, 1, 0, 100),
        (50, 1e4, 0, 1), (0, 3, 0.125, 8), (0, 1e4, 0.125, 8), (1, 1e6, 1, 2), (1, 1, 100, 101), (0.3, 2, 0.01, 5),
        (2.5, 1000, 0.001, 0.1), (20, 30, 0.5, 2), (50, 300, 0.125, 1),
    ]
    for nu, omega, a, b in cases:
        extra = 0.87 * omega * b if omega * b < 1e4 else 0
        dps = int(60 + 64 * mp.log10(2.0 * (b + a) / (b - a) + 3) + extra)
        once, again = bessel_moments(nu, omega, a, b, dps), bessel_moments(nu, omega, a, b, dps + 40)
        assert all(abs(p - q) < mpf(10) ** -25 * max(map(abs, again)) for p, q in zip(once, again))
        numbers = ", ".join(repr(float(v)) for v in (nu, omega, a, b))
        print("    ([%s], [%s])," % (numbers, ", ".join(map(shown, again))))


def algebraic():
    mp.dps = 120
    for alpha in [-0.99, -0.9, -0.5, -0.1, 0, 0.25, 1, 1.5, 2.5, 7.25]:
        rows = []
        for log_power in (1, 2):
            row = []
            for k in (0, 1, 2, 5, 16, 31, 32, 64):
                terms = enumerate(substituted(k, mpf(1) / 2, mpf(1) / 2))
                row.append((-1) ** (log_power - 1) * sum(c / (mpf(alpha) + j + 1) ** log_power for j, c in terms))
            rows.append(", ".join(map(shown, row)))
        print("    (%r, [[%s], [%s]])," % (float(alpha), rows[0], rows[1]))


def cauchy():
    """The principal values over [-1, 1] of T_k / (t - c), d = 1 - c, for k = 0, 1, 32 and 64."""
    mp.dps = 120
    for d in [1, 0.9, 0.75, 0.5, 0.3, 0.1, 0.01, -0.0001, -0.0003, -0.001, -0.003, -0.01, -0.1, -1, -3.5, -10]:
        c = 1 - mpf(d)
        first = log(abs((1 - c) / (1 + c)))
        m = [first, 2 + c * first]
        for k in range(2, 65):
            plain = mpf(2) / (1 - (k - 1) ** 2) if k % 2 == 1 else mpf(0)
            m.append(2 * c * m[k - 1] - m[k - 2] + 2 * plain)
        print("    (%r, [%s])," % (float(d), ", ".join(shown(m[k]) for k in (0, 1, 32, 64))))


if __name__ == "__main__":
    {"values": values, "bessel": bessel, "algebraic": algebraic, "cauchy": cauchy}[sys.argv[1]]()
