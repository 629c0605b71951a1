//! One thread, no clock: evaluations that end when the world says so, and the tasks that wait for them.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use coquad::{EvaluationError, Evaluator};

use crate::support::clock::processor_time;
use crate::support::cluster::Random;

/// What becomes of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Value,
    NotFinite(f64),
    Fails,
    Panics,
    /// It never ends. Of points that nobody needs only.
    Hangs,
}

/// Who evaluates: within the contract, but as awkward as that allows.
pub(crate) struct Script<T> {
    pub(crate) f: Box<dyn Fn(f64) -> T + Send + Sync>,
    pub(crate) fate: Box<dyn Fn(f64) -> Fate + Send + Sync>,
    pub(crate) world: World,
}

#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

struct State {
    random: Random,
    /// The room, which may change with every call; 0 counts as 1.
    rooms: Vec<usize>,
    room: usize,
    /// One evaluation in so many is ready at once; 0 for none.
    at_once: usize,
    outstanding: usize,
    waiting: Vec<Arc<Mutex<Entry>>>,
    /// Wakers to be woken some time later.
    late: Vec<Waker>,
    /// By point: evaluations under way, and values.
    points: HashMap<u64, (usize, usize)>,
    started: usize,
    limits: (f64, f64),
    broken: Option<String>,
}

struct Entry {
    waker: Option<Waker>,
    is_over: bool,
}

impl World {
    pub(crate) fn new(seed: u64, rooms: Vec<usize>, at_once: usize, limits: (f64, f64)) -> Self {
        let room = rooms[0];
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            rooms,
            room,
            at_once,
            outstanding: 0,
            waiting: Vec::new(),
            late: Vec::new(),
            points: HashMap::new(),
            started: 0,
            limits,
            broken: None,
        })))
    }

    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.lock().unwrap())
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.with(|state| state.outstanding)
    }

    /// How many evaluations have begun.
    pub(crate) fn started(&self) -> usize {
        self.with(|state| state.started)
    }

    fn rooms(&self) -> String {
        self.with(|state| format!("room for {:?}", state.rooms))
    }

    pub(crate) fn pick(&self, n: usize) -> usize {
        self.with(|state| state.pick(n))
    }

    /// What was found wrong.
    pub(crate) fn broken(&self) -> Option<String> {
        self.with(|state| state.broken.take())
    }

    /// Lets one evaluation end, or one late waker be woken; `false` if there is none.
    pub(crate) fn step(&self) -> bool {
        let waker = self.with(|state| {
            let of = state.waiting.len() + state.late.len();
            if of == 0 {
                return None;
            }
            let which = state.pick(of);
            if which >= state.waiting.len() {
                let late = which - state.waiting.len();
                return Some(Some(state.late.swap_remove(late)));
            }
            let entry = state.waiting.swap_remove(which);
            let mut entry = entry.lock().unwrap();
            entry.is_over = true;
            let waker = entry.waker.take();
            // Some are woken later.
            if state.pick(8) == 0 {
                state.late.extend(waker);
                return Some(None);
            }
            Some(waker)
        });
        match waker {
            None => false,
            Some(waker) => {
                waker.into_iter().for_each(Waker::wake);
                true
            }
        }
    }
}

impl State {
    fn pick(&mut self, n: usize) -> usize {
        (self.random.next_u64() >> 33) as usize % n
    }

    fn breaks(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }
}

/// An evaluation under way.
struct Evaluation<'a, T> {
    script: &'a Script<T>,
    x: f64,
    entry: Option<Arc<Mutex<Entry>>>,
    has_begun: bool,
}

impl<T> Future for Evaluation<'_, T> {
    type Output = Result<T, EvaluationError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (x, world) = (self.x, self.script.world.clone());
        let fate = (self.script.fate)(x);
        if !std::mem::replace(&mut self.has_begun, true) {
            let at_once = world.with(|state| {
                state.started += 1;
                if state.outstanding >= state.room.max(1) {
                    let (outstanding, room) = (state.outstanding, state.room);
                    state.breaks(format!("{outstanding} outstanding where {room} may be"));
                }
                if !(state.limits.0 <= x && x <= state.limits.1) {
                    state.breaks(format!("{x:?} is outside the limits"));
                }
                state.outstanding += 1;
                let (under_way, values) = state.points.entry(x.to_bits()).or_default();
                *under_way += 1;
                if *under_way > 1 || *values > 0 {
                    let what = format!("{x:?} is evaluated twice: {under_way} under way, {values} values");
                    state.breaks(what);
                }
                state.at_once > 0 && fate != Fate::Hangs && state.pick(state.at_once) == 0
            });
            if !at_once {
                let entry = Arc::new(Mutex::new(Entry { waker: Some(cx.waker().clone()), is_over: false }));
                if fate != Fate::Hangs {
                    world.with(|state| state.waiting.push(entry.clone()));
                }
                self.entry = Some(entry);
                return Poll::Pending;
            }
        } else if let Some(entry) = &self.entry {
            let mut entry = entry.lock().unwrap();
            if !entry.is_over {
                entry.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        match fate {
            Fate::Fails => Poll::Ready(Err(EvaluationError::new("scripted"))),
            // Without the panic hook: thousands of traces would bury the one that matters.
            Fate::Panics => std::panic::resume_unwind(Box::new("scripted")),
            Fate::Value | Fate::NotFinite(_) | Fate::Hangs => {
                world.with(|state| state.points.entry(x.to_bits()).or_default().1 += 1);
                Poll::Ready(Ok((self.script.f)(x)))
            }
        }
    }
}

impl<T> Drop for Evaluation<'_, T> {
    fn drop(&mut self) {
        if self.has_begun {
            let entry = self.entry.take();
            self.script.world.with(|state| {
                state.outstanding -= 1;
                state.points.entry(self.x.to_bits()).or_default().0 -= 1;
                if let Some(entry) = entry {
                    state.waiting.retain(|other| !Arc::ptr_eq(other, &entry));
                }
            });
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Evaluator for Script<T> {
    type Value = T;

    fn evaluate(&self, x: f64) -> impl Future<Output = Result<T, EvaluationError>> + Send {
        Evaluation { script: self, x, entry: None, has_begun: false }
    }

    fn concurrency(&self) -> usize {
        self.world.with(|state| {
            let next = state.pick(state.rooms.len());
            state.room = state.rooms[next];
            state.room
        })
    }
}

/// What its owner does with the future of an integral.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Treatment {
    /// Polls it when it is woken, and now and then when it is not.
    Polled,
    /// Drops it after so many polls.
    Dropped(usize),
    /// Holds it after so many polls, until the others have ended.
    Held(usize),
    /// Holds it and never comes back.
    Forgotten(usize),
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task<'a, R> {
    future: Option<Pin<Box<dyn Future<Output = R> + 'a>>>,
    flag: Arc<Flag>,
    treatment: Treatment,
    polls: usize,
    outcome: Option<R>,
}

/// Sees all tasks to their ends; returns what each that ended came to, and the longest poll in
/// processor time. An error if a task that is polled whenever it is woken does not end.
pub(crate) fn run<'a, R>(
    world: &World,
    tasks: Vec<(Pin<Box<dyn Future<Output = R> + 'a>>, Treatment)>,
) -> Result<(Vec<Option<R>>, Duration), String> {
    let mut longest = Duration::ZERO;
    let mut tasks: Vec<Task<'a, R>> = tasks
        .into_iter()
        .map(|(future, treatment)| {
            let flag = Arc::new(Flag(AtomicBool::new(true)));
            Task { future: Some(future), flag, treatment, polls: 0, outcome: None }
        })
        .collect();
    let is_held = |task: &Task<'a, R>| match task.treatment {
        Treatment::Held(after) | Treatment::Forgotten(after) => task.polls >= after,
        Treatment::Polled | Treatment::Dropped(_) => false,
    };
    loop {
        let alive: Vec<usize> =
            (0..tasks.len()).filter(|&i| tasks[i].future.is_some() && !is_held(&tasks[i])).collect();
        if alive.is_empty() {
            let Some(held) =
                tasks.iter().position(|task| task.future.is_some() && matches!(task.treatment, Treatment::Held(_)))
            else {
                break;
            };
            tasks[held].treatment = Treatment::Polled;
            tasks[held].flag.0.store(true, Ordering::Relaxed);
            continue;
        }
        let woken: Vec<usize> = alive.iter().copied().filter(|&i| tasks[i].flag.0.load(Ordering::Relaxed)).collect();
        if woken.is_empty() || world.pick(4) == 0 {
            let has_stepped = world.step();
            if !has_stepped && woken.is_empty() {
                let treated: Vec<_> =
                    tasks.iter().map(|task| (task.treatment, task.polls, task.future.is_some())).collect();
                return Err(format!("{} outstanding, {}; {treated:?}", world.outstanding(), world.rooms()));
            }
            if woken.is_empty() {
                continue;
            }
        }
        let among = if world.pick(16) == 0 { &alive } else { &woken };
        let task = &mut tasks[among[world.pick(among.len())]];
        task.flag.0.store(false, Ordering::Relaxed);
        task.polls += 1;
        let Some(future) = &mut task.future else { continue };
        let waker = Waker::from(task.flag.clone());
        let began = processor_time();
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        longest = longest.max(processor_time() - began);
        if let Poll::Ready(outcome) = polled {
            (task.outcome, task.future) = (Some(outcome), None);
        } else if matches!(task.treatment, Treatment::Dropped(after) if task.polls >= after) {
            task.future = None;
        }
    }
    // What is forgotten is dropped at last: its slots and evaluations go with it.
    let outcomes = tasks.iter_mut().map(|task| task.outcome.take()).collect();
    drop(tasks);
    Ok((outcomes, longest))
}
