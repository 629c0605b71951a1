#!/usr/bin/env bash
# python-adaptive integrates the same function twice in one process, with other last bits.
#
# adaptive 1.5.2, numpy 2.4.6, Python 3.11 on x86-64 Linux, 2026-11-30.
#
# Expected: the sequential runner evaluates one point at a time in the same order, so the value has
# the same bits each time.
# Seen: sqrt|x - 0.3| exp(x) from 0 to 1 to 1e-8, forty times with the sequential runner: three
# different values, next to each other, all from the same 661 points. Three runs of the program
# had three values each.
#
# The value is a sum over a set of intervals. The order of that set depends on where the intervals
# lie in memory. So neither a seed nor PYTHONHASHSEED helps.
#
# What helps: `math.fsum(i.igral for i in learner.approximating_intervals)`. It rounds once, so the
# order has no effect. Forty runs had one value.
#
#     bash findings/adaptive-last-bits.sh     fails if adaptive no longer does this
set -euo pipefail
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
python3 -m venv "$made/venv"
"$made/venv/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 adaptive==1.5.2
PYTHONHASHSEED=0 "$made/venv/bin/python" - <<'END'
import math

import adaptive


def f(x):
    return math.sqrt(abs(x - 0.3)) * math.exp(x)


values, sums, points = set(), set(), set()
for _ in range(40):
    learner = adaptive.IntegratorLearner(f, bounds=(0, 1), tol=1e-8)
    adaptive.runner.simple(learner, goal=lambda learner: learner.done())
    values.add(float(learner.igral).hex())
    sums.add(math.fsum(part.igral for part in learner.approximating_intervals))
    points.add(learner.npoints)
print("values:", *sorted(values))
print("points:", *points)
print("by math.fsum:", *(total.hex() for total in sums))
assert len(values) > 1 and len(points) == 1, "adaptive no longer does this"
assert len(sums) == 1
END
