//! What the compiler says of mistakes that new users make: short, and with the remedy.
//!
//! The texts in `ui` are those of one compiler. `TRYBUILD=overwrite cargo test -p mistakes` writes them anew.

mod right;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The compiler that wrote the texts in `ui`.
const COMPILER: &str = "rustc 1.95.";

/// How many lines a user sees at most.
const LINES: usize = 25;

/// How many of them the texts leave out: an empty line, `For more information ..` and `could not compile ..`.
const LEFT_OUT: usize = 3;

/// Each mistake with what its message must say.
const REMEDIES: &[(&str, &str)] = &[
    ("bare_closure", "wrap it: `Inline::new(f)` or `pool.evaluator(f)`"),
    ("borrowed_slice", "argument requires that `'1` must outlive `'static`"),
    ("boxed_error", "add `Send + Sync`: `Box<dyn Error + Send + Sync>`"),
    ("boxed_error_async", "add `Send + Sync`: `Box<dyn Error + Send + Sync>`"),
    ("f32_argument", "expected closure signature `fn(f64) -> _`"),
    ("f32_argument_on_a_pool", "expected closure signature `fn(f64) -> _`"),
    ("fallible_inline", "use `try_evaluator`: `pool.try_evaluator(f)` or `Inline::try_new(f)`"),
    ("fallible_on_a_pool", "use `try_evaluator`: `pool.try_evaluator(f)` or `Inline::try_new(f)`"),
    ("rc_captured", "instead of an `Rc` capture an `Arc`"),
    ("wrappers_not_imported", "use coquad::EvaluatorExt;"),
];

#[test]
fn messages_are_short_and_name_the_remedy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    names.sort();
    assert_eq!(names, REMEDIES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, remedy) in REMEDIES {
        let text = fs::read_to_string(folder.join(name).with_extension("stderr")).unwrap();
        let lines = text.trim_end().lines().count() + LEFT_OUT;
        println!("{name}: {lines} lines");
        assert!(lines <= LINES, "{name}: {lines} lines");
        assert!(text.contains(remedy), "{name} does not say: {remedy}");
        assert_eq!(text.matches("error[").count(), 1, "{name} is told more than once");
    }
}

#[test]
fn the_compiler_says_so() {
    let compiler = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into())).arg("--version").output().unwrap();
    let compiler = String::from_utf8(compiler.stdout).unwrap();
    if compiler.starts_with(COMPILER) {
        trybuild::TestCases::new().compile_fail("ui/*.rs");
    } else {
        println!("the texts are those of {COMPILER}x, not of {}: they are not compared", compiler.trim());
    }
}
