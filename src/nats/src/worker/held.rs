//! A job that a slot has, and what may be said of it.
//!
//! The server gives a job to another worker when it has had no sign of life for `ack_wait`, and then still obeys whoever
//! speaks of the job: a NAK or TERM of the former holder acts on the job of the present one.
//!
//! INVARIANT: of a job only its holder speaks. `until` is when the job may be another's: `ack_wait` after a request of ours
//! that the server had before it gave us the job, or after a sign of life of ours that it confirmed before `until`. Past
//! that the server is asked; where it cannot rule out that the job is another's, nothing is said of it.
//!
//! A server that was started again may have forgotten what it gave to whom. After that nothing is handed back, ended or
//! failed; signs of life go on if the server has given out no job twice, and a value is offered, which harms nobody.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_nats::connection::State;
use async_nats::jetstream::{AckKind, Message};

use super::Shared;

/// What the consumer promises.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) ack_wait: Duration,
    pub(super) max_deliver: i64,
    /// Which consumer this is: another one has its name when the server has lost its store.
    pub(super) created: SystemTime,
}

/// A job that this slot has.
pub(super) struct Held<'a> {
    shared: &'a Shared,
    function: &'a str,
    message: &'a Message,
    terms: Terms,
    /// How often it was given out.
    delivery: i64,
    /// The server process that has given it out.
    server: String,
    hold: Mutex<Hold>,
}

struct Hold {
    /// Before this it is nobody else's.
    until: Instant,
    /// The connection on which that is known.
    connection: u64,
    /// Whether the server was started again meanwhile.
    restarted: bool,
}

/// What the server says of a job that may be another's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// It has given no job to a second worker, and this one is not answered.
    Nobody,
    /// It may have.
    Perhaps,
    /// It has forgotten the job: it is another store.
    Lost,
    Unknown,
}

/// Whether an outcome may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    Yes,
    /// It never may.
    No,
    /// The server does not say, now.
    Later,
}

impl<'a> Held<'a> {
    /// `asked`: when the request went out by which it was given, on this `connection`.
    pub(super) fn new(
        shared: &'a Shared,
        function: &'a str,
        message: &'a Message,
        terms: Terms,
        delivery: i64,
        asked: Instant,
        connection: u64,
    ) -> Self {
        let hold = Hold { until: asked + terms.ack_wait, connection, restarted: false };
        let server = shared.client.server_info().server_id;
        Self { shared, function, message, terms, delivery, server, hold: Mutex::new(hold) }
    }

    fn hold(&self) -> MutexGuard<'_, Hold> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_connected(&self) -> bool {
        self.shared.client.connection_state() == State::Connected
    }

    /// Whether the server keeps the job for us. What is sent now takes a while to arrive: a tenth of `ack_wait` is left for
    /// that.
    fn is_held(&self) -> bool {
        let (hold, now) = (self.hold(), Instant::now());
        let unbroken = hold.connection == *self.shared.connections.borrow() && self.is_connected();
        unbroken && now + self.terms.ack_wait / 10 < hold.until
    }

    fn is_sure(&self) -> bool {
        self.is_held() && !self.hold().restarted
    }

    /// Hands the job back, to be given to another at once or after a rest. The server gives it out so often only: the last
    /// time it is ended, which its coordinator sees and publishes it again.
    pub(super) async fn hand_back(&self) {
        let last = self.terms.max_deliver > 0 && self.delivery >= self.terms.max_deliver;
        self.tell(if last { AckKind::Term } else { AckKind::Nak(None) }).await;
    }

    /// Tells the server what is to become of the job, if it is ours.
    pub(super) async fn tell(&self, kind: AckKind) {
        if !self.is_sure() {
            self.sign().await;
        }
        if self.is_sure() {
            let _ = self.message.ack_with(kind).await;
        }
    }

    /// Lets go of a job that is answered. Nobody is harmed who has it too; but a server that has lost its store has given
    /// its number to another job.
    pub(super) async fn let_go(&self) {
        if self.is_held() || matches!(self.owner(None).await, Owner::Nobody | Owner::Perhaps) {
            let _ = self.message.ack_with(AckKind::Ack).await;
        }
    }

    /// Whether the outcome, a value or a failure, may be told. Where the answer goes is `reply`.
    pub(super) async fn may_answer(&self, is_value: bool, reply: &str) -> May {
        let may = |held: &Self| if is_value { held.is_held() } else { held.is_sure() };
        if may(self) {
            return May::Yes;
        }
        if !self.is_connected() {
            return May::Later;
        }
        // The server that has given the job out is there, and knows whose it is; or it is another one.
        let restarted = self.shared.client.server_info().server_id != self.server;
        match self.renew(Some(reply)).await {
            _ if may(self) => May::Yes,
            Owner::Unknown => May::Later,
            Owner::Nobody if !restarted => May::Later,
            Owner::Lost | Owner::Nobody | Owner::Perhaps if restarted && is_value => May::Yes,
            _ => May::No,
        }
    }

    /// Waits for `work`, and tells the server that somebody does.
    pub(super) async fn alive<T>(&self, work: impl Future<Output = T>) -> T {
        let beat = (self.terms.ack_wait / 3).max(Duration::from_millis(10));
        let mut connections = self.shared.connections.clone();
        let beats = async {
            loop {
                connections.mark_unchanged();
                tokio::select! {
                    biased;
                    Ok(()) = connections.changed() => {}
                    () = tokio::time::sleep(beat) => {}
                }
                self.sign().await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = beats => unreachable!("it beats for ever"),
        }
    }

    /// Gives a sign of life, if the job is ours.
    async fn sign(&self) {
        if self.is_held() {
            self.confirm().await;
        } else if self.is_connected() {
            self.renew(None).await;
        }
    }

    /// Sends a sign of life, and waits until the server has it: the job is ours for `ack_wait` from when it was sent.
    async fn confirm(&self) -> bool {
        let Some(to) = self.message.reply.clone() else { return false };
        let (sent, connection) = (Instant::now(), *self.shared.connections.borrow());
        let confirmed = self.shared.client.request(to, AckKind::Progress.into()).await.is_ok();
        let mut hold = self.hold();
        // Too late, it says nothing: the server confirms the signs of whoever gives them.
        let in_time = hold.connection == connection && Instant::now() < hold.until;
        if confirmed && in_time {
            hold.until = sent + self.terms.ack_wait;
        }
        confirmed
    }

    /// Finds out whether a job is still ours that may be another's by the clock, or that we have from another connection.
    async fn renew(&self, reply: Option<&str>) -> Owner {
        let connection = *self.shared.connections.borrow();
        let restarted = self.shared.client.server_info().server_id != self.server;
        if !restarted && Instant::now() + self.terms.ack_wait / 10 < self.hold().until {
            // The connection is another one, the server and its memory are the same.
            self.hold().connection = connection;
            self.confirm().await;
            return Owner::Nobody;
        }
        let before = self.owner(reply).await;
        if before != Owner::Nobody {
            return before;
        }
        let sent = Instant::now();
        let Some(to) = self.message.reply.clone() else { return Owner::Unknown };
        if self.shared.client.request(to, AckKind::Progress.into()).await.is_err() {
            return Owner::Unknown;
        }
        // Between the question and the sign of life it may have been given away.
        let after = self.owner(reply).await;
        if after == Owner::Nobody && connection == *self.shared.connections.borrow() {
            let mut hold = self.hold();
            let restarted = restarted || hold.restarted;
            *hold = Hold { until: sent + self.terms.ack_wait, connection, restarted };
        }
        after
    }

    async fn owner(&self, reply: Option<&str>) -> Owner {
        let stream = self.shared.server.space.jobs_stream();
        let Ok(stream) = self.shared.context.get_stream_no_info(stream).await else { return Owner::Unknown };
        let Ok(info) = stream.consumer_info(self.function).await else { return Owner::Unknown };
        if SystemTime::from(info.created) != self.terms.created {
            return Owner::Lost;
        }
        // It counts the jobs that it has given out more than once; those that are done it has forgotten.
        if self.delivery > 1 || info.num_redelivered > 0 || info.num_ack_pending == 0 {
            return Owner::Perhaps;
        }
        match reply {
            Some(reply) if self.shared.has_answer(reply).await => Owner::Perhaps,
            _ => Owner::Nobody,
        }
    }
}
