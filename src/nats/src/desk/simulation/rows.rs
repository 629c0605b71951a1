//! The rows of the fault matrix that need a network: `cargo test -p coquad-nats --lib row -- --nocapture`.

use std::cell::RefCell;

use super::*;
use crate::trials::row;

/// After this everything that anybody waited for has ended, whatever the network does.
const LONG: Time = 30 * 24 * 3600 * SECOND;

struct Trial {
    points: usize,
    hands: usize,
    ack_wait: Time,
    named: bool,
    deadline: Option<Duration>,
    /// Percent of the evaluations that are dropped, and half of these asked for again.
    dropped: usize,
    faults: Faults,
}

/// Plays the trial to its end, and half a minute more for what comes late.
fn play(seed: u64, trial: Trial) -> World {
    let run = if trial.named { "n-sweep" } else { "r-0123456789abcdef0123456789abcdef" };
    let (points, swift) = (trial.points, trial.faults.swift);
    let mut world = World::new(seed, run, points, trial.hands, trial.ack_wait, trial.deadline, trial.faults);
    let mut left = 0;
    let asks = Rc::new(Cell::new(0));
    let mut point = 0;
    while point < points {
        let at = world.within(2 * SECOND);
        // One at a time, or many at once.
        let together = if swift { 1 + world.noise.below(points - point) } else { 1 };
        let these: Vec<usize> = (point..point + together).collect();
        point += together;
        // A quarter is asked for by two.
        for _ in 0..if world.chance(25) { 2 } else { 1 } {
            let drops: Vec<(bool, bool, Time, Time)> = these
                .iter()
                .map(|_| {
                    let (drops, again) = (world.chance(trial.dropped), world.chance(50));
                    (drops, drops && again, world.within(5 * SECOND), world.within(5 * SECOND))
                })
                .collect();
            left += together + drops.iter().filter(|(_, again, ..)| *again).count();
            let (these, asks) = (these.clone(), asks.clone());
            world.later(at, move |world| {
                asks.set(asks.get() + these.len());
                let first = world.ask(&these);
                for ((ticket, point), (drops, again, after, later)) in (first..).zip(these).zip(drops) {
                    let asks = asks.clone();
                    if drops {
                        world.later(after, move |world| world.drop_asked(ticket));
                    }
                    if again {
                        world.later(after + later, move |world| {
                            asks.set(asks.get() + 1);
                            world.ask(&[point]);
                        });
                    }
                }
            });
        }
    }
    while asks.get() < left || world.asked.iter().any(|asked| asked.ended.is_none()) {
        assert!(world.step() && world.now < LONG, "{}", waits(&world));
    }
    let end = world.now + 30 * SECOND;
    while world.now < end && world.step() {}
    world
}

/// Who still waits, for what.
fn waits(world: &World) -> String {
    let waiting = world.asked.iter().filter(|asked| asked.ended.is_none()).map(|asked| asked.point);
    format!("{:?} at {} s, {:?}", waiting.collect::<Vec<_>>(), world.now / SECOND, world.faults)
}

/// What holds in every trial. `may_lose`: whether a job may end as lost.
fn check(world: &World, may_lose: bool) {
    for asked in world.asked.iter().filter(|asked| !asked.dropped) {
        let (ended, outcome) = asked.ended.as_ref().expect("it has ended");
        let expected = value(asked.point).map(f64::to_bits);
        match outcome {
            Ok(bits) if world.faults.fickle => assert!((1..=3).contains(&(bits ^ expected.expect("a value")))),
            Ok(bits) => assert_eq!(Some(*bits), expected),
            Err(error) => match error.downcast_ref() {
                Some(Error::Function { .. }) => assert_eq!(expected, None),
                Some(Error::WorkerLost { .. }) => {
                    assert!(may_lose || world.faults.poison == Some(asked.point), "{error} at {}", asked.point);
                }
                Some(Error::Deadline { .. }) => {
                    let deadline = world.question.deadline.expect("a deadline").as_micros() as Time;
                    assert!(*ended <= asked.at + deadline + SECOND, "{error} at {ended}");
                }
                _ => panic!("{error}"),
            },
        }
    }
    let report = *world.report.lock().expect("nobody panics with it");
    let counts = &world.counts;
    assert_eq!((report.duplicates, report.conflicts), (counts.duplicates, counts.conflicts));
    // Whoever answers twice may lie once.
    assert!(report.conflicts == 0 || world.faults.fickle || world.faults.lies > 0);
    // Evaluated once, and once more each time that it was given out again.
    for (evaluations, deliveries) in counts.evaluations.iter().zip(&counts.deliveries) {
        assert!(evaluations <= deliveries);
    }
    let published = world.asked.len() as u64 + report.republished;
    assert!(world.server.ever.len() as u64 <= published);
    if world.faults.doubled == 0 && world.faults.losses.is_empty() {
        assert!(counts.jobs as usize <= world.server.ever.len() + world.server.redelivered as usize);
    }
    // Nothing is published again that the server has, or has let go of with its answer.
    let failures = (0..counts.evaluations.len()).any(|point| value(point).is_none());
    let taken_back = world.question.deadline.is_some() || world.asked.iter().any(|asked| asked.dropped);
    let again = counts.widest > 1 && (world.server.redelivered > 0 || world.faults.lies > 0);
    if !failures && !taken_back && !again && world.server.dead == 0 && world.faults.losses.is_empty() {
        assert_eq!(report.republished, 0);
        // What was answered in a job of many points and is asked for again is a job of one point.
        let jobs = world.server.ever.len();
        let few = if counts.widest > 1 { jobs < world.asked.len() } else { jobs == counts.evaluations.len() };
        assert!(few, "{jobs} jobs");
    }
    // Nobody waits, no point is left without a job, and nothing is looked for.
    assert!(world.desk.pending.is_empty() && world.desk.order.is_empty());
    assert!(world.desk.points.is_empty() && world.desk.known.values().all(|known| known.jobs == 0));
    assert_eq!(world.desk.looking, 0);
}

/// What a row adds up to.
#[derive(Default)]
struct Sum(RefCell<[u64; 7]>);

impl Sum {
    fn add(&self, world: &World) {
        let report = *world.report.lock().expect("nobody panics with it");
        let lost = |asked: &&Asked| {
            let outcome = &asked.ended.as_ref().expect("it has ended").1;
            matches!(outcome, Err(error) if matches!(error.downcast_ref(), Some(Error::WorkerLost { .. })))
        };
        let evaluations: u32 = world.counts.evaluations.iter().sum();
        let more = [
            world.counts.evaluations.len() as u64,
            evaluations.into(),
            world.server.redelivered.into(),
            report.republished,
            world.asked.iter().filter(lost).count() as u64,
            report.duplicates,
            report.conflicts,
        ];
        self.0.borrow_mut().iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    }

    fn print(&self, row: &str) -> [u64; 7] {
        let sums @ [points, evaluations, redelivered, republished, lost, duplicates, conflicts] = *self.0.borrow();
        println!(
            "row {row}, {points} points: {evaluations} evaluations, given out again {redelivered} times, published again \
             {republished} times, {lost} given up; {duplicates} answers came twice, {conflicts} with other bits"
        );
        sums
    }
}

fn partitions(name: &str, swift: bool) {
    let sum = Sum::default();
    row(name, 3_000, |seed| {
        let mut noise = Noise(!seed);
        let lies = if swift && noise.below(4) == 0 { 20 } else { 0 };
        let hands = 1 + noise.below(4);
        let from = noise.below(4 * SECOND as usize) as Time;
        let mended = noise.below(4) > 0;
        let until = if mended { from + noise.below(20 * SECOND as usize) as Time } else { Time::MAX };
        let who = if noise.below(2) == 0 { Who::Coordinator } else { Who::Worker(noise.below(hands)) };
        let ways = [vec![Way::ToServer], vec![Way::FromServer], vec![Way::ToServer, Way::FromServer]];
        let cut = Cut { who, ways: ways[noise.below(3)].clone(), from, until, lost: noise.below(2) == 0 };
        let world = play(
            seed,
            Trial {
                points: 1 + noise.below(if swift { 150 } else { 12 }),
                hands,
                ack_wait: [SECOND, 30 * SECOND][noise.below(2)],
                named: noise.below(2) == 0,
                deadline: (!mended).then(|| Duration::from_millis(500 + noise.below(20_000) as u64)),
                dropped: 0,
                faults: Faults { cut: Some(cut), swift, lies, ..Faults::default() },
            },
        );
        check(&world, false);
        sum.add(&world);
    });
    sum.print(name);
}

#[test]
fn row_d2_a_partition_that_is_mended_loses_nothing_and_one_that_is_not_ends_at_the_deadline() {
    partitions("d2", false);
}

#[test]
fn row_d2_many_points_in_a_job() {
    partitions("d2_many", true);
}

fn bad_networks(name: &str, swift: bool) {
    let sum = Sum::default();
    row(name, if swift { 3_000 } else { 10_000 }, |seed| {
        let mut noise = Noise(!seed);
        let lies = if swift && noise.below(4) == 0 { 20 } else { 0 };
        let mut percent = || if noise.below(3) == 0 { 0 } else { noise.below(51) };
        let mut faults =
            Faults { dropped: percent(), doubled: percent(), delayed: percent(), swift, lies, ..Faults::default() };
        faults.crashes = [0, 0, 5, 20][noise.below(4)];
        let may_lose = faults.dropped > 0 || faults.crashes > 0 || faults.delayed > 0;
        // A request that comes twice has a job wait, without a sign of life, behind one that is long.
        let may_lose = may_lose || swift && faults.doubled > 0;
        let world = play(
            seed,
            Trial {
                points: 1 + noise.below(if swift { 150 } else { 20 }),
                hands: 1 + noise.below(4),
                ack_wait: [SECOND, 5 * SECOND, 30 * SECOND][noise.below(3)],
                named: noise.below(2) == 0,
                deadline: (noise.below(4) == 0).then(|| Duration::from_millis(500 + noise.below(30_000) as u64)),
                dropped: [0, 20][noise.below(2)],
                faults,
            },
        );
        check(&world, may_lose);
        sum.add(&world);
    });
    sum.print(name);
}

#[test]
fn row_d3_messages_dropped_doubled_delayed_and_reordered_change_no_bit() {
    bad_networks("d3", false);
}

#[test]
fn row_d3_many_points_in_a_job() {
    bad_networks("d3_many", true);
}

fn answers_that_differ(name: &str, swift: bool) {
    let sum = Sum::default();
    row(name, 3_000, |seed| {
        let mut noise = Noise(!seed);
        let lies = if swift && noise.below(4) == 0 { 20 } else { 0 };
        let faults = Faults {
            dropped: noise.below(21),
            delayed: noise.below(51),
            mute: true,
            fickle: true,
            swift,
            lies,
            ..Faults::default()
        };
        let world = play(
            seed,
            Trial {
                points: 1 + noise.below(if swift { 150 } else { 12 }),
                hands: 2 + noise.below(3),
                ack_wait: SECOND,
                named: false,
                deadline: None,
                dropped: 0,
                faults,
            },
        );
        check(&world, true);
        // Whoever waited for a point has the same bits.
        for asked in &world.asked {
            if let Some((_, Ok(bits))) = &asked.ended {
                assert_eq!(world.answered[&asked.point], *bits);
            }
        }
        sum.add(&world);
    });
    let [.., duplicates, conflicts] = sum.print(name);
    assert!(std::env::var_os("COQUAD_SEED").is_some() || (duplicates > 0 && conflicts > 0));
}

#[test]
fn row_d4_of_answers_that_differ_the_first_counts_and_the_others_are_counted() {
    answers_that_differ("d4", false);
}

#[test]
fn row_d4_many_points_in_a_job() {
    answers_that_differ("d4_many", true);
}

fn lost_stores(name: &str, swift: bool) {
    let sum = Sum::default();
    row(name, 3_000, |seed| {
        let mut noise = Noise(!seed);
        let lies = if swift && noise.below(4) == 0 { 20 } else { 0 };
        // However often: what is lost with all others is no loss of its own.
        let losses = (0..1 + noise.below(5)).map(|_| noise.below(10 * SECOND as usize) as Time).collect();
        let world = play(
            seed,
            Trial {
                points: 1 + noise.below(if swift { 150 } else { 12 }),
                hands: 1 + noise.below(4),
                ack_wait: [SECOND, 30 * SECOND][noise.below(2)],
                named: noise.below(2) == 0,
                deadline: None,
                dropped: [0, 40][noise.below(2)],
                faults: Faults { losses, swift, lies, ..Faults::default() },
            },
        );
        check(&world, false);
        sum.add(&world);
    });
    sum.print(name);
}

#[test]
fn row_d7_a_server_that_loses_its_store_loses_no_evaluation() {
    lost_stores("d7", false);
}

#[test]
fn row_d7_many_points_in_a_job() {
    lost_stores("d7_many", true);
}

fn dropped_evaluations(name: &str, swift: bool) {
    row(name, 2_000, |seed| {
        let mut noise = Noise(!seed);
        let lies = if swift && noise.below(4) == 0 { 20 } else { 0 };
        let mut percent = || if noise.below(3) == 0 { 0 } else { noise.below(21) };
        let mut faults =
            Faults { dropped: percent(), doubled: percent(), delayed: percent(), swift, lies, ..Faults::default() };
        if noise.below(4) == 0 {
            faults.losses = vec![noise.below(10 * SECOND as usize) as Time];
        }
        // Nobody evaluates, so that only who asked can have emptied it.
        let mut world = play(
            seed,
            Trial {
                points: 1 + noise.below(if swift { 150 } else { 20 }),
                hands: 0,
                ack_wait: SECOND,
                named: noise.below(2) == 0,
                deadline: Some(Duration::from_millis(1 + noise.below(5_000) as u64)),
                dropped: 50,
                faults,
            },
        );
        let end = world.now + 2 * UNCONFIRMED;
        while world.now < end && world.step() {}
        check(&world, false);
        assert!(world.server.is_empty(), "{:?}", world.server);
    });
}

#[test]
fn row_d3_dropped_what_nobody_waits_for_any_more_stays_in_no_queue() {
    dropped_evaluations("d3_dropped", false);
}

#[test]
fn row_d3_dropped_many_points_in_a_job() {
    dropped_evaluations("d3_dropped_many", true);
}

#[test]
fn row_poison_a_point_that_kills_every_worker_is_found_in_the_middle_of_a_job_and_harms_no_other() {
    let (kills, wide) = (Cell::new(0), Cell::new(0));
    row("poison", 2_000, |seed| {
        let mut noise = Noise(!seed);
        let points = 1 + noise.below(150);
        // One that has a value on a worker that survives it.
        let poison =
            (0..points).find(|point| (point + seed as usize).is_multiple_of(points) && value(*point).is_some());
        let faults = Faults { swift: true, poison, ..Faults::default() };
        let world = play(
            seed,
            Trial {
                points,
                hands: 1 + noise.below(4),
                ack_wait: [SECOND, 30 * SECOND][noise.below(2)],
                named: false,
                deadline: None,
                dropped: 0,
                faults,
            },
        );
        check(&world, false);
        let Some(poison) = poison else { return };
        for asked in world.asked.iter().filter(|asked| asked.point == poison) {
            let Some((_, Err(error))) = &asked.ended else { panic!("no value is there") };
            assert!(matches!(error.downcast_ref(), Some(Error::WorkerLost { .. })), "{error}");
        }
        // One worker for the job of many points, and as many as the server gives the job of one
        // point to.
        let asks = world.asked.iter().filter(|asked| asked.point == poison).count() as u32;
        assert!(world.counts.crashes <= 4 * asks, "{} workers for {asks}", world.counts.crashes);
        kills.set(kills.get() + world.counts.crashes);
        wide.set(wide.get() + u32::from(world.counts.widest > 1));
    });
    println!("{} workers killed, in {} trials with jobs of many points", kills.get(), wide.get());
}

/// D19: what is lost on the way to a worker is told from a worker that died.
#[test]
fn row_d19_jobs_that_never_reached_a_worker_are_no_dead_workers() {
    let dead = Cell::new(0);
    row("d19", 3_000, |seed| {
        let mut noise = Noise(!seed);
        let faults = Faults { undelivered: 15, ..Faults::default() };
        let world = play(
            seed,
            Trial {
                points: 1 + noise.below(8),
                hands: 2 + noise.below(3),
                ack_wait: 5 * SECOND,
                named: noise.below(2) == 0,
                deadline: None,
                dropped: 0,
                faults,
            },
        );
        check(&world, false);
        dead.set(dead.get() + world.server.dead);
    });
    println!("{} jobs given up by the server, all evaluated", dead.get());
    assert!(std::env::var_os("COQUAD_SEED").is_some() || dead.get() > 0);
}

/// D15: it was 100 in a quarter of a second, however many there were.
#[test]
fn row_d15_thousands_of_missed_answers_are_found_in_seconds() {
    let slowest = Cell::new(0);
    row("d15", 4, |seed| {
        let faults = Faults { deaf: true, swift: true, ..Faults::default() };
        let trial =
            Trial { points: 4_000, hands: 64, ack_wait: 30 * SECOND, named: true, deadline: None, dropped: 0, faults };
        let world = play(seed, trial);
        check(&world, false);
        let last = world.asked.iter().filter_map(|asked| asked.ended.as_ref().map(|(end, _)| *end)).max();
        slowest.set(slowest.get().max(last.expect("some were asked for")));
    });
    println!("the last of 4,000 after {:.1} s", slowest.get() as f64 / SECOND as f64);
    assert!(slowest.get() < 6 * SECOND, "{} us", slowest.get());
}
