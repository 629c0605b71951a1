//! What threads may share, asked for in one bound, so that the compiler says in one message what is missing.

/// What threads may share: each type that is [`Send`] and [`Sync`]. Nothing else can implement it.
///
/// The constructors of evaluators ask for it instead of for the two, so that the compiler says once, and not twice, that
/// a closure captures what threads may not share. In a generic function ask for `Send + Sync`, not for this trait.
///
/// # Examples
///
/// ```
/// use coquad::{Inline, Integrator};
///
/// fn mean(f: impl Fn(f64) -> f64 + Send + Sync + 'static, a: f64, b: f64) -> Result<f64, coquad::Error> {
///     Ok(Integrator::new(Inline::new(f)).integrate_blocking(a, b, 1e-8)?.value / (b - a))
/// }
///
/// assert!((mean(|x| 3.0 * x, 0.0, 2.0)? - 3.0).abs() <= 1e-8);
/// # Ok::<(), coquad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shared by threads: it captures what is not `Send + Sync`",
    label = "captures what is not `Send + Sync`",
    note = "instead of an `Rc` capture an `Arc`, instead of a `Cell` or `RefCell` an atomic or a `Mutex`",
    note = "add `Send + Sync` to a boxed function: `Box<dyn Fn(f64) -> f64 + Send + Sync>`"
)]
// With a parameter that nobody gives, so that the compiler does not find that a closure's value can be shared, and
// propose to call the closure.
pub trait Share<Itself: ?Sized = Self>: Send + Sync {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + ?Sized> Share for T {}
