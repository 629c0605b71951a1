//! What is looked for, when, and what follows from what is found.
//!
//! Jobs that are due by their age are looked for at each tick, so many at a time. Those of which
//! there is reason to think that they are gone, or that their answer was missed, are looked for at
//! once, the next as soon as one is found: however many there are, they are found in seconds.

use super::*;

/// Look-ups under way at once, oldest evaluations first.
const LOOKING: usize = 100;

/// How often the server may mislay a job, as old ones do when another of a cluster takes over,
/// before that counts as a loss: workers of before leave no marks.
const MISLAID: u32 = 20;

impl Desk {
    pub(super) fn looked(
        &mut self,
        subject: &Arc<str>,
        serial: u64,
        attempt: u32,
        job: Whereabouts,
        answer: Result<Option<Bytes>, ()>,
        begun: u32,
    ) {
        let current = |pending: &&mut Pending| pending.serial == serial;
        let Some(pending) = self.pending.get_mut(subject).filter(current) else { return };
        pending.looking = false;
        if pending.attempt != attempt {
            return;
        }
        if answer.is_err() || job == Whereabouts::Unknown {
            pending.look_again(self.now);
        } else {
            pending.back_off(self.now);
        }
        if matches!(job, Whereabouts::There | Whereabouts::Abandoned) {
            pending.era = self.era;
        }
        let Ok(answer) = answer else { return };
        let points = pending.points.len();
        let found = answer.map_or(Found::Nothing, |answer| answer::read(&answer, &pending.id, points));
        let dead = pending.dead;
        let failure_counts = !pending.duplicate;
        let delete = pending.delete(self.connections);
        match (found, job) {
            (Found::Outcomes(heard), _) => {
                if job != Whereabouts::Gone {
                    self.actions.extend(delete);
                }
                self.take(subject, heard);
            }
            // The failure of an earlier attempt says nothing of this one.
            (Found::Failure(error), Whereabouts::Gone) if failure_counts => self.failed(subject, error),
            (_, Whereabouts::Gone) => self.lost(subject, "the job is gone and no answer is there"),
            (_, Whereabouts::There | Whereabouts::Abandoned) if dead.is_some() => {
                self.actions.extend(delete);
                // The first leaves no mark that it has begun.
                if begun.saturating_add(1) < dead.unwrap_or(0) {
                    return self.lost(subject, "it was given to workers that never had it");
                }
                let message = "each worker that it was given to was lost".into();
                self.failed(subject, EvaluationError::new(Error::WorkerLost { message }));
            }
            (_, Whereabouts::Abandoned) => {
                self.actions.extend(delete);
                // Without a mark it was given to one worker at most.
                let mislaid = begun == 0 && pending.mislaid < MISLAID;
                pending.mislaid += u32::from(mislaid);
                self.lost_unless(mislaid, subject, "the server gives the job to nobody");
            }
            (_, Whereabouts::There | Whereabouts::Unknown) => {}
        }
    }

    /// Looks for the jobs and answers that are due.
    pub(super) fn look_up(&mut self) {
        self.look_up_urgent();
        let now = self.now;
        let is_due = |pending: &Pending| pending.is_sent && !pending.looking && pending.due <= now;
        let room = LOOKING.saturating_sub(self.looking);
        let due = self.order.iter().filter(|(_, subject)| is_due(&self.pending[*subject]));
        let due: Vec<u64> = due.map(|(serial, _)| *serial).take(room).collect();
        due.into_iter().for_each(|serial| self.look(serial, false));
    }

    /// Looks for this job before those that are due.
    pub(super) fn look_up_soon(&mut self, serial: u64) {
        self.urgent.insert(serial);
        self.look_up_urgent();
    }

    /// Looks for what there is reason to look for, as far as there is room.
    pub(super) fn look_up_urgent(&mut self) {
        while self.looking < LOOKING
            && let Some((serial, answer_only)) = self.next_urgent()
        {
            self.look(serial, answer_only);
        }
    }

    fn next_urgent(&mut self) -> Option<(u64, bool)> {
        self.urgent.pop_first().map(|serial| (serial, false)).or_else(|| Some((self.missed.pop_first()?, true)))
    }

    fn look(&mut self, serial: u64, answer_only: bool) {
        let Some(subject) = self.order.get(&serial) else { return };
        let pending = self.pending.get_mut(subject).expect("what is in the order is pending");
        if !pending.is_sent || std::mem::replace(&mut pending.looking, true) {
            return;
        }
        self.looking += 1;
        self.actions.push(Action::Look {
            function: pending.question.function.clone(),
            subject: subject.clone(),
            serial,
            attempt: pending.attempt,
            sequence: pending.sequence.filter(|_| !answer_only),
            message_id: pending.message_id(),
            dead: pending.dead.is_some(),
        });
        self.count(|report| report.looked_up += 1);
    }

    /// The server has given up the job of this number.
    pub(super) fn given_up(&mut self, sequence: u64, deliveries: u32) {
        if self.dead.len() >= REMEMBERED {
            self.dead.clear();
        }
        self.dead.insert(sequence, deliveries);
        if let Some(pending) = self.pending.values_mut().find(|pending| pending.sequence == Some(sequence)) {
            pending.dead = Some(deliveries);
            pending.due = self.now;
            let serial = pending.serial;
            self.look_up_soon(serial);
        }
    }

    /// Answers may have come that nobody heard.
    pub(super) fn mark_missed(&mut self) {
        self.missed.extend(self.order.keys());
        self.look_up_urgent();
    }

    /// The server has described the queue. What is no longer in it is answered or lost.
    pub(super) fn queue(&mut self, queue: Queue) {
        let is_another = self.queue.is_some_and(|known| known != queue.created);
        if is_another {
            self.era += 1;
            // Its numbers begin anew.
            self.dead.clear();
        }
        self.queue = Some(queue.created);
        self.count(|report| (report.queued, report.room) = (queue.jobs, queue.room));
        let is_gone = |pending: &&Pending| {
            pending.sequence.is_some_and(|sequence| sequence < queue.first || pending.era != self.era)
        };
        self.urgent.extend(self.pending.values().filter(is_gone).map(|pending| pending.serial));
        self.look_up_urgent();
    }

    /// A worker cannot store its answer. What was heard need not be stored.
    pub(super) fn asked(&mut self, subject: &str, reply: Subject) {
        let Some((run, _)) = self.space.parse_result(subject) else { return };
        let place = self.answered.hasher().hash_one(subject);
        // On a run with a name there may be others who wait for it.
        let is_over = names::ends_with_its_client(run) || self.answered.contains_key(&place);
        let is_over = is_over && self.runs.contains(run) && !self.pending.contains_key(subject);
        self.actions.push(Action::Release { to: reply, is_over });
    }
}
