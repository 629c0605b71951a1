//! The points that somebody waits for, and those of them that wait for a job.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::events::{Question, Waiter, Wish};

/// A point that somebody waits for.
pub(super) struct Point {
    pub(super) serial: u64,
    pub(super) question: Arc<Question>,
    /// Its numbers.
    pub(super) x: Box<[f64]>,
    pub(super) id: String,
    /// Where the answer to the job goes that has it.
    pub(super) job: Option<Arc<str>>,
    pub(super) waiters: Vec<Waiter>,
    /// Since when.
    pub(super) asked: Instant,
    deadline: Option<(Instant, Duration)>,
}

impl Point {
    pub(super) fn new(wish: Wish, serial: u64, now: Instant) -> Self {
        let deadline = wish.question.deadline.and_then(|limit| Some((now.checked_add(limit)?, limit)));
        let Wish { question, x, id, waiter, .. } = wish;
        Self { serial, question, x, id, job: None, waiters: vec![waiter], asked: now, deadline }
    }

    /// Its deadline in seconds, if that has passed.
    pub(super) fn late(&self, now: Instant) -> Option<f64> {
        let (deadline, limit) = self.deadline?;
        (deadline <= now).then_some(limit.as_secs_f64())
    }
}

/// A point by its subject, unless it has gone meanwhile: then that may be another's.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) subject: Arc<str>,
    pub(super) serial: u64,
}

/// Points that wait for a job together, those of one question.
pub(super) struct Gathering {
    pub(super) question: Arc<Question>,
    places: VecDeque<Place>,
    /// Whether they have waited since the last tick.
    pub(super) since_tick: bool,
}

/// All points that wait for a job, by question: in the order in which the questions were asked.
#[derive(Default)]
pub(super) struct Gatherings(pub(super) Vec<Gathering>);

impl Gatherings {
    /// Adds a point.
    pub(super) fn add(&mut self, question: &Arc<Question>, place: Place) {
        let same = |gathering: &&mut Gathering| Arc::ptr_eq(&gathering.question, question);
        if let Some(gathering) = self.0.iter_mut().find(same) {
            gathering.places.push_back(place);
            return;
        }
        let places = VecDeque::from([place]);
        self.0.push(Gathering { question: question.clone(), places, since_tick: false });
    }
}

/// Whether two points have the same bits.
fn same(one: &[f64], other: &[f64]) -> bool {
    one.iter().map(|x| x.to_bits()).eq(other.iter().map(|x| x.to_bits()))
}

impl Gathering {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Takes out up to so many points for one job, no `x` twice: a point that is evaluated twice
    /// has two jobs.
    pub(super) fn take(&mut self, most: usize, points: &HashMap<Arc<str>, Point>) -> Vec<(Place, Box<[f64]>)> {
        let mut taken: Vec<(Place, Box<[f64]>)> = Vec::new();
        let mut later = Vec::new();
        while taken.len() < most
            && let Some(place) = self.places.pop_front()
        {
            // Nobody may want it any more.
            let Some(point) = points.get(&place.subject).filter(|point| point.serial == place.serial) else { continue };
            if taken.iter().any(|(_, x)| same(x, &point.x)) {
                later.push(place);
            } else {
                taken.push((place, point.x.clone()));
            }
        }
        later.into_iter().rev().for_each(|place| self.places.push_front(place));
        taken
    }
}
