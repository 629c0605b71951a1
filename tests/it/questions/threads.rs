//! The same on threads: of a pool, of `blocking_fn`, of wrappers around them; held and dropped at any time.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use coquad::{EvaluationError, Evaluator, EvaluatorExt, GaussKronrod, Integrator, ThreadPool, blocking_fn};
use futures::executor::block_on;
use futures::future::join_all;

use super::world::{Fate, Treatment};
use super::{Draw, Expected, Integrand, Question, SOME, expected, summary};
use crate::support::cluster::Random;

/// One pool of each width for all trials: what one leaves behind the next would meet.
static POOLS: LazyLock<[ThreadPool; 3]> = LazyLock::new(|| [1, 2, 5].map(ThreadPool::new));

/// What threads have done: evaluations that began, by point; how many run, and the most that did.
#[derive(Default)]
struct Seen {
    begun: Mutex<HashMap<u64, usize>>,
    inside: AtomicUsize,
    most: AtomicUsize,
}

type Fallible = Box<dyn Fn(f64) -> Result<f64, EvaluationError> + Send + Sync>;

fn called(f: Integrand, seen: &Arc<Seen>, slow: usize) -> Fallible {
    let seen = seen.clone();
    Box::new(move |x| {
        *seen.begun.lock().unwrap().entry(x.to_bits()).or_default() += 1;
        let inside = seen.inside.fetch_add(1, Ordering::SeqCst) + 1;
        seen.most.fetch_max(inside, Ordering::SeqCst);
        // Long enough for others to come between, now and then.
        for _ in 0..(x.to_bits() >> 7) as usize % (slow + 1) {
            std::thread::yield_now();
        }
        seen.inside.fetch_sub(1, Ordering::SeqCst);
        match f.faults.fate(x) {
            Fate::Fails => Err(EvaluationError::new("scripted")),
            Fate::Panics => std::panic::resume_unwind(Box::new("scripted")),
            Fate::Value | Fate::NotFinite(_) | Fate::Hangs => Ok(f.value(x)),
        }
    })
}

type Asked = Pin<Box<dyn Future<Output = String> + Send>>;

fn asked<E: Evaluator<Value = f64> + 'static>(integrator: &Integrator<E>, question: &Question) -> Asked {
    let ((a, b), atol) = (question.limits, question.atol);
    match question.method {
        0 => {
            let asked = question.set(integrator.clone());
            Box::pin(async move { summary(&asked.integrate(a, b, atol).await) })
        }
        _ => {
            let asked = question.set(integrator.clone().method(GaussKronrod::new(15)));
            Box::pin(async move { summary(&asked.integrate(a, b, atol).await) })
        }
    }
}

pub(super) fn ask(seed: u64) -> Duration {
    let mut draw = Draw(Random::new(seed));
    let f = Integrand::draw(&mut draw);
    let first = Question { most: draw.of(&[30, 100, 300]), ..Question::draw(&mut draw, SOME) };
    let mut questions = vec![first.clone()];
    for _ in 0..draw.of(&[0, 1, 3]) {
        let other = Question { most: 200, ..Question::draw(&mut draw, SOME) };
        questions.push(Question { limits: first.limits, offsets: first.offsets, ..other });
    }
    let all: Vec<Expected> = questions.iter().map(|question| expected::<f64>(question, f)).collect();
    let seen = Arc::<Seen>::default();
    let call = called(f, &seen, draw.of(&[0, 3, 30]));
    let width = draw.pick(3);
    let (pool, room) = (&POOLS[width], [1, 2, 5][width]);
    let treatments: Vec<Treatment> = (0..questions.len())
        .map(|i| {
            let polls = 1 + draw.pick(6);
            match draw.pick(if i == 0 { 2 } else { 5 }) {
                2 => Treatment::Dropped(polls),
                3 | 4 if !questions[i].observed => Treatment::Held(polls),
                _ => Treatment::Polled,
            }
        })
        .collect();
    match draw.pick(3) {
        0 => see(&Integrator::new(pool.try_evaluator(call)), questions, treatments, &all, f),
        1 => {
            let evaluator = blocking_fn(room, call).timeout(Duration::from_secs(600));
            see(&Integrator::new(evaluator), questions, treatments, &all, f);
        }
        _ => see(&Integrator::new(pool.try_evaluator(call).retry(1)), questions, treatments, &all, f),
    }
    assert!(seen.most.load(Ordering::SeqCst) <= room, "more ran at once than there is room for");
    if f.faults.one_in == 0 {
        let begun = seen.begun.lock().unwrap();
        let twice = begun.iter().find(|(_, times)| **times > 1);
        assert!(twice.is_none(), "evaluated twice: {twice:?}");
    }
    Duration::ZERO
}

fn see<E: Evaluator<Value = f64> + 'static>(
    integrator: &Integrator<E>,
    questions: Vec<Question>,
    treatments: Vec<Treatment>,
    all: &[Expected],
    f: Integrand,
) {
    let mut kept = Vec::new();
    let mut polled = Vec::new();
    for (i, (question, treatment)) in questions.iter().zip(&treatments).enumerate() {
        let mut future = asked(integrator, question);
        let mut outcome = None;
        if let Treatment::Dropped(polls) | Treatment::Held(polls) | Treatment::Forgotten(polls) = *treatment {
            for _ in 0..polls {
                if let std::task::Poll::Ready(ended) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    outcome = Some(ended);
                    break;
                }
                std::thread::yield_now();
            }
        }
        match (outcome, treatment) {
            (Some(outcome), _) => check(i, &outcome, all, &questions, f),
            (None, Treatment::Polled) => polled.push((i, future)),
            (None, Treatment::Dropped(_)) => drop(future),
            (None, _) => kept.push((i, future)),
        }
    }
    // Those who are polled end, whatever is held; then those that were held.
    for futures in [polled, kept] {
        let (to, answers) = channel();
        let waits = std::thread::spawn(move || {
            let ended = block_on(join_all(futures.into_iter().map(|(i, future)| async move { (i, future.await) })));
            let _ = to.send(ended);
        });
        let ended =
            answers.recv_timeout(Duration::from_secs(120)).unwrap_or_else(|_| panic!("it hangs: {questions:?} {f:?}"));
        waits.join().expect("it has ended");
        ended.iter().for_each(|(i, outcome)| check(*i, outcome, all, &questions, f));
    }
}

fn check(i: usize, outcome: &str, all: &[Expected], questions: &[Question], f: Integrand) {
    let expected = &all[i].summary;
    assert!(outcome == expected, "{outcome}\ninstead of {expected}\n{:?}\n{f:?}", questions[i]);
}
