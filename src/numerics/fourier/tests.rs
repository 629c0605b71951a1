use super::*;
use crate::numerics::domain::Domain;

/// Global control, one refinement at a time: value, error, and the points it rests on.
pub(super) fn integrate(
    method: &Fourier,
    f: &dyn Fn(f64) -> f64,
    (a, b): (f64, f64),
    atol: f64,
    rtol: f64,
) -> (f64, f64, usize, bool) {
    let mut seen = std::collections::BTreeMap::new();
    let mut judge = |panel: &mut Panel<Stage>| {
        let mut xs = Vec::new();
        method.points(panel, &mut xs);
        let values: Vec<f64> = xs.iter().map(|x| *seen.entry(x.to_bits()).or_insert_with(|| f(*x))).collect();
        method.estimate(panel, &values)
    };
    let domain = Domain::in_x(a, b, &[]).unwrap();
    let mut leaves: Vec<(Panel<Stage>, Local<f64>)> = Vec::new();
    for (a, b) in domain.pieces() {
        let mut panel = Panel { a, b, depth: 0, kind: method.root() };
        let local = judge(&mut panel);
        leaves.push((panel, local));
    }
    let mut met = false;
    for _ in 0..2000 {
        let (value, error) = leaves.iter().fold((0.0, 0.0), |(v, e), (_, l)| (v + l.value, e + l.error));
        if std::env::var("TRACE").is_ok() {
            let worst = leaves.iter().max_by(|p, q| p.1.error.total_cmp(&q.1.error)).unwrap();
            println!("{value:e} {error:e} worst {:?} {:?}", worst.0, worst.1);
        }
        if error <= f64::max(atol, rtol * value.abs()) {
            met = true;
            break;
        }
        let worst = (0..leaves.len())
            .filter(|i| !leaves[*i].1.is_settled())
            .max_by(|p, q| leaves[*p].1.error.total_cmp(&leaves[*q].1.error));
        let Some(worst) = worst else { break };
        let (panel, local) = leaves.swap_remove(worst);
        let mut parts = Vec::new();
        method.refine(&panel, local.error, &mut parts);
        if parts.is_empty() {
            break;
        }
        for mut part in parts {
            let local = judge(&mut part);
            leaves.push((part, local));
        }
    }
    leaves.sort_by(|p, q| p.0.a.total_cmp(&q.0.a));
    let (value, error) = leaves.iter().fold((0.0, 0.0), |(v, e), (_, l)| (v + l.value, e + l.error));
    (value, error, seen.len(), met)
}

#[test]
fn explore() {
    const INF: f64 = f64::INFINITY;
    for omega in [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6] {
        let (value, error, count, met) =
            integrate(&Fourier::cos(omega), &|x| 1.0 / (1.0 + x * x), (0.0, 10.0), 0.0, 1e-10);
        println!("finite {omega:e} {value:e} +- {error:e} {count} {met}");
    }
    for omega in [1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4] {
        let exact = 1.0 / (1.0 + omega * omega);
        let (value, error, count, met) = integrate(&Fourier::cos(omega), &|x| (-x).exp(), (0.0, INF), 0.0, 1e-10);
        println!("exp {omega:e} {value:e} +- {error:e} {count} {met} off {:e}", (value / exact - 1.0).abs());
        let exact = omega / (1.0 + omega * omega);
        let (value, error, count, met) = integrate(&Fourier::sin(omega), &|x| (-x).exp(), (0.0, INF), 0.0, 1e-10);
        println!("exps {omega:e} {value:e} +- {error:e} {count} {met} off {:e}", (value / exact - 1.0).abs());
        let exact = std::f64::consts::FRAC_PI_2 * (-omega).exp();
        let (value, error, count, met) =
            integrate(&Fourier::cos(omega), &|x| 1.0 / (1.0 + x * x), (0.0, INF), 1e-14, 1e-10);
        println!("alg {omega:e} {value:e} +- {error:e} {count} {met} off {:e}", (value - exact).abs());
        let exact = (std::f64::consts::FRAC_PI_2 / omega).sqrt();
        let (value, error, count, met) = integrate(&Fourier::sin(omega), &|x| 1.0 / x.sqrt(), (0.0, INF), 0.0, 1e-10);
        println!("sqrt {omega:e} {value:e} +- {error:e} {count} {met} off {:e}", (value / exact - 1.0).abs());
        let exact = std::f64::consts::FRAC_PI_2 * (-omega).exp();
        let (value, error, count, met) =
            integrate(&Fourier::sin(omega), &|x| x / (1.0 + x * x), (0.0, INF), 1e-14, 1e-10);
        println!("cond {omega:e} {value:e} +- {error:e} {count} {met} off {:e}", (value - exact).abs());
        let (value, error, count, met) = integrate(&Fourier::sin(omega), &|_| 1.0, (0.0, INF), 1e-14, 1e-10);
        println!("const {omega:e} {value:e} +- {error:e} {count} {met}");
    }
}
