//! An evaluation that is dropped is taken back.

use std::sync::Arc;

use futures::channel::mpsc::UnboundedSender;

use crate::desk::events::Event;

/// Takes an evaluation back unless it was answered.
pub(crate) struct Forget<'a> {
    pub(crate) events: &'a UnboundedSender<Event>,
    pub(crate) subject: Option<Arc<str>>,
    pub(crate) ticket: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(subject) = self.subject.take() {
            let _ = self.events.unbounded_send(Event::Forget { subject, ticket: self.ticket });
        }
    }
}
