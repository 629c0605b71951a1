//! What `serde` writes is read back with the same bits, and what is no method or no estimate is refused.

use coquad::{
    Auto, ClenshawCurtis, Error, Estimate, Euclidean, GaussKronrod, Integrator, Reason, Simpson, Speculation, TanhSinh,
    Tolerance, Value,
};
use num_complex::Complex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::boxed;

/// By MessagePack, which keeps the bits of every float.
fn through_bytes<T: Serialize + DeserializeOwned>(value: &T) -> T {
    rmp_serde::from_slice(&rmp_serde::to_vec_named(value).unwrap()).unwrap()
}

fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

/// By JSON, which has no NaN and no infinities.
fn through_text<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&text(value)).unwrap()
}

fn expect_same<T: Value>(found: &Estimate<T>, given: &Estimate<T>, bits: impl Fn(&T) -> Vec<u64>) {
    let all = |e: &Estimate<T>| {
        let mut all = vec![e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64, e.performed as u64];
        all.extend(bits(&e.value));
        for segment in &e.segments {
            all.extend([segment.a.to_bits(), segment.b.to_bits(), segment.error.to_bits()]);
            all.extend(bits(&segment.value));
        }
        all
    };
    assert_eq!(all(found), all(given));
    assert_eq!(found.segments.len(), given.segments.len());
}

#[test]
fn estimates_keep_their_bits() {
    let given = Integrator::new(boxed(|x: f64| (x - 0.3).abs().sqrt())).integrate_blocking(0.0, 1.0, 1e-9).unwrap();
    assert!(given.segments.len() > 5);
    expect_same(&through_bytes(&given), &given, |x| vec![x.to_bits()]);
    expect_same(&through_text(&given), &given, |x| vec![x.to_bits()]);

    let f = |x: f64| Euclidean(vec![Complex::new(x.cos(), x.sin()), Complex::new(1.0 / 3.0, x)]);
    let given = Integrator::new(boxed(f)).integrate_blocking(0.0, 1.0, 1e-9).unwrap();
    let bits = |v: &Euclidean<Vec<Complex<f64>>>| v.0.iter().flat_map(|z| [z.re.to_bits(), z.im.to_bits()]).collect();
    expect_same(&through_bytes(&given), &given, bits);
    expect_same(&through_text(&given), &given, bits);
}

#[test]
fn odd_floats_keep_their_bits_where_the_format_has_them() {
    let mut e = Integrator::new(boxed(f64::sqrt)).integrate_blocking(0.0, 1.0, 1e-3).unwrap();
    let odd = [-0.0, f64::MIN_POSITIVE / 3.0, f64::MAX, 0.1 + 0.2, f64::from_bits(0x3fd5_5555_5555_5556)];
    for x in odd {
        (e.value, e.l1) = (x, -x);
        expect_same(&through_bytes(&e), &e, |x| vec![x.to_bits()]);
        expect_same(&through_text(&e), &e, |x| vec![x.to_bits()]);
    }
    // A quiet NaN with a payload and its sign set, among others.
    for x in [f64::NAN, f64::from_bits(0xfff8_0000_dead_beef), f64::INFINITY, f64::NEG_INFINITY] {
        (e.value, e.error) = (x, x);
        expect_same(&through_bytes(&e), &e, |x| vec![x.to_bits()]);
    }
    assert!(serde_json::from_str::<Estimate>(&text(&e)).is_err(), "JSON has no infinity, and says so");
}

#[test]
fn the_estimate_of_an_error_can_be_kept() {
    let stuck = Integrator::new(boxed(|x: f64| 1.0 / x)).max_evaluations(50).integrate_blocking(0.0, 1.0, 1e-9);
    let Err(Error::NotConverged { estimate, reason, .. }) = stuck else { panic!("no integral") };
    expect_same(&through_bytes(&estimate), &estimate, |x| vec![x.to_bits()]);
    assert_eq!(through_text(&reason), reason);
}

#[test]
fn options_are_written_as_people_would_write_them() {
    assert_eq!(text(&GaussKronrod::new(61)), "61");
    assert_eq!(text(&Speculation::Off), "\"Off\"");
    assert_eq!(text(&Speculation::AtMost(0.1)), "{\"AtMost\":0.1}");
    assert_eq!(text(&Reason::Budget), "\"Budget\"");
    assert_eq!([text(&Auto), text(&Simpson), text(&ClenshawCurtis), text(&TanhSinh)], ["null"; 4]);
}

#[test]
fn options_come_back() {
    for points in [15, 21, 31, 41, 51, 61] {
        let method = through_bytes(&GaussKronrod::new(points));
        assert_eq!(format!("{method:?}"), format!("GaussKronrod({points})"));
    }
    for speculation in [Speculation::Off, Speculation::Certain, Speculation::Ahead, Speculation::AtMost(1.0 / 3.0)] {
        assert_eq!(through_text(&speculation), speculation);
        assert_eq!(through_bytes(&speculation), speculation);
    }
    let tolerance = Tolerance::relative(1.0 / 3.0).or_absolute(1e-12);
    assert_eq!((through_text(&tolerance), through_bytes(&tolerance)), (tolerance, tolerance));
    for reason in [Reason::Deadline, Reason::Budget, Reason::Roundoff, Reason::Divergent] {
        assert_eq!(through_text(&reason), reason);
    }
    assert_eq!((through_text(&Auto), through_text(&Simpson)), (Auto, Simpson));
    assert_eq!((through_bytes(&ClenshawCurtis), through_bytes(&TanhSinh)), (ClenshawCurtis, TanhSinh));
}

#[test]
fn a_rule_that_does_not_exist_is_refused() {
    for text in ["20", "0", "18446744073709551615", "-15", "15.0", "\"21\"", "null"] {
        assert!(serde_json::from_str::<GaussKronrod>(text).is_err(), "{text}");
    }
    let error = serde_json::from_str::<GaussKronrod>("20").unwrap_err().to_string();
    assert!(error.contains("20") && error.contains("15, 21, 31, 41, 51 or 61 points"), "{error}");
}
