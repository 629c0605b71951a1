//! The coordinator looks for jobs and answers: what `ops.rs` does.

use super::*;

/// What is looked for.
pub(super) struct Look {
    pub(super) subject: Arc<str>,
    pub(super) serial: u64,
    pub(super) attempt: u32,
    pub(super) sequence: Option<u64>,
    pub(super) message_id: String,
    pub(super) dead: bool,
}

impl World {
    pub(super) fn look(&mut self, look: Rc<Look>) {
        let Some(sequence) = look.sequence else { return self.look_for_answer(look, Whereabouts::Unknown) };
        let job = look.clone();
        self.request(
            Who::Coordinator,
            move |world| world.server.whereabouts(sequence, &job.message_id),
            move |world, job| world.look_for_answer(look.clone(), job.unwrap_or(Whereabouts::Unknown)),
        );
    }

    fn look_for_answer(&mut self, look: Rc<Look>, job: Whereabouts) {
        let place = look.subject.clone();
        self.request(
            Who::Coordinator,
            move |world| world.server.answer(&place),
            move |world, answer| match answer {
                Some(answer) if job == Whereabouts::There => world.look_whether_idle(look.clone(), answer),
                answer => world.looked(&look, job, answer.ok_or(())),
            },
        );
    }

    fn look_whether_idle(&mut self, look: Rc<Look>, answer: Option<Bytes>) {
        self.request(
            Who::Coordinator,
            |world| world.server.is_idle(),
            move |world, idle| {
                if idle != Some(true) {
                    return world.looked(&look, Whereabouts::There, Ok(answer.clone()));
                }
                let (job, look, answer) = (look.clone(), look.clone(), answer.clone());
                world.request(
                    Who::Coordinator,
                    move |world| world.server.whereabouts(job.sequence.expect("it was looked for"), &job.message_id),
                    move |world, there| {
                        let abandoned = there == Some(Whereabouts::There);
                        let job = if abandoned { Whereabouts::Abandoned } else { Whereabouts::There };
                        world.looked(&look, job, Ok(answer.clone()));
                    },
                );
            },
        );
    }

    /// Of a job that was given up it is looked for who has begun with it.
    fn looked(&mut self, look: &Rc<Look>, job: Whereabouts, answer: Result<Option<Bytes>, ()>) {
        if !look.dead && job != Whereabouts::Abandoned {
            return self.found(look, job, answer, 0);
        }
        let (mark, look) = (look.clone(), look.clone());
        self.request(
            Who::Coordinator,
            move |world| world.server.begun(&mark.message_id),
            move |world, begun| match begun {
                Some(begun) => world.found(&look, job, answer.clone(), begun),
                None => world.found(&look, job, Err(()), 0),
            },
        );
    }

    fn found(&mut self, look: &Look, job: Whereabouts, answer: Result<Option<Bytes>, ()>, begun: u32) {
        let Look { subject, serial, attempt, .. } = look;
        self.tell(Event::Looked { subject: subject.clone(), serial: *serial, attempt: *attempt, job, answer, begun });
    }
}
