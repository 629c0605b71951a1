//! The workers: what `worker/slot.rs` does.

use super::*;

impl World {
    pub(super) fn request_job(&mut self, hand: usize) {
        let (life, turn) = (self.hands[hand].life, self.hands[hand].turn);
        self.send(Who::Worker(hand), Way::ToServer, move |world| {
            if world.hands[hand].life == life {
                world.server.waiting.push_back((hand, life));
                world.dispatch();
            }
        });
        self.doubt(hand, life, turn);
    }

    /// While the server has a request it says so, or the request is made again.
    fn doubt(&mut self, hand: usize, life: u64, turn: u64) {
        self.later(20 * SECOND, move |world| {
            let Hand { life: now, turn: after, .. } = world.hands[hand];
            if (now, after) != (life, turn) {
                return;
            }
            if world.server.waiting.contains(&(hand, life)) {
                world.doubt(hand, life, turn);
            } else {
                world.request_job(hand);
            }
        });
    }

    /// The server gives out what it has to those who asked, and takes back what nobody gives a sign of life of.
    pub(super) fn dispatch(&mut self) {
        while let Some((hand, life)) = self.server.waiting.front().copied() {
            if self.hands[hand].life != life {
                self.server.waiting.pop_front();
                continue;
            }
            let Some(given) = self.server.give(self.now) else { break };
            self.server.waiting.pop_front();
            self.watch(given.sequence, given.delivery);
            if self.chance(self.faults.undelivered) {
                // The worker will ask again.
                self.later(SECOND, move |world| {
                    if world.hands[hand].life == life {
                        world.request_job(hand);
                    }
                });
                continue;
            }
            self.send(Who::Worker(hand), Way::FromServer, move |world| {
                if world.hands[hand].life == life {
                    given.points.iter().for_each(|point| world.counts.deliveries[*point] += 1);
                    world.counts.jobs += 1;
                    world.counts.widest = world.counts.widest.max(given.points.len());
                    world.hands[hand].queue.push_back(given.clone());
                    world.begin(hand);
                }
            });
        }
    }

    fn watch(&mut self, sequence: u64, delivery: u32) {
        self.later(self.server.ack_wait, move |world| match world.server.overdue(sequence, delivery, world.now) {
            server::Overdue::Not => {}
            server::Overdue::Later => world.watch(sequence, delivery),
            server::Overdue::Again => world.dispatch(),
            server::Overdue::Dead => {
                world.send(Who::Coordinator, Way::FromServer, move |world| world.tell(Event::Dead(sequence, delivery)));
            }
        });
    }

    fn begin(&mut self, hand: usize) {
        if self.hands[hand].busy.is_some() {
            return;
        }
        let Some(given) = self.hands[hand].queue.pop_front() else { return self.request_job(hand) };
        self.hands[hand].turn += 1;
        self.hands[hand].busy = Some(given.clone());
        if given.delivery == 1 {
            return self.evaluate(hand, given);
        }
        let (turn, place) = (self.hands[hand].turn, given.subject.clone());
        self.request(
            Who::Worker(hand),
            move |world| world.server.answer(&place),
            move |world, answer| {
                if world.hands[hand].turn != turn {
                    return;
                }
                let is_value = answer.flatten().is_some_and(|answer| {
                    let answers = Answers::decode(&answer).expect("an answer");
                    answers.is_counted || answers.outcomes.iter().all(|outcome| outcome.is_ok())
                });
                if is_value { world.let_go(hand, turn) } else { world.mark(hand, turn, given.clone()) }
            },
        );
    }

    /// A mark that it has begun is left before a job is evaluated that was given out before.
    fn mark(&mut self, hand: usize, turn: u64, given: Given) {
        if given.points.len() > 1 {
            return self.evaluate(hand, given);
        }
        let (id, given_again) = (given.message_id.clone(), given.delivery);
        self.request(
            Who::Worker(hand),
            move |world| world.server.mark(&id, given_again),
            move |world, _| {
                if world.hands[hand].turn == turn {
                    world.evaluate(hand, given.clone());
                }
            },
        );
    }

    fn evaluate(&mut self, hand: usize, given: Given) {
        let turn = self.hands[hand].turn;
        if given.points.len() > 1 && given.delivery > 1 {
            let name = given.subject.rsplit('.').next().expect("a name");
            let mut answer = Vec::new();
            Answers::whole(name, FailureKind::Crashed, "it was given out before").encode(&mut answer);
            return self.store(hand, turn, given.subject.clone(), answer.into(), 50 * MILLISECOND);
        }
        let longest = match self.faults.swift && (self.faults.deaf || !self.chance(5)) {
            true => 200,
            false => [10 * MILLISECOND, 300 * MILLISECOND, 2 * SECOND, 20 * SECOND][self.noise.below(4)],
        };
        let takes = 1 + self.within(longest);
        if !self.faults.mute {
            self.sign_of_life(hand, turn);
        }
        let poison = self.faults.poison.and_then(|poison| given.points.iter().position(|point| *point == poison));
        if poison.is_some() || self.chance(self.faults.crashes) {
            // Somewhere in the middle of the job.
            let begun = 1 + poison.unwrap_or_else(|| self.noise.below(given.points.len()));
            given.points[..begun].iter().for_each(|point| self.counts.evaluations[*point] += 1);
            self.counts.crashes += 1;
            let after = self.within(takes);
            self.later(after, move |world| {
                if world.hands[hand].turn == turn {
                    let life = world.hands[hand].life + 1;
                    world.hands[hand] = Hand { life, turn: turn + 1, ..Hand::default() };
                    world.later(SECOND, move |world| world.request_job(hand));
                }
            });
            return;
        }
        given.points.iter().for_each(|point| self.counts.evaluations[*point] += 1);
        self.later(takes, move |world| {
            if world.hands[hand].turn == turn {
                let answer = world.answer(&given, takes);
                world.store(hand, turn, given.subject.clone(), answer.into(), 50 * MILLISECOND);
            }
        });
    }

    fn answer(&mut self, given: &Given, took: Time) -> Vec<u8> {
        let mut answers = Answers {
            is_counted: given.points.len() > 1,
            seconds: Some(took as f64 / SECOND as f64),
            most: Some(1024),
            ..Answers::new(given.subject.rsplit('.').next().expect("a name"))
        };
        let mut points = given.points.clone();
        if points.len() > 1 && self.chance(self.faults.lies) {
            match self.noise.below(2) {
                0 => drop(points.pop()),
                _ => points.push(0),
            }
        }
        for point in points {
            match value(point) {
                Some(y) if self.faults.fickle => {
                    answers.outcomes.push(Ok(&[f64::from_bits(y.to_bits() ^ u64::from(given.delivery))]));
                }
                Some(y) => answers.outcomes.push(Ok(&[y])),
                None => answers.outcomes.push(Err(Failure::new(FailureKind::Failed, "no value"))),
            }
        }
        let mut message = Vec::new();
        answers.encode(&mut message);
        message
    }

    fn sign_of_life(&mut self, hand: usize, turn: u64) {
        self.later(self.server.ack_wait / 3, move |world| {
            if world.hands[hand].turn == turn
                && let Some(given) = world.hands[hand].busy.clone()
            {
                world.send(Who::Worker(hand), Way::ToServer, move |world| {
                    world.server.is_alive(given.sequence, given.delivery, world.now);
                });
                world.sign_of_life(hand, turn);
            }
        });
    }

    /// The answer is published until the server has it; each time it is there it goes to the coordinator.
    fn store(&mut self, hand: usize, turn: u64, subject: Arc<str>, answer: Bytes, pause: Time) {
        let (place, bytes) = (subject.clone(), answer.clone());
        self.request(
            Who::Worker(hand),
            move |world| {
                let stored = world.server.store(&place, &bytes);
                let message = async_nats::Message {
                    subject: place.to_string().into(),
                    reply: None,
                    payload: bytes.clone(),
                    headers: None,
                    status: None,
                    description: None,
                    length: 0,
                };
                if !world.faults.deaf {
                    let arrived = move |world: &mut World| world.tell(Event::Arrived(message.clone()));
                    world.send(Who::Coordinator, Way::FromServer, arrived);
                }
                stored
            },
            move |world, stored| {
                if world.hands[hand].turn != turn {
                    return;
                }
                if stored == Some(true) {
                    return world.let_go(hand, turn);
                }
                let (subject, answer) = (subject.clone(), answer.clone());
                world.later(pause, move |world| {
                    if world.hands[hand].turn == turn {
                        world.store(hand, turn, subject, answer, (2 * pause).min(5 * SECOND));
                    }
                });
            },
        );
    }

    /// The job is done, or not wanted: the server is told once, and the next one is asked for.
    pub(super) fn let_go(&mut self, hand: usize, turn: u64) {
        if self.hands[hand].turn != turn {
            return;
        }
        let Some(given) = self.hands[hand].busy.take() else { return };
        self.hands[hand].turn += 1;
        // Whatever has this number now is let go of: an acknowledgement that comes late is not told from one in time. So after
        // the connection was lost the worker asks whether this is still the server that it was.
        if given.era == self.server.era {
            self.send(Who::Worker(hand), Way::ToServer, move |world| world.server.delete(given.sequence));
        }
        self.begin(hand);
    }

    pub(super) fn cancelled(&mut self, hand: usize, ids: &str) {
        let Hand { busy: Some(given), turn, .. } = &self.hands[hand] else { return };
        if ids.lines().any(|id| id == given.message_id) {
            let turn = *turn;
            self.later(SECOND, move |world| world.let_go(hand, turn));
        }
    }
}
