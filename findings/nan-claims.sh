#!/usr/bin/env bash
# Four integrators report success, or an error of 0, for integrands that are NaN.
#
# SciPy 1.17.1, numpy 2.4.6, cubature 0.18.8 (Python), quadrature 0.1.2 (Rust), on x86-64 Linux,
# 2026-11-30.
#
# Expected: a NaN shows in the value, and the status or the error says that nothing is known.
# Seen:
#
#   called                                           value   error     status
#   SciPy cubature, sin(x)/x, -1 to 1 (NaN at 0)     nan     nan       "converged", 0 cuts
#   SciPy tanhsinh, 1 from 0.3 to 0.6, else NaN      1.0     0.0       success, 0
#   SciPy tanhsinh, a table from 0 to 9, on [0, 10]  10.0    1.8e-15   success, 0
#   pcubature, NaN below 0.3, else 1                 nan     0.0       none
#   quadrature, NaN everywhere                       0.0     0.0       none
#
# SciPy's `cubature` goes on while error > tolerance, and a NaN is never greater. `tanhsinh` has a
# status -3, "A non-finite value was encountered". But in each half of the range it first puts the
# outermost finite value in the place of all values that are not finite. That is meant for the
# limits. The table of the third row is NaN outside of its range so that this is noticed.
# `quadrature` takes 0 for a NaN. SciPy's `quad` warns of a NaN, and `quad_vec` has status 3.
#
# What helps: an integrand that raises (panics) when a value is not finite.
#
#     bash findings/nan-claims.sh       fails if one of them no longer does this; needs cargo
set -euo pipefail
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
python3 -m venv "$made/venv"
"$made/venv/bin/pip" install -q --disable-pip-version-check \
    numpy==2.4.6 scipy==1.17.1 cubature==0.18.8
"$made/venv/bin/python" - <<'END'
import math

import numpy as np
from cubature import cubature as hp_cubature
from scipy import integrate
from scipy.interpolate import interp1d

np.seterr(all="ignore")

r = integrate.cubature(lambda x: np.sin(x[:, 0]) / x[:, 0], [-1], [1])
print(f"SciPy cubature: value {r.estimate}, error {r.error}, {r.status}, {r.subdivisions} cuts")
assert math.isnan(r.estimate) and r.status == "converged", "SciPy no longer does this"

r = integrate.tanhsinh(lambda x: np.where((x > 0.3) & (x < 0.6), 1.0, np.nan), 0, 1)
print(f"SciPy tanhsinh: value {r.integral}, error {r.error}, success {r.success}, {r.status}")
assert r.success and r.integral == 1 and r.error < 1e-12, "SciPy no longer does this"

table = interp1d([0, 3, 6, 9], [1, 1, 1, 1], bounds_error=False)
assert math.isnan(table(9.5))
r = integrate.tanhsinh(table, 0, 10)
print(f"SciPy tanhsinh, table: value {r.integral}, error {r.error:.1e}, success {r.success}")
assert r.success and abs(r.integral - 10) < 1e-9, "SciPy no longer does this"

value, error = hp_cubature(lambda x: math.nan if x[0] < 0.3 else 1.0, 1, 1, [0], [1],
                           adaptive="p", maxEval=3000)
print(f"pcubature: value {value[0]}, error {error[0]}")
assert math.isnan(value[0]) and error[0] == 0, "pcubature no longer does this"
END
mkdir "$made/src"
cat >"$made/Cargo.toml" <<'END'
[package]
name = "nan-claims"
version = "0.0.0"
edition = "2021"

[dependencies]
quadrature = "=0.1.2"

[workspace]
END
cat >"$made/src/main.rs" <<'END'
fn main() {
    let found = quadrature::integrate(|_| f64::NAN, 0.0, 1.0, 1e-8);
    println!("quadrature: value {:?}, error {:?}", found.integral, found.error_estimate);
    assert_eq!((found.integral, found.error_estimate), (0.0, 0.0), "it no longer does this");
}
END
CARGO_TARGET_DIR="$made/target" cargo run -q --manifest-path "$made/Cargo.toml"
