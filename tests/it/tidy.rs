//! House rules that no linter knows, each a test that fails with the file and the line.

use std::fs;

use crate::source::{code_of, root, rust_files};

/// Past this a file is split, or says in its opening comment why not, in a sentence that starts with [`EXCUSE`].
const LONGEST_FILE: usize = 500;
const EXCUSE: &str = "//! Long because ";

/// What may not be in any Rust file of the repository, with the reason.
const NOWHERE: &[(&str, &str)] = &[
    ("#[ignore", "a test that does not run proves nothing"),
    ("todo!", "unfinished code does not land"),
    ("unimplemented!", "unfinished code does not land"),
    ("dbg!", "left over from debugging"),
];

/// What may not be in `src` outside its tests.
const NOT_IN_SRC: &[(&str, &str)] = &[(".unwrap()", "say in `expect` why it cannot fail, or return an error")];

fn forbidden(file: &str, code: &str, words: &[(&str, &str)]) -> Vec<String> {
    let lines = code.lines().enumerate();
    lines
        .flat_map(|(number, line)| {
            let found = words.iter().filter(move |(word, _)| line.contains(word));
            found.map(move |(word, reason)| format!("{file}:{}: `{word}`: {reason}", number + 1))
        })
        .collect()
}

fn too_long(file: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let excused = text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.starts_with(EXCUSE));
    if lines <= LONGEST_FILE || excused {
        return Vec::new();
    }
    vec![format!("{file}: {lines} lines: split it at {LONGEST_FILE}, or open with a line `{EXCUSE}..`")]
}

/// `code` up to its test module, which stands last in a file by convention.
fn without_tests(file: &str, code: &str) -> String {
    if file.ends_with("/tests.rs") || file.contains("/tests/") {
        return String::new();
    }
    code.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()
}

/// The examples, and those that are packages of their own.
const EXAMPLES: [&str; 3] = ["examples/pictures", "examples/runtimes", "examples"];

fn all_files() -> Vec<(String, String)> {
    let core = ["src", "tests", "benches", "benches/storeys"];
    let nats = ["src/nats/src", "src/nats/tests", "src/nats/benches", "src/nats/examples"];
    core.into_iter().chain(EXAMPLES).chain(nats).flat_map(rust_files).collect()
}

fn expect_none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn nothing_is_ignored_or_unfinished() {
    expect_none(all_files().iter().flat_map(|(file, text)| forbidden(file, &code_of(text), NOWHERE)).collect());
}

#[test]
fn no_unwrap_outside_tests() {
    let files: Vec<_> = ["src", "src/nats/src"].into_iter().flat_map(rust_files).collect();
    expect_none(
        files
            .iter()
            .flat_map(|(file, text)| forbidden(file, &without_tests(file, &code_of(text)), NOT_IN_SRC))
            .collect(),
    );
}

#[test]
fn what_our_own_types_can_do_users_types_can() {
    // A member of a trait is indented.
    let hidden = |(file, text): &(String, String)| {
        forbidden(file, &code_of(text), &[("    #[doc(hidden)]", "say what it is for")])
    };
    expect_none(rust_files("src").iter().flat_map(hidden).collect());
}

#[test]
fn files_are_short() {
    expect_none(all_files().iter().flat_map(|(file, text)| too_long(file, text)).collect());
}

#[test]
fn every_file_opens_with_its_job() {
    let bare = all_files().into_iter().filter(|(_, text)| !text.starts_with("//!"));
    expect_none(bare.map(|(file, _)| format!("{file}: does not open with `//!`")).collect());
}

#[test]
fn every_example_has_its_line() {
    let list = fs::read_to_string(root().join("examples/README.md")).expect("examples/README.md");
    for (file, _) in EXAMPLES.into_iter().flat_map(rust_files).filter(|(file, _)| !file.ends_with("lib.rs")) {
        let name = EXAMPLES.iter().fold(&*file, |name, folder| name.trim_start_matches(folder));
        let name =
            name.trim_start_matches("/src/bin/").trim_matches('/').trim_end_matches(".rs").trim_end_matches("/main");
        assert!(list.contains(&format!("`{name}`")), "{file} has no line in examples/README.md");
    }
}

#[test]
fn the_rules_find_what_they_are_for() {
    assert_eq!(forbidden("x.rs", "\n#[ignore]\nfn f() { todo!() }", NOWHERE).len(), 2);
    assert_eq!(forbidden("x.rs", "a.unwrap();\nb.unwrap_or(c);", NOT_IN_SRC).len(), 1);
    assert_eq!(without_tests("src/a.rs", "fn f() {}\n#[cfg(test)]\nmod tests { x.unwrap() }"), "fn f() {}\n");
    assert_eq!(without_tests("src/a/tests.rs", "x.unwrap()"), "");
    let long = "\n".repeat(LONGEST_FILE + 1);
    assert_eq!(too_long("x.rs", &long).len(), 1);
    assert_eq!(too_long("x.rs", &format!("//! A table.\n{EXCUSE}it is one table.\n{long}")).len(), 0);
}
