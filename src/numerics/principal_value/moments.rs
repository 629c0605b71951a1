//! The integrals of Chebyshev polynomials over `t - c`.

use super::super::elementary::{artanh, ln};
use super::super::twice::Twice;
use super::super::weighted::plain;

/// Up to this growth of the solutions of the recurrence it is run forward.
const GROWTH: f64 = 2.0;
/// Else backward from where they have fallen by this.
const FALLEN: f64 = 1e18;
/// Of smaller distances the ratio to others may be rounded to zero.
const TINY: f64 = 1e-290;

/// The principal values of the integrals over [-1, 1] of `T_k(t) / (t - c)` for `k` from 0 to `n`.
/// Given are the distances of the pole from the lower limit and of the upper limit from the pole,
/// and the width of the panel, all in one unit; the distances keep their digits where the pole is
/// next to a limit.
///
/// A pole that is a limit has the finite part in that unit: what is left of `ln e` where `e` is
/// what is left out. Beside the next panel's it is right.
pub(super) fn cauchy(n: usize, below: f64, above: f64, width: f64) -> Vec<f64> {
    let mirrored = above.abs() > below.abs();
    let (near, far) = if mirrored { (below, above) } else { (above, below) };
    // `d = 1 - c` for `c >= 0`.
    let part = Twice::new(near).over(Twice::new(width));
    let twice = part.plus(part);
    let d = twice.0;
    let c = 1.0 - d;
    let first = if near == 0.0 {
        -ln(width)
    } else if near.abs() < TINY {
        ln(near.abs()) - ln(far)
    } else if c < 5.0 {
        ln(near.abs() / far)
    } else {
        // ln((c - 1) / (c + 1)), where both are nearly one.
        -2.0 * artanh(1.0 / c)
    };
    let mut moments = if is_steady(n, d) { forward(n, twice, first) } else { backward(n, d, first) };
    if mirrored {
        moments.iter_mut().step_by(2).for_each(|moment| *moment = -*moment);
    }
    moments
}

/// The logarithm of the ratio by which solutions of the recurrence grow outside [-1, 1].
fn growth(d: f64) -> f64 {
    // arcosh(1 - d).
    if d < 0.0 { ln(1.0 - d + (d * (d - 2.0)).sqrt()) } else { 0.0 }
}

/// Whether nothing grows much in the recurrence up to `n`.
fn is_steady(n: usize, d: f64) -> bool {
    growth(d) * n as f64 <= ln(GROWTH)
}

/// `m_k = 2 c m_{k-1} - m_{k-2} + 2 I_{k-1}` with the integrals `I_k` of `T_k` (Piessens, van
/// Roy-Branders, Mertens 1976, as in QUADPACK's DQMOMO), by differences, which near `c = 1` lose no
/// digits (Reinsch; Gentleman 1969). With twice the digits: else rounding in 64 steps adds up to
/// 2.7e-15 of the largest moment.
fn forward(n: usize, d: Twice, first: f64) -> Vec<f64> {
    let mut moments = vec![first];
    let mut last = Twice::new(first);
    let mut step = Twice::new(2.0).plus(d.times(last).negative());
    for k in 1..=n {
        if k > 1 {
            let change = d.times(last).negative().plus(plain_twice(k - 1));
            step = step.plus(change).plus(change);
        }
        last = last.plus(step);
        moments.push(last.0);
    }
    moments
}

/// The integral of `T_k` with twice the digits.
fn plain_twice(k: usize) -> Twice {
    if k % 2 == 0 { Twice::new(2.0).over(Twice::new(1.0 - (k * k) as f64)) } else { Twice::new(0.0) }
}

/// The same recurrence as a system of equations, with the first moment known, and one far beyond
/// the last taken for what it is nearly (Olver 1967). `d` is negative.
fn backward(n: usize, d: f64, first: f64) -> Vec<f64> {
    let far = n + (ln(FALLEN) / growth(d)).ceil() as usize + 1;
    // m_k = (1 - e_k) m_{k+1} + q_k: near `c = 1` all `e_k` are small, and are found without a
    // difference.
    let (mut e, mut q) = (vec![1.0; far], vec![first; far]);
    for k in 1..far {
        let more = e[k - 1] - 2.0 * d;
        (e[k], q[k]) = (more / (1.0 + more), (q[k - 1] - 2.0 * plain(k)) / (1.0 + more));
    }
    let mut last = Twice::new(plain(far) / d);
    for k in (1..far).rev() {
        last = last.plus(Twice::new(q[k] - e[k] * last.0));
        q[k] = last.0;
    }
    q.truncate(n + 1);
    q
}

#[cfg(test)]
#[allow(
    clippy::excessive_precision,
    clippy::approx_constant,
    reason = "mpmath gives more digits, and the first of them are known"
)]
mod tests {
    use super::*;

    /// `d = 1 - c` exactly, then the moments of order 0, 1, 32 and 64: `python benches/league/moments.py
    /// cauchy`, with mpmath 1.4.1 and 120 digits.
    const KNOWN: &[(f64, [f64; 4])] = &[
        (1.0, [0.0, 2.0, 0.0, 0.0]),
        (0.9, [-2.00670695462151116e-1, 1.97993293045378489, 1.99991056269745298e-1, -3.99610340326825565e-1]),
        (0.75, [-5.10825623765990683e-1, 1.87229359405850233, -3.05809689963503765, 1.40462343111245625]),
        (0.5, [-1.09861228866810969, 1.45069385566594515, 2.7194057031114389, -2.72102401345677374]),
        (0.3, [-1.73460105538810643, 7.85779261228325478e-1, 9.85650217380126856e-1, 1.87558390076151449]),
        (0.1, [-2.9444389791664404, -6.49995081249796345e-1, 2.99625285161148283, -1.75376194047486591]),
        (0.01, [-5.29330482472449237, -3.24037177647724745, -3.16920346653928954, 1.10224731459656429]),
        (0.001, [-7.60040233450040004, -5.59280193216589964, 2.66098593729324619, 6.95360989396149009e-1]),
        (1e-05, [-1.22060676455176736e+1, -1.02059455848412184e+1, -2.67495372402216129, -1.1709577539659144]),
        (1e-08, [-1.91138279195123107e+1, -1.71138277283740316e+1, -9.64117567750081217, -8.25479368380247341]),
        (1e-12, [-2.83241682964879935e+1, -2.63241682964596694e+1, -1.88516454788238146e+1, -1.74655949887108803e+1]),
        (1e-16, [-3.75345086684646762e+1, -3.55345086684646725e+1, -2.80619858731734015e+1, -2.66759354445024851e+1]),
        (1e-30, [-6.97706999703813157e+1, -6.77706999703813157e+1, -6.02981771750932218e+1, -5.89121267464312798e+1]),
        (-1e-30, [-6.97706999703813157e+1, -6.77706999703813157e+1, -6.02981771750932218e+1, -5.89121267464312798e+1]),
        (-1e-16, [-3.75345086684646763e+1, -3.55345086684646801e+1, -2.80619858731797631e+1, -2.66759354445267957e+1]),
        (-1e-10, [-2.37189981105504021e+1, -2.17189981129223019e+1, -1.42464770813014126e+1, -1.28604313830308758e+1]),
        (-1e-06, [-1.45086582385240945e+1, -1.2508672747182333e+1, -5.04436605269812405, -3.67734562085935322]),
        (-1e-05, [-1.22060776455176737e+1, -1.02061997062941289e+1, -2.79238700636117713, -1.52712443792757534]),
        (-0.0001, [-9.90353755128616966, -7.90452790504129828, -7.90440530224927556e-1, 2.45812261047541213e-2]),
        (-0.0003, [-8.80502525261914332, -6.80766676019492906, -1.05396114599460191e-1, 2.97174769849955745e-1]),
        (-0.001, [-7.60140233458373339, -5.60900373691831712, 2.76928599344861857e-1, 2.45069684929452417e-1]),
        (-0.003, [-6.50378904699770854, -4.52330041413870167, 2.79282536197243215e-1, 1.02249806431293775e-1]),
        (-0.01, [-5.30330490805907573, -3.35633795713966649, 1.22862045492519977e-1, 2.7013469385196465e-2]),
        (-0.03, [-4.21459369037367768, -2.341031501084888, 3.76539718457218224e-2, 8.47969650885830104e-3]),
        (-0.1, [-3.04452243772342294, -1.34897468149576525, 1.05655777332611856e-2, 2.57661390539899493e-3]),
        (-0.3, [-2.03688192726104003, -6.47946505439352018e-1, 3.71593469543425079e-3, 9.22146786040873114e-4]),
        (-1.0, [-1.09861228866810969, -1.97224577336219383e-1, 1.30594172253403449e-3, 3.25759922069190083e-4]),
        (-2.0, [-6.93147180559945309e-1, -7.94415416798359283e-2, 7.3368092041741515e-4, 1.83183813466159802e-4]),
        (-3.5, [-4.51985123743057239e-1, -3.39330568437575753e-2, 4.57161474119822374e-4, 1.14180252070643849e-4]),
        (-10.0, [-1.82321556793954626e-1, -5.53712473350088833e-3, 1.79220299158619165e-4, 4.4770592505276155e-5]),
        (-100.0, [-1.9802627296179713e-2, -6.53569141510156289e-5, 1.93586833292839627e-5, 4.83612317923692243e-6]),
        (-10000.0, [-1.99980002666266731e-4, -6.66533357329067428e-9, 1.95483874888581891e-7, 4.88351658124872816e-8]),
        (
            -1000000.0,
            [-1.99999800000266666e-6, -6.66665333335733329e-13, 1.95503225806843775e-9, 4.88400000000977516e-10],
        ),
    ];

    #[test]
    fn moments_are_those_of_mpmath() {
        for (d, exact) in KNOWN {
            let moments = cauchy(64, 2.0 - d, *d, 2.0);
            let size = moments.iter().fold(0.0, |most: f64, moment| most.max(moment.abs()));
            for (k, exact) in [0, 1, 32, 64].into_iter().zip(exact) {
                assert!((moments[k] - exact).abs() <= 1e-15 * size, "{d}, {k}: {} and {exact}", moments[k]);
            }
            // Mirrored.
            let mirrored = cauchy(64, *d, 2.0 - d, 2.0);
            assert!(mirrored.iter().zip(&moments).step_by(2).all(|(p, q)| (p + 0.0).to_bits() == (0.0 - q).to_bits()));
        }
    }

    #[test]
    fn a_pole_that_is_a_limit_has_the_finite_part() {
        // 1 / (x - 0) from -2 to 0 and from 0 to 3: the logarithm of 3 / 2.
        let sum = cauchy(8, 2.0, 0.0, 2.0)[0] + cauchy(8, 0.0, 3.0, 3.0)[0];
        assert!((sum - 1.5f64.ln()).abs() < 1e-15, "{sum}");
        let least = f64::from_bits(1);
        let sum = cauchy(8, 2.0, -least, 2.0)[0] + cauchy(8, -least, 3.0, 3.0)[0];
        assert!((sum - 1.5f64.ln()).abs() < 1e-12, "{sum}");
    }
}
