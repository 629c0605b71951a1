//! The durable cache on real files and in real processes. `COQUAD_LONG=1` takes 300 runs for 40; a failure prints the seed
//! of its run, `COQUAD_SEED` replays it alone.
#![cfg(unix)]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use coquad::{
    BoxIntegrator, DurableError, Estimate, GaussKronrod, Inline, Integrator, Observer, PointCache, Simpson, ThreadPool,
};
use futures::executor::block_on;

use crate::support::boxed;
use crate::support::cluster::Random;

/// Tells a process that it is the child, and of which file.
const CHILD: &str = "COQUAD_TEST_CHILD";
const IDENTITY: &str = "a peak, version 1";

fn f(x: f64) -> f64 {
    1.0 / (x * x + 1e-3)
}

/// A folder of its own for a test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("coquad-durable-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder in the system's temporary folder");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("points")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// This program once more, running only `test`, as a child with the given file.
fn child(test: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, file).stdin(Stdio::null());
    command
}

fn say(line: &str) {
    // One write, so that a line is whole or absent.
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}

fn bits(e: &Estimate) -> String {
    format!("{:x} {:x} {}", e.value.to_bits(), e.error.to_bits(), e.evaluations)
}

/// Says `f` and the point when a value was found, and notes it for the acknowledgement.
struct Finished(Arc<Mutex<Vec<f64>>>);

impl Observer<f64> for Finished {
    fn finished(&self, x: f64) {
        say(&format!("\nf {:x}", x.to_bits()));
        self.0.lock().unwrap().push(x);
    }
}

/// The life of a child: says `e` and the point when an evaluation starts, `f` when its value is in the file, `a` when it is
/// acknowledged, and `r` and the result at the end.
fn integrate_and_tell(file: &Path) -> ! {
    let cache = PointCache::open(file, IDENTITY).expect("the file opens");
    let finished = Arc::new(Mutex::new(Vec::new()));
    thread::spawn({
        let (cache, finished) = (cache.clone(), finished.clone());
        move || loop {
            let points = std::mem::take(&mut *finished.lock().unwrap());
            if block_on(cache.sync()).is_err() {
                return;
            }
            points.iter().for_each(|x: &f64| say(&format!("\na {:x}", x.to_bits())));
            thread::yield_now();
        }
    });
    let slow = |x: f64| {
        say(&format!("\ne {:x}", x.to_bits()));
        thread::sleep(Duration::from_micros(50));
        f(x)
    };
    let pool = ThreadPool::new(4);
    let integrator = Integrator::new(pool.evaluator(slow)).method(Simpson).with_cache(cache);
    let e = integrator.observer(Finished(finished)).integrate_blocking(-1.0, 1.0, 1e-7).expect("it converges");
    say(&format!("\nr {}", bits(&e)));
    std::process::exit(0)
}

/// What a child said until it ended.
#[derive(Default)]
struct Story {
    evaluated: Vec<String>,
    finished: Vec<String>,
    acknowledged: Vec<String>,
    result: Option<String>,
}

impl Story {
    /// Listens to a child, and kills it after so many lines.
    fn of(mut child: Child, kill_after: Option<u64>) -> Self {
        let mut story = Self::default();
        let mut lines = 0;
        if kill_after == Some(0) {
            child.kill().expect("a child can be killed");
        }
        let out = child.stdout.take().expect("it was piped");
        for line in BufReader::new(out).lines() {
            let line = line.expect("lines are text");
            let Some((kind, rest)) = line.split_once(' ') else { continue };
            match kind {
                "e" => story.evaluated.push(rest.to_owned()),
                "f" => story.finished.push(rest.to_owned()),
                "a" => story.acknowledged.push(rest.to_owned()),
                "r" => story.result = Some(rest.to_owned()),
                _ => continue,
            }
            lines += 1;
            if kill_after == Some(lines) {
                child.kill().expect("a child can be killed");
            }
        }
        child.wait().expect("a child can be waited for");
        story
    }
}

#[test]
fn nothing_that_was_found_is_evaluated_again_after_sigkill() {
    const TEST: &str = "durable::nothing_that_was_found_is_evaluated_again_after_sigkill";
    if let Some(file) = std::env::var_os(CHILD) {
        integrate_and_tell(Path::new(&file));
    }
    let reference = Integrator::new(boxed(f)).method(Simpson).integrate_blocking(-1.0, 1.0, 1e-7).unwrap();
    let lines = 3 * reference.evaluations as u64;
    let runs = if std::env::var_os("COQUAD_LONG").is_some() { 300 } else { 40 };
    let seeds = match std::env::var("COQUAD_SEED") {
        Ok(seed) => seed.parse().map(|seed: u64| seed..seed + 1).expect("a seed is a number"),
        Err(_) => 0..runs,
    };
    let (started, trials) = (Instant::now(), seeds.end - seeds.start);
    let mut killed = 0;
    for seed in seeds {
        let random = &mut Random::new(seed);
        let folder = Folder::new();
        let file = folder.file();
        let spawn = || child(TEST, &file).stdout(Stdio::piped()).spawn().expect("this program starts");
        let mut known = HashSet::new();
        let mut live = |story: Story| {
            let again = story.evaluated.iter().filter(|x| known.contains(*x)).count();
            assert_eq!(again, 0, "{again} points were evaluated again: COQUAD_SEED={seed}");
            known.extend(story.finished);
            known.extend(story.acknowledged);
            story.result
        };
        let mut result = live(Story::of(spawn(), Some(1 + random.next_u64() % lines)));
        killed += usize::from(result.is_none());
        if seed % 4 == 0 {
            // Killed again while it opens the file, more or less.
            let opening = spawn();
            thread::sleep(Duration::from_micros(random.next_u64() % 8000));
            live(Story::of(opening, Some(0)));
        }
        if random.next_u64() % 2 == 0 {
            live(Story::of(spawn(), Some(1 + random.next_u64() % lines)));
        }
        result = live(Story::of(spawn(), None)).or(result);
        assert_eq!(result, Some(bits(&reference)), "COQUAD_SEED={seed}");
    }
    assert!(killed > 0 || std::env::var_os("COQUAD_SEED").is_some(), "no child was killed in time");
    println!("row e1: {trials} trials, 0 violations, {:.1} s", started.elapsed().as_secs_f64());
}

/// A name of the point.
fn name([x, y]: [f64; 2]) -> String {
    format!("{:x}-{:x}", x.to_bits(), y.to_bits())
}

/// The same of a box.
struct Told;

impl Observer<f64, [f64; 2]> for Told {
    fn finished(&self, x: [f64; 2]) {
        say(&format!("\nf {}", name(x)));
    }
}

fn hill([x, y]: [f64; 2]) -> f64 {
    1.0 / (1e-2 + (x - 0.3) * (x - 0.3) + (y - 0.8) * (y - 0.8))
}

/// The integral of a box with this cache, each evaluation told.
fn integrate_a_box(cache: PointCache<f64, [f64; 2]>) -> String {
    let slow = |x: [f64; 2]| {
        say(&format!("\ne {}", name(x)));
        thread::sleep(Duration::from_micros(50));
        hill(x)
    };
    let integrator = BoxIntegrator::new(ThreadPool::new(4).evaluator_over(slow)).with_cache(cache).observer(Told);
    let e = integrator.integrate_blocking([0.0; 2], [1.0; 2], 1e-4).expect("it converges");
    format!("{:x} {:x} {}", e.value.to_bits(), e.error.to_bits(), e.evaluations)
}

#[test]
fn nothing_of_a_box_is_evaluated_again_after_sigkill() {
    const TEST: &str = "durable::nothing_of_a_box_is_evaluated_again_after_sigkill";
    if let Some(file) = std::env::var_os(CHILD) {
        let result = integrate_a_box(PointCache::open_over(file, IDENTITY).expect("the file opens"));
        say(&format!("\nr {result}"));
        std::process::exit(0);
    }
    let here = BoxIntegrator::new(Inline::over(hill)).integrate_blocking([0.0; 2], [1.0; 2], 1e-4).unwrap();
    let expected = format!("{:x} {:x} {}", here.value.to_bits(), here.error.to_bits(), here.evaluations);
    let mut killed = 0;
    for seed in 0..if std::env::var_os("COQUAD_LONG").is_some() { 100 } else { 8 } {
        let random = &mut Random::new(seed);
        let folder = Folder::new();
        let spawn = || child(TEST, &folder.file()).stdout(Stdio::piped()).spawn().expect("this program starts");
        let (mut known, mut result) = (HashSet::new(), None);
        for life in 0..4 {
            let kill_after = (life < 3).then(|| 1 + random.next_u64() % (2 * here.evaluations as u64));
            let story = Story::of(spawn(), kill_after);
            assert!(story.evaluated.iter().all(|x| !known.contains(x)), "evaluated again: seed {seed}");
            known.extend(story.finished);
            killed += usize::from(story.result.is_none());
            result = story.result.or(result);
        }
        assert_eq!(result.as_deref(), Some(&*expected), "seed {seed}");
        let opened = PointCache::<f64, [f64; 2]>::open_over(folder.file(), IDENTITY).unwrap();
        assert!(opened.len() >= here.evaluations && opened.iter().all(|(x, y)| y.to_bits() == hill(x).to_bits()));
    }
    assert!(killed > 0, "no child was killed in time");
}

#[test]
fn a_resumed_run_has_the_bits_of_one_that_was_never_interrupted() {
    let folder = Folder::new();
    let whole = Integrator::new(boxed(f)).method(GaussKronrod::new(15)).integrate_blocking(-1.0, 1.0, 1e-9);
    let whole = whole.unwrap();
    let open = || PointCache::open(folder.file(), IDENTITY).unwrap();
    let run = |evaluations| {
        let pool = Integrator::new(ThreadPool::new(2).evaluator(f)).method(GaussKronrod::new(15));
        pool.with_cache(open()).max_evaluations(evaluations).integrate_blocking(-1.0, 1.0, 1e-9)
    };
    assert!(run(100).is_err());
    let known = open().len();
    assert!(known > 0 && known < whole.evaluations);
    let e = run(1_000_000).unwrap();
    assert_eq!(bits(&e), bits(&whole));
    assert_eq!((e.performed, e.segments.len()), (open().len() - known, whole.segments.len()));
    assert_eq!(run(1_000_000).unwrap().performed, 0);
}

#[test]
fn acknowledged_is_what_sync_waits_for() {
    let folder = Folder::new();
    let cache = PointCache::open(folder.file(), IDENTITY).unwrap();
    for i in 0..100 {
        assert!(block_on(cache.get_or_evaluate(f64::from(i), || async { Ok(0.5) })).is_ok());
    }
    assert_eq!(cache.durability().unwrap().written, 100);
    block_on(cache.sync()).unwrap();
    let durability = cache.durability().unwrap();
    assert_eq!((durability.loaded, durability.persisted, durability.dropped), (0, 100, 0));
    assert!(durability.failure.is_none());
    drop(cache);
    let again = PointCache::<f64>::open(folder.file(), IDENTITY).unwrap().durability().unwrap();
    assert_eq!((again.loaded, again.persisted, again.written), (100, 100, 100));
    let memory = PointCache::<f64>::new();
    assert!(memory.durability().is_none() && block_on(memory.sync()).is_ok());
}

#[test]
fn one_cache_at_a_time_has_the_file() {
    const TEST: &str = "durable::one_cache_at_a_time_has_the_file";
    if let Some(file) = std::env::var_os(CHILD) {
        let _cache = PointCache::<f64>::open(file, IDENTITY).expect("the file opens");
        say("\nopen now");
        loop {
            thread::park();
        }
    }
    let folder = Folder::new();
    let open = || PointCache::<f64>::open(folder.file(), IDENTITY);
    let first = open().unwrap();
    assert!(matches!(open(), Err(DurableError::Locked { path, .. }) if path == folder.file()));
    drop(first);
    assert!(open().is_ok());

    let mut holder = child(TEST, &folder.file()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "open now"));
    assert!(matches!(open(), Err(DurableError::Locked { .. })));
    // The lock of a dead process is gone.
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(open().is_ok());
}

#[test]
fn only_a_regular_file_of_the_owners_will_do() {
    let folder = Folder::new();
    let open = |path: &Path| PointCache::<f64>::open(path, IDENTITY);
    drop(open(&folder.file()).unwrap());
    assert_eq!(fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let link = folder.0.join("link");
    symlink(folder.file(), &link).unwrap();
    let dangling = folder.0.join("dangling");
    symlink(folder.0.join("nowhere"), &dangling).unwrap();
    for path in [&link, &dangling, &folder.0, Path::new("/dev/null"), Path::new("/dev/full")] {
        assert!(matches!(open(path), Err(DurableError::NotAFile { .. })), "{path:?}");
    }
    assert!(!folder.0.join("nowhere").exists());
    for path in [&folder.0.join("no/such/folder"), Path::new("/proc/points"), Path::new("")] {
        assert!(matches!(open(path), Err(DurableError::Io { .. })), "{path:?}");
    }
}

#[test]
fn another_functions_file_is_refused_untouched() {
    let folder = Folder::new();
    let cache = PointCache::open(folder.file(), IDENTITY).unwrap();
    block_on(cache.get_or_evaluate(0.5, || async { Ok(2.0) })).unwrap();
    drop(cache);
    let before = fs::read(folder.file()).unwrap();
    let error = PointCache::<f64>::open(folder.file(), "a peak, version 2").unwrap_err();
    let said = format!("{:?} holds values of {IDENTITY:?}, not of \"a peak, version 2\"", folder.file());
    assert_eq!(error.to_string(), said);
    assert!(matches!(
        PointCache::<[f64; 2]>::open(folder.file(), IDENTITY),
        Err(DurableError::ValueType { found, expected, .. }) if found == "f64" && expected == "[f64; 2]"
    ));
    assert_eq!(fs::read(folder.file()).unwrap(), before);
}

#[test]
fn a_file_that_is_removed_or_replaced_stops_the_writing_only() {
    for replaced in [false, true] {
        let folder = Folder::new();
        let cache = PointCache::open(folder.file(), IDENTITY).unwrap();
        fs::remove_file(folder.file()).unwrap();
        if replaced {
            fs::write(folder.file(), "another").unwrap();
        }
        let integrator = Integrator::new(boxed(f)).with_cache(cache.clone());
        let e = integrator.integrate_blocking(-1.0, 1.0, 1e-8).unwrap();
        assert_eq!(e.performed, e.evaluations);
        assert!(matches!(block_on(cache.sync()), Err(DurableError::Replaced { .. })));
        assert!(matches!(cache.durability().unwrap().failure, Some(DurableError::Replaced { .. })));
        assert_eq!(cache.len(), e.evaluations);
        assert_eq!(fs::read(folder.file()).ok(), replaced.then(|| b"another".to_vec()));
    }
}

#[test]
fn a_full_disk_is_told_once_and_the_integral_goes_on() {
    const TEST: &str = "durable::a_full_disk_is_told_once_and_the_integral_goes_on";
    if let Some(file) = std::env::var_os(CHILD) {
        let cache = PointCache::open(file, IDENTITY).expect("the file opens");
        let integrator = Integrator::new(boxed(f)).method(Simpson).with_cache(cache.clone());
        let e = integrator.integrate_blocking(-1.0, 1.0, 1e-7).expect("it converges");
        let durability = cache.durability().expect("it has a file");
        assert!(matches!(block_on(cache.sync()), Err(DurableError::Io { .. })));
        say(&format!("\nr {}", bits(&e)));
        say(&format!("\na {} {}", durability.written, durability.failure.is_some()));
        std::process::exit(0)
    }
    let reference = Integrator::new(boxed(f)).method(Simpson).integrate_blocking(-1.0, 1.0, 1e-7).unwrap();
    let folder = Folder::new();
    let program = child(TEST, &folder.file());
    // Files may have 4 or 8 KiB, whatever a block is to this shell.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""]).arg(program.get_program());
    limited.args(program.get_args()).env(CHILD, folder.file()).stdin(Stdio::null()).stdout(Stdio::piped());
    let story = Story::of(limited.spawn().unwrap(), None);
    assert_eq!(story.result, Some(bits(&reference)));
    let told = story.acknowledged.first().expect("the child came to its end");
    let (written, failed) = told.split_once(' ').unwrap();
    assert_eq!(failed, "true");
    // The file has what was written before.
    let again = PointCache::<f64>::open(folder.file(), IDENTITY).unwrap();
    let durability = again.durability().unwrap();
    assert_eq!(durability.loaded, written.parse::<usize>().unwrap());
    assert!(durability.loaded > 100 && durability.loaded < reference.evaluations);
}

#[test]
fn what_is_whole_of_a_damaged_file_can_be_recovered() {
    let folder = Folder::new();
    let cache = PointCache::open(folder.file(), IDENTITY).unwrap();
    for i in 0..100 {
        block_on(cache.get_or_evaluate(f64::from(i), || async move { Ok(f(f64::from(i))) })).unwrap();
    }
    block_on(cache.sync()).unwrap();
    drop(cache);
    let mut bytes = fs::read(folder.file()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(folder.file(), &bytes).unwrap();
    let error = PointCache::<f64>::open(folder.file(), IDENTITY).unwrap_err();
    assert!(matches!(error, DurableError::Corrupt { offset, .. } if offset <= middle as u64), "{error}");
    assert_eq!(fs::read(folder.file()).unwrap(), bytes);

    let cache = PointCache::<f64>::recover(folder.file(), IDENTITY).unwrap();
    let durability = cache.durability().unwrap();
    assert!(durability.skipped > 0 && durability.loaded >= 99, "{durability:?}");
    assert!(
        (0..100)
            .filter_map(|i| Some((i, cache.get(f64::from(i))?)))
            .all(|(i, value)| { value.to_bits() == f(f64::from(i)).to_bits() })
    );
    block_on(cache.get_or_evaluate(-1.0, || async { Ok(7.0) })).unwrap();
    drop(cache);
    let cache = PointCache::<f64>::open(folder.file(), IDENTITY).unwrap();
    assert_eq!(cache.len(), durability.loaded + 1);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}
