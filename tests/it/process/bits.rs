//! A test for each row of the table in docs/DETERMINISM.md that can be run here: the bits differ, a
//! mixed pool is noticed, and the remedy makes them equal.
//!
//! Real numpy is asked for at the interpreter that `COQUAD_NUMPY` names, else at `python3`: `bash
//! .ci/python` has one. What a machine lacks (numpy, musl-gcc, fused multiply-add) is said.

use std::collections::HashSet;

use coquad::{Arithmetic, Conflict, Evaluator, Mixed};
use futures::executor::block_on;
use futures::future::join_all;

use super::python::script;
use super::*;

const WITHOUT_FMA: (&str, &str) = ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA");

/// The same functions as the script `elementary` of `worker.rs`, in another language.
const ELEMENTARY: &str = "
from coquad_worker import serve
import math, time
def f(x):
    time.sleep(0.003)
    six = (math.sin, math.cos, math.atan, math.expm1, math.sinh, math.tanh)
    return [g(x * k + 0.1) for k in range(1, 101) for g in six]
serve(f)";

/// The same by numpy.
const BY_NUMPY: &str = "
import numpy as np
from coquad_worker import serve
import time
def f(x):
    time.sleep(0.003)
    six = (np.sin, np.cos, np.arctan, np.expm1, np.sinh, np.tanh)
    return [float(g(np.float64(x * k + 0.1))) for k in range(1, 101) for g in six]
serve(f)";

fn with(mut command: Command, (key, value): (&str, &str)) -> Command {
    command.env(key, value);
    command
}

/// A program with numpy, if there is one.
fn numpy(text: &str) -> Option<Command> {
    let python = std::env::var_os("COQUAD_NUMPY").unwrap_or_else(|| "python3".into());
    let tried = Command::new(&python).args(["-c", "import numpy"]).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        println!("no numpy here: this row is run by `bash .ci/python`");
        return None;
    }
    let plain = script(text);
    let mut command = Command::new(python);
    command.args(plain.get_args()).envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
    Some(command)
}

/// One command for the first worker that is started, the other for those after it.
fn mixture(folder: &Folder, one: &Command, other: &Command) -> Command {
    let mark = folder.0.join("first");
    let _ = fs::remove_dir(&mark);
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap().replace('\'', r"'\''"));
    let shell = |command: &Command| {
        let envs = command.get_envs().filter_map(|(key, value)| Some((key, value?)));
        let envs = envs.map(|(key, value)| format!("export {}={};", key.to_str().unwrap(), quoted(value)));
        let words = std::iter::once(command.get_program()).chain(command.get_args()).map(quoted);
        format!("{} exec {}", envs.collect::<String>(), words.collect::<Vec<_>>().join(" "))
    };
    let choose = format!("if mkdir {} 2>/dev/null; then {}; else {}; fi", mark.display(), shell(one), shell(other));
    let mut command = Command::new("sh");
    command.args(["-c", &choose]);
    command
}

type Values = Vec<Result<Vec<f64>, coquad::EvaluationError>>;

/// 400 points by a pool of two.
fn run(command: Command, mixed: Mixed, share: f64) -> (Processes<Vec<f64>>, Values) {
    let processes = Processes::new(2, command).values::<Vec<f64>>().mixed(mixed).verify(share);
    let xs = (0..400).map(|i| f64::from(i) / 4000.0);
    let values = block_on(join_all(xs.map(|x| processes.evaluate(x))));
    (processes, values)
}

fn conflicts(values: &Values) -> usize {
    values.iter().filter(|value| value.as_ref().is_err_and(|error| error.downcast_ref::<Conflict>().is_some())).count()
}

/// What differs is noticed by both ways, named, and refused where that was asked for.
fn is_noticed(one: &Command, other: &Command, name: &str) {
    let folder = Folder::new();
    let runs = trials(2, 100);
    for _ in 0..runs {
        let (processes, values) = run(mixture(&folder, one, other), Mixed::Count, 0.05);
        assert!(conflicts(&values) > 0, "{name}: not seen by verifying");
        assert!(values.iter().filter(|value| value.is_err()).count() == conflicts(&values), "{name}");
        let kinds = processes.arithmetics();
        assert_eq!((processes.report().mixed, kinds.len()), (1, 2), "{name}: {kinds:?}");
        assert!(!kinds[0].agrees_with(&kinds[1]), "{name}: {kinds:?}");
        assert!(Mixed::Count.mixture(&kinds).is_some(), "{name}");
    }
    let (_, values) = run(mixture(&folder, one, other), Mixed::Refuse, 0.0);
    let error = values.into_iter().find_map(Result::err).unwrap_or_else(|| panic!("{name}: not refused"));
    let Some(ProcessError::Arithmetic { expected, found, .. }) = error.downcast_ref() else { panic!("{error}") };
    assert!(!expected.agrees_with(found) && error.to_string().contains(found.as_str()), "{name}: {error}");
    println!("{name}: noticed by both in {runs} of {runs} runs; {expected} beside {found}");
}

/// Two kinds of workers with the same bits: no alarm, no conflict.
fn is_equal(one: &Command, other: &Command, name: &str) {
    let folder = Folder::new();
    let (processes, values) = run(mixture(&folder, one, other), Mixed::Refuse, 1.0);
    if let Some(error) = values.into_iter().find_map(Result::err) {
        panic!("{name}: {error}");
    }
    assert_eq!(processes.report().mixed, 0, "{name}");
}

#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn has_fma() -> bool {
    let has = std::arch::is_x86_feature_detected!("fma");
    if !has {
        println!("no fused multiply-add here: both kinds are one");
    }
    has
}

#[cfg(not(all(target_arch = "x86_64", target_env = "gnu")))]
fn has_fma() -> bool {
    println!("no glibc on x86-64 here");
    false
}

/// D8, and the first row: one binary, one glibc, two CPUs. Rust and Python, and both in one pool.
#[test]
fn workers_with_and_without_fused_multiply_add() {
    if !has_fma() {
        return;
    }
    let folder = Folder::new();
    let rust = || folder.command("elementary:3");
    let python = || script(ELEMENTARY);
    is_noticed(&rust(), &with(rust(), WITHOUT_FMA), "Rust with and without FMA");
    is_noticed(&python(), &with(python(), WITHOUT_FMA), "Python with and without FMA");
    // The remedy, and two languages with one libm.
    is_equal(&with(rust(), WITHOUT_FMA), &with(rust(), WITHOUT_FMA), "Rust without");
    is_equal(&with(python(), WITHOUT_FMA), &with(rust(), WITHOUT_FMA), "Python and Rust without");
    is_equal(&python(), &rust(), "Python and Rust");
}

/// The other remedy: functions that are not the machine's. The fingerprint is of the machine's, and
/// tells the workers apart.
#[test]
fn the_pure_rust_libm_has_the_same_bits_on_both() {
    if !has_fma() {
        return;
    }
    let folder = Folder::new();
    let pure = mixture(&folder, &folder.command("pure:3"), &with(folder.command("pure:3"), WITHOUT_FMA));
    let (processes, values) = run(pure, Mixed::Count, 1.0);
    assert!(values.iter().all(Result::is_ok));
    assert_eq!((processes.report().mixed, processes.arithmetics().len()), (1, 2));
}

/// D10: a file of the other CPU is told of when it is opened, and refused where that was asked for.
#[test]
#[cfg(feature = "durable")]
fn a_durable_cache_of_another_cpu() {
    use coquad::{DurableError, PointCache};

    if !has_fma() {
        return;
    }
    let folder = Folder::new();
    let written = with(folder.command("keeps"), WITHOUT_FMA).stdin(Stdio::null()).status().unwrap();
    assert!(written.success());
    let cache = PointCache::<f64>::open(super::worker::kept(&folder.0), "peaks").unwrap();
    let durability = cache.durability().unwrap();
    let theirs = durability.arithmetic.expect("it says whose it is");
    assert!(durability.loaded > 100 && !theirs.agrees_with(&Arithmetic::here()), "{theirs}");
    let refused = cache.same_arithmetic().unwrap_err();
    assert!(matches!(refused, DurableError::Arithmetic { .. }), "{refused}");
    println!("a cache's file of {theirs}, opened by {}", Arithmetic::here());
}

#[test]
fn numpy_beside_rust() {
    let Some(numpy) = numpy(BY_NUMPY) else { return };
    let folder = Folder::new();
    is_noticed(&numpy, &folder.command("elementary:3"), "numpy beside Rust");
    is_equal(&numpy, &numpy, "numpy on all");
}

/// OpenBLAS chooses its kernels by the CPU, and by the number of threads how it divides a sum. No
/// fingerprint sees either.
#[test]
fn blas_by_kernel_and_by_threads() {
    let text = "
import numpy as np
from coquad_worker import serve
import time
def f(x):
    draw = np.random.default_rng(int(1e6 * x))
    a, v = draw.random((60, 60)), draw.random(20000)
    time.sleep(0.003)
    return (a @ a).ravel()[:100].tolist() + [v @ v]
serve(f)";
    let Some(numpy) = numpy(text) else { return };
    let folder = Folder::new();
    let copy = || {
        let mut copy = Command::new(numpy.get_program());
        copy.args(numpy.get_args()).envs(numpy.get_envs().filter_map(|(key, value)| Some((key, value?))));
        copy
    };
    let kernel = |name| with(with(copy(), ("OPENBLAS_NUM_THREADS", "1")), ("OPENBLAS_CORETYPE", name));
    let threads = |number| with(copy(), ("OPENBLAS_NUM_THREADS", number));
    // Both need a machine that has both.
    let has_kernels = cfg!(target_arch = "x86_64");
    let has_threads = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    for (name, one, other, has_both) in [
        ("two kernels", kernel("Haswell"), kernel("Nehalem"), has_kernels),
        ("one thread and two", threads("1"), threads("2"), has_threads),
    ] {
        let (processes, values) = run(mixture(&folder, &one, &other), Mixed::Count, 0.05);
        println!("{name}: {} conflicts; {:?}", conflicts(&values), processes.arithmetics());
        assert!(conflicts(&values) > 0 || !has_both, "{name}");
        is_equal(&other, &other, name);
    }
}

/// The bits of `x.powf(2.0)` as two builds of one program have them.
#[test]
fn a_debug_build_beside_a_release_build() {
    let folder = Folder::new();
    let source = folder.0.join("power.rs");
    let program = "fn main() { for k in 1..100_000u64 { let x = std::hint::black_box(k as f64 * 1.1e-3); \
                   println!(\"{:x}\", x.powf(2.0).to_bits()); } }";
    fs::write(&source, program).unwrap();
    let bits = |level: &str| {
        let built = folder.0.join(level);
        let mut rustc = Command::new("rustc");
        rustc.arg(format!("-Copt-level={level}")).arg("-o").arg(&built).arg(&source);
        assert!(rustc.status().unwrap().success());
        String::from_utf8(Command::new(built).output().unwrap().stdout).unwrap()
    };
    let (debug, release) = (bits("0"), bits("3"));
    let count = debug.lines().count();
    let differ = debug.lines().zip(release.lines()).filter(|(one, other)| one != other).count();
    println!("x.powf(2.0): {differ} of {count} differ");
    assert!(differ > 0 && differ < count / 100, "{differ} of {count}");
    // Noticed: each says which it is.
    let here = Arithmetic::here();
    let (own, other) = if cfg!(debug_assertions) { ("debug", "release") } else { ("release", "debug") };
    assert!(here.as_str().ends_with(own), "{here}");
    assert!(!here.agrees_with(&here.as_str().replace(own, other).as_str().into()));
}

/// D9: subnormal numbers are dropped by threads that start after the library was loaded, and by the
/// one that loaded it.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_library_that_drops_subnormal_numbers() {
    let folder = Folder::new();
    let (source, library) = (folder.0.join("fast.c"), folder.0.join("fast.so"));
    fs::write(&source, "int nothing(void) { return 0; }").unwrap();
    // What gcc before 13 links in by itself with -ffast-math.
    let object = Command::new("cc").arg("-print-file-name=crtfastmath.o").output().unwrap();
    let object = String::from_utf8(object.stdout).unwrap().trim().to_owned();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-ffast-math"]).arg(&source).arg("-o").arg(&library);
    if object.contains('/') {
        cc.arg(object);
    }
    assert!(cc.status().unwrap().success());
    let text = "
import ctypes, queue, threading
from coquad_worker import serve
def quarter(y):
    return y / 4
class Thread:
    def __init__(self):
        self.asked, self.told = queue.Queue(), queue.Queue()
        threading.Thread(target=self.run, daemon=True).start()
    def run(self):
        while True: self.told.put(quarter(self.asked.get()))
    def __call__(self, y):
        self.asked.put(y)
        return self.told.get()
old = Thread()
old(1.0)
LOAD
new = Thread()
serve(lambda x: [f(x) for f in (quarter, old, new)])";
    let load = format!("ctypes.CDLL({:?})", library.to_str().unwrap());
    let told = [("", 3), (&*load, 1)].map(|(load, kept)| {
        let processes = Processes::new(1, script(&text.replace("LOAD", load))).values::<Vec<f64>>();
        let values = block_on(processes.evaluate(f64::MIN_POSITIVE)).unwrap();
        assert_eq!(values.iter().filter(|value| **value > 0.0).count(), kept, "{values:?}");
        assert!(values[1] > 0.0, "the old thread's {values:?}");
        processes.arithmetics().remove(0)
    });
    assert!(!told[0].agrees_with(&told[1]), "{told:?}");
    assert!(told[0].agrees_with(&Arithmetic::here()), "{told:?}");
}

/// musl beside glibc: the 72 points of the fingerprint by a program in C, whose text is the
/// worker's.
#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn musl_beside_glibc() {
    let folder = Folder::new();
    let source = folder.0.join("points.c");
    let write = "
import sys
from coquad_worker.arithmetic import EXPONENT, POINTS
print('#include <math.h>\\n#include <stdio.h>\\nint main(void) { volatile double x;')
for name, scale, points in POINTS:
    for k in points:
        more = f', {EXPONENT}' if name == 'pow' else ''
        print(f'x = {k}.0 / {1 << scale}.0; printf(\"%a\\\\n\", {name}(x{more}));')
print('x = 0x1p-1022; printf(\"%a\\\\n\", x / 4); x = 0x1p-1074; printf(\"%a\\\\n\", x * 3); }')";
    let written = script(write).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    fs::write(&source, written.stdout).unwrap();
    let kind = |compiler: &str| {
        let built = folder.0.join(compiler);
        let mut cc = Command::new(compiler);
        cc.args(["-O1", "-fno-builtin", "-ffp-contract=off", "-static"]).arg(&source).arg("-o").arg(&built).arg("-lm");
        if !cc.output().is_ok_and(|output| output.status.success()) {
            println!("no {compiler} here that links statically");
            return None;
        }
        let said = Command::new(built).output().unwrap();
        let hash = "
import sys
from coquad_worker.arithmetic import _hashed, NAMES
hashed = _hashed([float.fromhex(line) for line in open(sys.argv[1])])
print(f'{NAMES.get(hashed, \"unknown\")}:{hashed}')";
        let points = folder.0.join("points");
        fs::write(&points, said.stdout).unwrap();
        let output = script(hash).arg(points).output().unwrap();
        Some(Arithmetic::from(String::from_utf8(output.stdout).unwrap().trim()))
    };
    let here = Arithmetic::here();
    if let Some(glibc) = kind("cc") {
        assert!(glibc.agrees_with(&here), "{glibc} and {here}");
    }
    if let Some(musl) = kind("musl-gcc") {
        println!("{musl} beside {here}");
        assert!(!musl.agrees_with(&here) && musl.as_str().starts_with("musl:"), "{musl}");
    }
}

/// The last row: a sum in the order in which its parts come is no function, which verifying sees.
#[test]
fn threads_that_add_in_the_order_of_their_coming() {
    let text = "
from concurrent.futures import ThreadPoolExecutor, as_completed
from coquad_worker import serve
import random, time
hands, draw = ThreadPoolExecutor(8), random.SystemRandom()
def part(k, x):
    time.sleep(draw.random() * 0.005)
    return (k + 1) * x * 10.0 ** (4 * k)
def f(x):
    return sum(future.result() for future in as_completed([hands.submit(part, k, x) for k in range(8)]))
serve(f)";
    let processes = Processes::new(2, script(text)).verify(1.0);
    let xs = (1..40).map(|i| f64::from(i) / 41.0);
    let found: Vec<_> = block_on(join_all(xs.map(|x| processes.evaluate(x))));
    let conflicts = found.iter().filter_map(|value| value.as_ref().err()?.downcast_ref::<Conflict>());
    let points: HashSet<u64> = conflicts.map(|conflict| conflict.x.to_bits()).collect();
    println!("{} of {} points have other bits", points.len(), found.len());
    assert!(!points.is_empty());
    assert_eq!(processes.report().mixed, 0);
}
