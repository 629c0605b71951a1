//! Whoever integrates: asks for values, hears of them, and drops what it wants no more.

use futures::task::AtomicWaker;

use super::*;
use crate::desk::answer::bits_of;
use crate::desk::events::{Waiter, Wish};

impl World {
    /// Asks for the values at these points, and returns the number of the first.
    pub(super) fn ask(&mut self, points: &[usize]) -> usize {
        let first = self.asked.len();
        let mut wishes = Vec::new();
        for &point in points {
            let (reply, answer) = oneshot::channel();
            let ticket = self.asked.len() as u64;
            self.asked.push(Asked { point, reply: answer, at: self.now, ended: None, dropped: false });
            let waiter = Waiter { ticket, reply, nudge: Arc::new(AtomicWaker::new()) };
            let (question, subject) = (self.question.clone(), self.subject(point));
            let wish = Wish { question, x: [point as f64].into(), id: id(point), subject, waiter };
            wishes.push(Event::Evaluate(Box::new(wish)));
        }
        self.tell_all(wishes);
        first
    }

    fn subject(&self, point: usize) -> Arc<str> {
        Space("s".into()).result(&self.question.run, &id(point)).into()
    }

    pub(super) fn drop_asked(&mut self, ticket: usize) {
        let asked = &mut self.asked[ticket];
        if asked.ended.is_none() {
            asked.dropped = true;
            asked.ended = Some((self.now, Err(EvaluationError::new(Error::Closed {}))));
            let subject = Space("s".into()).result(&self.question.run, &id(asked.point)).into();
            self.tell(Event::Forget { subject, ticket: ticket as u64 });
        }
    }

    /// The desk has heard this answer to a job of so many points, if it waited for it.
    pub(super) fn heard(&mut self, subject: String, payload: &[u8], points: Option<usize>, arrived: bool) {
        let answers = Answers::decode(payload).expect("an answer");
        let Some(bits) = bits_of(answers.outcomes.iter().map(Result::ok)) else { return };
        match (points, self.taken.get(&subject)) {
            (Some(points), _) => {
                let fits = answers.outcomes.len() == points && answers.is_counted == (points > 1);
                if fits && !self.desk.pending.contains_key(&*subject) {
                    self.taken.insert(subject, bits);
                }
            }
            (None, Some(first)) if arrived => {
                let same = *first == bits;
                self.counts.duplicates += u64::from(same);
                self.counts.conflicts += u64::from(!same);
            }
            _ => {}
        }
    }
}
