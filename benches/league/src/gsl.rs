//! GSL's QAGS, QAGI, QAGP, their relatives and CQUAD, through FFI.
#![allow(unsafe_code)]

use std::os::raw::{c_double, c_int, c_void};

use crate::battery::Case;
use crate::{Answer, BUDGET, Note, RTOL};

#[repr(C)]
struct GslFunction {
    function: extern "C" fn(c_double, *mut c_void) -> c_double,
    params: *mut c_void,
}

#[link(name = "gsl")]
#[link(name = "gslcblas")]
unsafe extern "C" {
    fn gsl_set_error_handler_off() -> *mut c_void;
    fn gsl_integration_workspace_alloc(n: usize) -> *mut c_void;
    fn gsl_integration_workspace_free(w: *mut c_void);
    fn gsl_integration_cquad_workspace_alloc(n: usize) -> *mut c_void;
    fn gsl_integration_cquad_workspace_free(w: *mut c_void);
    fn gsl_integration_qags(
        f: *const GslFunction,
        a: c_double,
        b: c_double,
        epsabs: c_double,
        epsrel: c_double,
        limit: usize,
        w: *mut c_void,
        result: *mut c_double,
        abserr: *mut c_double,
    ) -> c_int;
    fn gsl_integration_qagi(
        f: *const GslFunction,
        epsabs: c_double,
        epsrel: c_double,
        limit: usize,
        w: *mut c_void,
        result: *mut c_double,
        abserr: *mut c_double,
    ) -> c_int;
    fn gsl_integration_qagiu(
        f: *const GslFunction,
        a: c_double,
        epsabs: c_double,
        epsrel: c_double,
        limit: usize,
        w: *mut c_void,
        result: *mut c_double,
        abserr: *mut c_double,
    ) -> c_int;
    fn gsl_integration_qagp(
        f: *const GslFunction,
        points: *mut c_double,
        count: usize,
        epsabs: c_double,
        epsrel: c_double,
        limit: usize,
        w: *mut c_void,
        result: *mut c_double,
        abserr: *mut c_double,
    ) -> c_int;
    fn gsl_integration_qawc(
        f: *const GslFunction,
        a: c_double,
        b: c_double,
        c: c_double,
        epsabs: c_double,
        epsrel: c_double,
        limit: usize,
        w: *mut c_void,
        result: *mut c_double,
        abserr: *mut c_double,
    ) -> c_int;
    fn gsl_integration_qaws_table_alloc(alpha: c_double, beta: c_double, mu: c_int, nu: c_int) -> *mut c_void;
    fn gsl_integration_qaws_table_free(t: *mut c_void);
    fn gsl_integration_qaws(
        f: *const GslFunction,
        a: c_double,
        b: c_double,
        t: *mut c_void,
        epsabs: c_double,
        epsrel: c_double,
        limit: usize,
        w: *mut c_void,
        result: *mut c_double,
        abserr: *mut c_double,
    ) -> c_int;
    fn gsl_integration_cquad(
        f: *const GslFunction,
        a: c_double,
        b: c_double,
        epsabs: c_double,
        epsrel: c_double,
        w: *mut c_void,
        result: *mut c_double,
        abserr: *mut c_double,
        evaluations: *mut usize,
    ) -> c_int;
}

struct Counted<'a> {
    case: &'a Case,
    calls: usize,
}

extern "C" fn call(x: c_double, params: *mut c_void) -> c_double {
    // SAFETY: `params` is the `Counted` that `run` passes; GSL calls back on this thread, before `run` returns.
    let counted = unsafe { &mut *params.cast::<Counted<'_>>() };
    counted.calls += 1;
    (counted.case.f)(x)
}

/// QAGS on finite ranges, QAGI and QAGIU on infinite ones.
pub fn qags(case: &Case) -> Answer {
    let limit = BUDGET / 42;
    run(case, |f, value, error| {
        // SAFETY: the workspace has `limit` intervals and is freed; `f`, `value` and `error` outlive the call.
        unsafe {
            let w = gsl_integration_workspace_alloc(limit);
            let status = match (case.a.is_finite(), case.b.is_finite()) {
                (true, true) => gsl_integration_qags(f, case.a, case.b, 0.0, RTOL, limit, w, value, error),
                (true, false) => gsl_integration_qagiu(f, case.a, 0.0, RTOL, limit, w, value, error),
                _ => gsl_integration_qagi(f, 0.0, RTOL, limit, w, value, error),
            };
            gsl_integration_workspace_free(w);
            status
        }
    })
}

/// QAGS to an absolute tolerance on a finite range: the value, if it says that this is met.
pub fn qags_to<F: Fn(f64) -> f64>(f: F, a: f64, b: f64, atol: f64) -> Option<f64> {
    extern "C" fn call<F: Fn(f64) -> f64>(x: c_double, params: *mut c_void) -> c_double {
        // SAFETY: `params` is the `F` below; GSL calls back on this thread, before it returns.
        unsafe { (*params.cast::<F>())(x) }
    }
    let mut f = f;
    let function = GslFunction { function: call::<F>, params: (&raw mut f).cast() };
    let (limit, mut value, mut error) = (BUDGET / 42, f64::NAN, f64::NAN);
    // SAFETY: as in `qags`.
    let status = unsafe {
        gsl_set_error_handler_off();
        let w = gsl_integration_workspace_alloc(limit);
        let status = gsl_integration_qags(&function, a, b, atol, 0.0, limit, w, &mut value, &mut error);
        gsl_integration_workspace_free(w);
        status
    };
    (status == 0).then_some(value)
}

/// A function that is not a case, and how often it was called.
struct Plain<'a> {
    f: &'a dyn Fn(f64) -> f64,
    calls: usize,
}

extern "C" fn call_plain(x: c_double, params: *mut c_void) -> c_double {
    // SAFETY: `params` is the `Plain` that `weighted` passes; GSL calls back on this thread, before it returns.
    let plain = unsafe { &mut *params.cast::<Plain<'_>>() };
    plain.calls += 1;
    (plain.f)(x)
}

/// The value, whether it says that the tolerance is met, and how many evaluations it took.
fn weighted(
    f: &dyn Fn(f64) -> f64,
    integrate: impl FnOnce(&GslFunction, usize, *mut c_void, &mut f64, &mut f64) -> c_int,
) -> (f64, bool, usize) {
    let mut plain = Plain { f, calls: 0 };
    let function = GslFunction { function: call_plain, params: (&raw mut plain).cast() };
    let (limit, mut value, mut error) = (BUDGET / 42, f64::NAN, f64::NAN);
    // SAFETY: as in `qags`.
    let status = unsafe {
        gsl_set_error_handler_off();
        let w = gsl_integration_workspace_alloc(limit);
        let status = integrate(&function, limit, w, &mut value, &mut error);
        gsl_integration_workspace_free(w);
        status
    };
    (value, status == 0 && value.is_finite(), plain.calls)
}

/// What QUADPACK has for a range and its breakpoints: QAGP on a finite one, QAGI and QAGIU on an infinite one, which is
/// cut at breakpoints by hand.
pub fn quadpack(f: &dyn Fn(f64) -> f64, a: f64, b: f64, breakpoints: &[f64], rtol: f64) -> (f64, bool, usize) {
    let infinite = [a, b].iter().any(|limit| limit.is_infinite());
    if infinite && !breakpoints.is_empty() {
        let limits: Vec<f64> = [&[a], breakpoints, &[b]].concat();
        let pieces = limits.windows(2).map(|ends| quadpack(f, ends[0], ends[1], &[], rtol));
        return pieces.fold((0.0, true, 0), |sum, piece| (sum.0 + piece.0, sum.1 & piece.1, sum.2 + piece.2));
    }
    if a.is_infinite() && b.is_finite() {
        return quadpack(&|x| f(-x), -b, -a, &[], rtol);
    }
    weighted(f, |f, limit, w, value, error| {
        let mut points = [&[a], breakpoints, &[b]].concat();
        // SAFETY: as in `qags`; `points` has as many as are named.
        unsafe {
            match (infinite, a.is_infinite(), points.len()) {
                (true, true, _) => gsl_integration_qagi(f, 0.0, rtol, limit, w, value, error),
                (true, false, _) => gsl_integration_qagiu(f, a, 0.0, rtol, limit, w, value, error),
                (false, _, 2) => gsl_integration_qags(f, a, b, 0.0, rtol, limit, w, value, error),
                (false, _, n) => gsl_integration_qagp(f, points.as_mut_ptr(), n, 0.0, rtol, limit, w, value, error),
            }
        }
    })
}

/// QAWC: a principal value.
pub fn qawc(f: &dyn Fn(f64) -> f64, a: f64, b: f64, c: f64, rtol: f64) -> (f64, bool, usize) {
    weighted(f, |f, limit, w, value, error| {
        // SAFETY: as in `qags`.
        unsafe { gsl_integration_qawc(f, a, b, c, 0.0, rtol, limit, w, value, error) }
    })
}

/// QAWS: algebraic and logarithmic weights.
pub fn qaws(
    f: &dyn Fn(f64) -> f64,
    a: f64,
    b: f64,
    powers: [f64; 2],
    logs: [bool; 2],
    rtol: f64,
) -> (f64, bool, usize) {
    let [mu, nu] = logs.map(c_int::from);
    weighted(f, |f, limit, w, value, error| {
        // SAFETY: as in `qags`; the table is freed.
        unsafe {
            let t = gsl_integration_qaws_table_alloc(powers[0], powers[1], mu, nu);
            let status = gsl_integration_qaws(f, a, b, t, 0.0, rtol, limit, w, value, error);
            gsl_integration_qaws_table_free(t);
            status
        }
    })
}

/// CQUAD, on finite ranges only: an infinite one counts as not converged.
pub fn cquad(case: &Case) -> Answer {
    run(case, |f, value, error| {
        if case.a.is_infinite() || case.b.is_infinite() {
            return -1;
        }
        // SAFETY: as in `qags`.
        unsafe {
            let w = gsl_integration_cquad_workspace_alloc(3000);
            let mut evaluations = 0;
            let status = gsl_integration_cquad(f, case.a, case.b, 0.0, RTOL, w, value, error, &mut evaluations);
            gsl_integration_cquad_workspace_free(w);
            status
        }
    })
}

fn run(case: &Case, integrate: impl FnOnce(&GslFunction, &mut f64, &mut f64) -> c_int) -> Answer {
    let mut counted = Counted { case, calls: 0 };
    let f = GslFunction { function: call, params: (&raw mut counted).cast() };
    let (mut value, mut error) = (f64::NAN, f64::NAN);
    // SAFETY: sets a global of GSL; the league is single-threaded.
    unsafe { gsl_set_error_handler_off() };
    let status = integrate(&f, &mut value, &mut error);
    let evaluations = counted.calls;
    Answer { value, claims: status == 0 && value.is_finite(), evaluations, note: Note::Status(status, error) }
}
