//! What the workers of these tests do: serve honestly, or misbehave by script.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{self, Command};
use std::sync::Arc;
use std::time::Duration;
use std::{env, thread};

use coquad::wire::{Answer, Frames, Hello, Job, frame};
use coquad::worker::{serve, serve_batch, serve_batch_over, serve_named, serve_over};
use num_complex::Complex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::dup2_stdout;

use super::boxes::{plane, solid};
use super::{FOLDER, Folder, SCRIPT, peaks};

pub(super) fn f32_of(x: f64) -> f32 {
    peaks(x) as f32
}

pub(super) fn complex_of(x: f64) -> Complex<f64> {
    Complex::new(peaks(x), x.sqrt())
}

pub(super) fn array_of(x: f64) -> [f64; 3] {
    [peaks(x), x, -x]
}

pub(super) fn vector_of(x: f64) -> Vec<f64> {
    (0..100).map(|k| x.powi(k)).collect()
}

/// The file of a durable cache in that folder.
#[cfg(feature = "durable")]
pub(super) fn kept(folder: &Path) -> std::path::PathBuf {
    folder.join("kept")
}

/// Six functions at a hundred arguments.
fn six_of(x: f64, functions: [fn(f64) -> f64; 6]) -> Vec<f64> {
    (1..=100).flat_map(|k| functions.map(|f| f(x * f64::from(k) + 0.1))).collect()
}

/// No test: does what the environment says, and nothing where it says nothing.
#[test]
fn runs_as_a_worker() {
    let Ok(script) = env::var(SCRIPT) else { return };
    let words: Vec<&str> = script.split(':').collect();
    let number = words.get(1).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    let wait = move || thread::sleep(Duration::from_secs_f64(number / 1e3));
    if words[0] == "leaves_nothing" {
        super::life::leaves_nothing();
        process::exit(0);
    }
    if words[0] == "exhausted" {
        super::life::exhausted();
        process::exit(0);
    }
    if words[0] == "flooded" {
        super::life::flooded();
        process::exit(0);
    }
    if words[0] == "coordinator" {
        super::life::coordinator();
        process::exit(0);
    }
    if words[0] == "parents" {
        super::life::parents(number != 0.0);
        process::exit(0);
    }
    #[cfg(feature = "durable")]
    if words[0] == "keeps" {
        let cache = coquad::PointCache::open(kept(Path::new(&env::var(FOLDER).unwrap())), "peaks").unwrap();
        let integrator = coquad::Integrator::new(coquad::Inline::new(peaks)).with_cache(cache.clone());
        integrator.integrate_blocking(0.0, 1.0, 1e-6).unwrap();
        futures::executor::block_on(cache.sync()).unwrap();
        process::exit(0);
    }
    let pipe = OpenOptions::new().write(true).open("/proc/self/fd/3").unwrap();
    if words[0] == "alone" {
        alone(number, words[2].parse().unwrap(), pipe);
        process::exit(0);
    }
    if words[0] == "many" {
        super::many::misbehave(&words[1..], pipe);
        process::exit(0);
    }
    if words[0] == "raw" {
        misbehave(&words[1..], pipe);
        process::exit(0);
    }
    dup2_stdout(&pipe).unwrap();
    drop(pipe);
    let served = match words[0] {
        "peaks" => serve(peaks),
        "named" => serve_named("peaks", peaks),
        "slow" => serve(|x: f64| {
            wait();
            peaks(x)
        }),
        // As slow, and leaves its points in the folder before it evaluates them.
        "tallied" => serve(move |x: f64| {
            note("tally", &x.to_bits().to_le_bytes());
            wait();
            peaks(x)
        }),
        "echo" if number == 0.0 => serve(|x: f64| x),
        "echo" => serve(|x: f64| {
            wait();
            x
        }),
        // By the machine's elementary functions, and by those of the crate libm.
        "elementary" => serve(|x: f64| {
            wait();
            six_of(x, [f64::sin, f64::cos, f64::atan, f64::exp_m1, f64::sinh, f64::tanh])
        }),
        "pure" => serve(|x: f64| {
            wait();
            six_of(x, [libm::sin, libm::cos, libm::atan, libm::expm1, libm::sinh, libm::tanh])
        }),
        "f32" => serve(f32_of),
        "complex" => serve(complex_of),
        "array" => serve(array_of),
        "vector" => serve(vector_of),
        "fails" => serve(|x: f64| if x > 0.9 { Err(format!("no value at {x:?}")) } else { Ok(peaks(x)) }),
        "panics" => serve(|x: f64| if x > 0.9 { panic!("panic at {x:?}") } else { peaks(x) }),
        // Of many points at once, each call as long as one; notes how many there were, and who was called.
        "batch" => serve_batch("peaks", move |xs: &[f64]| {
            note("widths", &(xs.len() as u32).to_le_bytes());
            note("called", &process::id().to_le_bytes());
            wait();
            xs.iter().map(|&x| peaks(x)).collect::<Vec<f64>>()
        }),
        "batch_fails" => serve_batch("", |xs: &[f64]| {
            let one = |&x: &f64| if x > 0.9 { Err(format!("no value at {x:?}")) } else { Ok(peaks(x)) };
            xs.iter().map(one).collect::<Vec<_>>()
        }),
        "batch_panics" => serve_batch("", |xs: &[f64]| {
            xs.iter().for_each(|x| assert!(*x <= 0.9, "panic at {x:?}"));
            xs.iter().map(|&x| peaks(x)).collect::<Vec<f64>>()
        }),
        "batch_loses" => {
            serve_batch("", |xs: &[f64]| xs.iter().filter(|x| **x <= 0.9).map(|&x| peaks(x)).collect::<Vec<f64>>())
        }
        "hangs" => serve(|x: f64| {
            if x > 0.9 {
                thread::sleep(Duration::from_secs(600));
            }
            peaks(x)
        }),
        // Kills whoever touches the point, as often as it is touched.
        "poison" => serve(|x: f64| {
            if x == number {
                note("deaths", b".");
                kill();
            }
            peaks(x)
        }),
        // Has children, which have some.
        "parent" => {
            #[allow(clippy::zombie_processes, reason = "whoever holds the worker has to get rid of it")]
            Command::new("sh").args(["-c", "sleep 600 & sleep 600"]).spawn().unwrap();
            serve(|x: f64| {
                thread::sleep(Duration::from_secs_f64(600.0 * x));
                x
            })
        }
        "batch_poison" => serve_batch("", move |xs: &[f64]| {
            if xs.contains(&number) {
                note("deaths", b".");
                kill();
            }
            xs.iter().map(|&x| peaks(x)).collect::<Vec<f64>>()
        }),
        // Of two and three variables.
        "plane" => serve_over("plane", move |x: [f64; 2]| {
            wait();
            plane(x)
        }),
        "solid" => serve_over("solid", solid),
        "plane_batch" => {
            serve_batch_over("plane", |xs: &[[f64; 2]]| xs.iter().map(|&x| plane(x)).collect::<Vec<f64>>())
        }
        "plane_fails" => {
            serve_over("", |x: [f64; 2]| if x[1] > 0.9 { Err(format!("no value at {x:?}")) } else { Ok(plane(x)) })
        }
        "plane_panics" => serve_over("", |x: [f64; 2]| if x[1] > 0.9 { panic!("panic at {x:?}") } else { plane(x) }),
        "plane_poison" => serve_over("", |x: [f64; 2]| {
            if x[1] == number {
                note("deaths", b".");
                kill();
            }
            plane(x)
        }),
        "prints" => serve(prints),
        "descriptors" => serve(|_: f64| fs::read_dir("/proc/self/fd").unwrap().count() as f64),
        "forks" => serve(forks),
        _ => panic!("no script {script:?}"),
    };
    process::exit(i32::from(served.is_err()));
}

pub(super) fn kill() {
    kill_process(getpid(), Signal::KILL).unwrap();
}

/// Adds to a file in the folder, by one write, so that those of several processes do not mix.
fn note(name: &str, bytes: &[u8]) {
    let path = Path::new(&env::var(FOLDER).unwrap()).join(name);
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// How long the point takes, in milliseconds: nine times in ten `short`, else `long`.
pub(super) fn skewed(x: f64, short: f64, long: f64) -> Duration {
    let hash = (x.to_bits() ^ (x.to_bits() >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Duration::from_secs_f64(if hash % 10 == 0 { long } else { short } / 1e3)
}

/// A worker by hand that notes whether anything was sent to it while it had something to do.
fn alone(short: f64, long: f64, output: File) {
    let mut worker = Misconduct { input: io::stdin(), output, frames: Frames::default() };
    worker.say(|into| Hello::default().encode(into));
    while let Some((id, x)) = worker.job() {
        thread::sleep(skewed(x, short, long));
        let mut input = [PollFd::new(&worker.input, PollFlags::IN)];
        poll(&mut input, Some(&Timespec::default())).unwrap();
        // At the end of everything the pipe is closed.
        if worker.frames.is_partial() || input[0].revents() == PollFlags::IN {
            note("ahead", b".");
        }
        worker.answer(&id, &[(x * 1e6).sin()]);
    }
}

fn prints(x: f64) -> f64 {
    println!("evaluating {x}");
    File::options().write(true).open("/proc/self/fd/1").unwrap().write_all(b"garbage \xff\xff\xff\xff\n").unwrap();
    assert_eq!(io::stdin().read(&mut [0; 16]).unwrap(), 0);
    if x < 0.01 {
        assert!(Command::new("sh").args(["-c", "echo from a child; read line; true"]).status().unwrap().success());
    }
    peaks(x)
}

/// Leaves a child behind that outlives it with the pipes it inherited, and dies.
fn forks(x: f64) -> f64 {
    if x > 0.9 && Misconduct::first(1) {
        #[allow(clippy::zombie_processes, reason = "whoever holds the worker has to get rid of it")]
        Command::new("sleep").arg("600").spawn().unwrap();
        kill();
    }
    peaks(x)
}

/// A worker by hand, that can say anything.
pub(super) struct Misconduct {
    pub(super) input: io::Stdin,
    pub(super) output: File,
    pub(super) frames: Frames,
}

impl Misconduct {
    /// Whether this process is among the first so many to ask.
    pub(super) fn first(count: u32) -> bool {
        let folder = env::var(FOLDER).unwrap();
        (0..count).any(|i| File::create_new(Path::new(&folder).join(format!("first-{i}"))).is_ok())
    }

    pub(super) fn say(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        frame(&mut bytes, encode).unwrap();
        self.raw(&bytes);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        // Who is killed for it does not get to the end.
        let _ = self.output.write_all(bytes);
    }

    fn answer(&mut self, id: &str, y: &[f64]) {
        self.say(|into| Answer::new(id, Ok(y.into())).encode(into));
    }

    fn job(&mut self) -> Option<(String, f64)> {
        let (id, xs) = self.points()?;
        assert_eq!(xs.len(), 1, "this worker takes one point at a time");
        Some((id, xs[0]))
    }

    /// A job of many points.
    pub(super) fn points(&mut self) -> Option<(String, Vec<f64>)> {
        loop {
            if let Some(message) = self.frames.next().unwrap() {
                let job = Job::decode(message).unwrap();
                return Some((job.id.to_owned(), job.x.into_owned()));
            }
            let mut bytes = [0; 4096];
            match self.input.read(&mut bytes).unwrap() {
                0 => return None,
                count => self.frames.extend(&bytes[..count]),
            }
        }
    }
}

fn encoded(id: &str, y: f64) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame(&mut bytes, |into| Answer::new(id, Ok(vec![y].into())).encode(into)).unwrap();
    bytes
}

/// `words`: the fault, how many processes commit it, an argument. The others behave.
fn misbehave(words: &[&str], output: File) {
    let count = words.get(1).map_or(0, |word| word.parse().unwrap());
    let argument: u64 = words.get(2).map_or(0, |word| word.parse().unwrap());
    let bad = Misconduct::first(count);
    let fault = if bad { words[0] } else { "" };
    let mut worker = Misconduct { input: io::stdin(), output, frames: Frames::default() };
    match fault {
        "early" => return,
        "silent" => thread::sleep(Duration::from_secs(600)),
        "babble-first" => worker.raw(b"Hello, I am your worker\n"),
        "version" => worker.raw(b"\x0a\0\0\0\x82\xa1v\x02\xa1f\xa4peak"),
        _ => worker.say(|into| Hello { function: "peaks", ..Hello::default() }.encode(into)),
    }
    for turn in 0.. {
        let Some((id, x)) = worker.job() else { return };
        let y = peaks(x);
        // A few right answers come before the fault.
        match if turn >= 3 || argument > 0 { fault } else { "" } {
            "exit" => process::exit(i32::try_from(argument).unwrap()),
            "close" => return,
            "garbage" => worker.raw(&junk(argument)),
            "flip" => {
                let mut bytes = encoded(&id, y);
                let bit = usize::try_from(argument).unwrap() % (8 * bytes.len());
                bytes[bit / 8] ^= 1 << (bit % 8);
                worker.raw(&bytes);
                return;
            }
            "cut" => {
                let bytes = encoded(&id, y);
                worker.raw(&bytes[..usize::try_from(argument).unwrap().min(bytes.len() - 1)]);
                return;
            }
            "length" => {
                worker.raw(&u32::try_from(argument).unwrap().to_le_bytes());
                worker.raw(&[0; 100]);
            }
            "foreign" => {
                worker.answer("ffff", &[0.0]);
                worker.answer(&id, &[y]);
            }
            // For ever: bytes that are no message, answers to what was not asked, one long message after the other.
            "flood" => loop {
                match argument {
                    1 => worker.raw(&junk(1)),
                    2 => worker.answer("ffff", &[0.0]),
                    3 => worker.answer(&id, &[y; 100_000]),
                    _ => worker.raw(&u32::to_le_bytes(1 << 20)),
                }
            },
            "foreign-only" => worker.answer("ffff", &[0.0]),
            "dimension" => worker.answer(&id, &[y, y]),
            "none" => worker.answer(&id, &[]),
            "twice" => {
                worker.answer(&id, &[y]);
                worker.answer(&id, &[y]);
            }
            "otherwise" => {
                worker.answer(&id, &[y]);
                worker.answer(&id, &[-y]);
            }
            "drip" => {
                for byte in encoded(&id, y) {
                    worker.raw(&[byte]);
                    thread::sleep(Duration::from_secs(1));
                }
            }
            "late" => {
                // Stopped by whoever runs the test, and answers when it goes on.
                kill_process(getpid(), Signal::STOP).unwrap();
                worker.answer(&id, &[y]);
            }
            "reverse" => {
                // Many hands: three answers in reverse.
                let mut points = vec![(id, x)];
                points.extend(worker.job());
                points.extend(worker.job());
                for (id, x) in points.into_iter().rev() {
                    worker.answer(&id, &[peaks(x)]);
                }
            }
            _ => worker.answer(&id, &[y]),
        }
    }
}

/// Bytes from a seed.
pub(super) fn junk(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let bytes = (0..200).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    bytes.collect()
}

/// Only for the imports that scripts in other files need.
pub(super) fn shared(folder: &Folder, workers: usize) -> Arc<coquad::Processes> {
    Arc::new(folder.workers(workers, "echo:600000"))
}
