"""Ooura and Mori's double exponential formula (J. Comput. Appl. Math. 38 (1991) 353-360; 112 (1999)
229-241) on the members of the league: `python ooura.py` after `fourier.py`. The step is halved until
two sums agree to 1e-10; terms below 1e-16 of the largest are not counted.
"""
import math
import os
import re

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROW = re.compile(
    r"\s+\((\d), ([^,]+), ([^,]+), ([^,]+), (true|false), f64::INFINITY, ([^,]+), (\d+), (true|false), (true|false)\),"
)


def members():
    for line in open(os.path.join(HERE, "src", "fourier", "members.rs")):
        m = ROW.match(line)
        if m:
            scipy = int(m[7]) if m[8] == m[9] == "true" else None
            yield int(m[1]), float(m[2]), float(m[3]), float(m[4]), m[5] == "true", float(m[6]), scipy


def f(family, p, s):
    return [
        lambda x: np.exp(-p * x),
        lambda x: x * np.exp(-p * x),
        lambda x: (x + p) ** -s,
        lambda x: 1 / (p * p + x * x),
        lambda x: x / (p * p + x * x),
        lambda x: 1 / np.sqrt(p * p + x * x),
        lambda x: np.exp(-((p * x) ** 2)),
    ][family]


def sum_of(g, omega, sine, h):
    """The sum with the step h, and how many values it takes."""
    big = math.pi / h
    beta = 0.25
    alpha = beta / math.sqrt(1 + big * math.log(1 + big) / (4 * math.pi))
    n = np.arange(-int(8 / h), int(8 / h) + 1)
    t = n * h if sine else (n - 0.5) * h

    def fall(t):
        return np.exp(-2 * t - alpha * (1 - np.exp(-t)) - beta * (np.exp(t) - 1))

    with np.errstate(all="ignore"):
        e = fall(t)
        phi = np.where(t == 0, 1 / (2 + alpha + beta), t / (1 - e))
        slope = (1 - e + t * e * (-2 - alpha * np.exp(-t) - beta * np.exp(t))) / (1 - e) ** 2
        near = 1e-4
        slope = np.where(t == 0, (near / (1 - fall(near)) + near / (1 - fall(-near))) / (2 * near), slope)
        x = big * phi / omega
        # Far out the phase is a multiple of pi and a rest.
        sign, rest = np.where(n % 2 == 0, 1.0, -1.0), big * t * e / (1 - e)
        wave = np.where(t > 0.5, sign * np.sin(rest), np.sin(big * phi) if sine else np.cos(big * phi))
        weight = slope * wave * big * h / omega
    good = np.isfinite(weight) & np.isfinite(x) & (x > 0)
    terms = g(x[good]) * weight[good]
    return terms.sum(), int((np.abs(terms) > 1e-16 * np.abs(terms).max()).sum())


def main():
    right = wrong = unmet = 0
    logs = []
    for family, p, s, omega, sine, value, scipy in members():
        g, total, before, h = f(family, p, s), 0, None, 0.5
        for _ in range(8):
            now, count = sum_of(g, omega, sine, h)
            total += count
            if before is not None and abs(now - before) <= 1e-10 * abs(now):
                break
            before, h = now, h / 2
        else:
            unmet += 1
            continue
        if abs(now - value) <= 1e-10 * abs(value):
            right += 1
            if scipy:
                logs.append(math.log(total / scipy))
        else:
            wrong += 1
    mean = math.exp(sum(logs) / len(logs))
    print(f"right {right}, wrong {wrong}, not met {unmet}; over SciPy's {mean:.3f}, {len(logs)} that both solve")


main()
