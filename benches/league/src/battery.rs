//! The integrands: the fixed battery, families with drawn parameters, and those that must be refused.

const INF: f64 = f64::INFINITY;

use crate::families::case;
pub use crate::families::{Case, families};

#[path = "../../../tests/it/support/battery.rs"]
mod fixed;

/// The sixty of the battery on which methods are compared.
pub fn battery() -> Vec<Case> {
    let compared = fixed::BATTERY.iter().filter(|c| !fixed::APART.contains(&c.id));
    compared.map(|c| case(c.id, c.a, c.b, c.exact, c.f)).collect()
}

/// Integrals that do not exist.
pub fn divergent() -> Vec<Case> {
    vec![
        case("1/x", 0.0, 1.0, INF, |x| 1.0 / x),
        case("1/x^2", 0.0, 1.0, INF, |x| 1.0 / (x * x)),
        case("|x-0.98..|^-1.1", 0.0, 1.0, INF, |x| (x - 0.987654321).abs().powf(-1.1)),
    ]
}
