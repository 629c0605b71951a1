#!/usr/bin/env bash
# Pcubature integrates a wave of two periods by four points, wrongly, and reports 15 digits.
#
# cubature 0.18.8 (Python package around the C library), numpy 2.4.6, Python 3.11 on x86-64 Linux,
# 2026-11-30.
#
# Expected: `adaptive="p"` raises the degree of a Clenshaw-Curtis rule until two results agree. For
# an integrand that is smooth and has wide features, the reported error is not below the true one.
# Seen, tolerances 1e-8, no limit on evaluations:
#
#   integrand, 0 to 1                              exact     value   reported error  evaluations
#   1 + cos(2 pi k x), each even k from 2 to 64    1         2.0     2.2e-16         4
#   1 + cos(2 pi k x + 0.3), each of these k       1         1.96    at most 2e-15   4
#   exp(-((x - 0.3)^2 + (y - 0.3)^2) / 0.05^2)     7.85e-3   6e-15   3e-15           10
#
# The four evaluations are at three places: twice at the middle, and at both limits. The rule of
# one point is compared with the rule of three. If they agree, the run ends. For even k each half
# of the range has a whole number of periods, so that all three values are the same.
# The values for odd k are right, and so are all of `adaptive="h"`.
#
# What helps: `adaptive="h"`; or a range cut in parts that do not fit the periods.
#
#     bash findings/pcubature-four-points.sh    fails if cubature no longer does this
set -euo pipefail
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
python3 -m venv "$made/venv"
"$made/venv/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 cubature==0.18.8
"$made/venv/bin/python" - <<'END'
import math

from cubature import cubature


def run(f, variables, adaptive):
    """The value, the reported error and the number of evaluations."""
    calls = 0

    def counted(x):
        nonlocal calls
        calls += 1
        return f(*x)

    low, high = [0] * variables, [1] * variables
    value, error = cubature(counted, variables, 1, low, high, adaptive=adaptive)
    return float(value[0]), float(error[0]), calls


def wave(k, phase):
    return lambda x: 1 + math.cos(2 * math.pi * k * x + phase)


def bump(x, y):
    return math.exp(-((x - 0.3) ** 2 + (y - 0.3) ** 2) / 0.05**2)


for phase in [0.0, 0.3]:
    wrong = []
    for k in range(1, 65):
        value, error, calls = run(wave(k, phase), 1, "p")
        if abs(value - 1) > 1e-6:
            assert abs(value - 1) > 0.9 and error < 1e-13 and calls <= 4, (k, value, error, calls)
            wrong.append(k)
        assert abs(run(wave(k, phase), 1, "h")[0] - 1) < 1e-6
    print(f"1 + cos(2 pi k x + {phase}): wrong for {len(wrong)} of 64 k, from {wrong[0]}; k = 2:",
          *run(wave(2, phase), 1, "p"))
    assert wrong == list(range(2, 65, 2)), "cubature no longer does this"

exact = math.pi * 0.05**2
value, error, calls = run(bump, 2, "p")
print(f"bump: value {value:.1e}, exact {exact:.4e}, reported {error:.1e}, evaluations {calls}")
assert abs(value - exact) > 7e-3 and error < 1e-13, "cubature no longer does this"
assert abs(run(bump, 2, "h")[0] - exact) < 1e-7
END
