//! What becomes of a caught panic: its message is kept, its payload is disposed of.
//!
//! INVARIANT: a payload is the integrand's own value, and its `Drop` may panic too. No thread dies of that.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The message of a panic, or a stand-in where the payload is no text.
pub(crate) fn message(payload: Box<dyn Any + Send>) -> Arc<str> {
    let message = if let Some(text) = payload.downcast_ref::<&'static str>() {
        Arc::from(*text)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        Arc::from(text.as_str())
    } else {
        Arc::from("with a payload that is not text")
    };
    dispose(payload);
    message
}

/// Drops a value that belongs to the user, whatever its `Drop` does.
pub(crate) fn dispose<T>(value: T) {
    contain(|| drop(value));
}

/// Runs what may run the user's code where no panic may pass.
pub(crate) fn contain(run: impl FnOnce()) {
    // The second payload is leaked: its own Drop may panic, and so on without end.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        mem::forget(payload);
    }
}
