//! The storeys: an arrow between two modules points down, or this test names the file and the line.
//!
//! It reads the sources and follows every path that starts at `crate` or leaves a module by `super`. Comments are not
//! read, so documentation may link upwards.

use crate::source::{code_of, rust_files};

/// Every top-level module with all that it may use, from the top storey down. `lib` is the crate root.
///
/// A new module is given its place here first; one that is missing is a finding.
const MAY_USE: &[(&str, &[&str])] = &[
    ("lib", &["integrator", "prefetch", "observer", "numerics", "evaluation", "scaled", "error", "estimate", "point"]),
    ("integrator", &["drive", "prefetch", "observer", "numerics", "evaluation", "trace", "error", "estimate", "point"]),
    ("drive", &["prefetch", "observer", "numerics", "evaluation", "trace", "error", "estimate", "point"]),
    ("prefetch", &["numerics", "point"]),
    ("observer", &["evaluation", "error", "estimate", "point"]),
    ("guide", &[]),
    ("scaled", &["numerics"]),
    ("numerics", &["error", "estimate", "point"]),
    ("evaluation", &["trace", "error", "point"]),
    // Told of what happened; nothing is ever asked of it.
    ("trace", &["error", "estimate", "point"]),
    ("error", &["estimate"]),
    ("estimate", &[]),
    ("point", &[]),
    // Nothing, unless the tests are tested.
    ("planted", &[]),
];

/// What the numerics wing must not touch, so that a decision can depend on nothing but estimates: no concurrency, no
/// clock, and no map whose order is anyone's guess.
const NOT_IN_NUMERICS: &[&str] = &[
    "futures",
    "futures_lite",
    "async_executor",
    "blocking",
    "dashmap",
    "std::future",
    "std::task::Context",
    "std::task::Waker",
    "std::thread",
    // `LazyLock` alone is allowed: it holds tables of constants.
    "std::sync::Arc",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::Condvar",
    "std::sync::OnceLock",
    "std::sync::atomic",
    "std::sync::mpsc",
    "std::time",
    "std::env",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "HashMap",
    "HashSet",
    "async",
    "await",
];

/// A path as the code wrote it, made absolute: `crate::a::b`, `std::sync::Arc`, `Vec::new`.
struct Path {
    line: usize,
    parts: Vec<String>,
}

/// The findings in one file of `src`.
fn findings(file: &str, text: &str) -> Vec<String> {
    let home = module_of(file);
    let storey = home.first().map_or("lib", String::as_str);
    let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| *name == storey) else {
        return vec![format!("{file}: `{storey}` has no storey: give it a place in MAY_USE")];
    };
    let mut found = Vec::new();
    for Path { line, parts } in paths(text, &home) {
        let path = parts.join("::");
        if storey == "numerics"
            && NOT_IN_NUMERICS.iter().any(|&word| path == word || path.starts_with(&format!("{word}::")))
        {
            found.push(format!("{file}:{line}: numerics is synchronous and pure, and must not touch `{path}`"));
        }
        if parts[0] != "crate" || parts.len() < 2 || parts[1] == storey || storey == "lib" {
            continue;
        }
        if !MAY_USE.iter().any(|(name, _)| *name == parts[1]) {
            found.push(format!("{file}:{line}: `{path}` goes through the crate root: name the module that defines it"));
        } else if !may_use.contains(&parts[1].as_str()) {
            found.push(format!("{file}:{line}: forbidden arrow, {storey} -> {}: `{path}`", parts[1]));
        }
    }
    found
}

/// `src/a/b.rs` is the module `a::b`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_prefix("src/").unwrap_or(file).trim_end_matches(".rs");
    let parts = path.split('/').filter(|part| !matches!(*part, "lib" | "mod"));
    parts.map(str::to_owned).collect()
}

/// Every path in `text`, with `use` trees written out, and `self` and `super` resolved from the module `home`.
fn paths(text: &str, home: &[String]) -> Vec<Path> {
    let tokens = tokens(&code_of(text));
    let word = |i: usize| tokens.get(i).map_or("", |(_, token)| token.as_str());
    let mut found = Vec::new();
    let mut module = home.to_vec();
    // Brace depths at which an inline `mod` was opened.
    let (mut depth, mut opened) = (0, Vec::new());
    let mut i = 0;
    while i < tokens.len() {
        match word(i) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if opened.last() == Some(&depth) {
                    opened.pop();
                    module.pop();
                }
            }
            "mod" if word(i + 2) == "{" => {
                opened.push(depth);
                depth += 1;
                module.push(word(i + 1).to_owned());
                i += 3;
                continue;
            }
            token
                if is_identifier(token) && (i == 0 || word(i - 1) != "::" || i < 2 || !is_identifier(word(i - 2))) =>
            {
                i = tree(&tokens, i, &[], &module, &mut found);
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// Reads one path or `use` tree from token `i` on, behind `prefix`; returns where it ends.
fn tree(
    tokens: &[(usize, String)],
    mut i: usize,
    prefix: &[String],
    module: &[String],
    found: &mut Vec<Path>,
) -> usize {
    let word = |i: usize| tokens.get(i).map_or("", |(_, token)| token.as_str());
    let line = tokens[i].0;
    let mut parts = prefix.to_vec();
    loop {
        if word(i) == "{" {
            i += 1;
            while !matches!(word(i), "}" | "") {
                i = if word(i) == "," { i + 1 } else { tree(tokens, i, &parts, module, found) };
            }
            return i + 1;
        }
        parts.push(word(i).to_owned());
        i += 1;
        let goes_on = word(i) == "::" && (is_identifier(word(i + 1)) || matches!(word(i + 1), "{" | "*"));
        if !goes_on {
            break;
        }
        i += 1;
    }
    if !prefix.is_empty() && word(i) == "as" {
        i += 2;
    }
    found.push(Path { line, parts: absolute(parts, module) });
    i
}

fn absolute(parts: Vec<String>, module: &[String]) -> Vec<String> {
    let ups = parts.iter().take_while(|part| matches!(part.as_str(), "self" | "super")).count();
    // `self` and `super` alone are a receiver or a visibility.
    if ups == 0 || parts.len() == 1 {
        return parts;
    }
    let supers = parts[..ups].iter().filter(|part| *part == "super").count();
    let base = &module[..module.len().saturating_sub(supers)];
    ["crate".to_owned()].into_iter().chain(base.iter().cloned()).chain(parts[ups..].iter().cloned()).collect()
}

fn is_identifier(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::` and single characters, each with its line.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push((number + 1, rest[..length].to_owned()));
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

#[test]
fn no_arrow_points_up_or_across() {
    let files = rust_files("src");
    assert!(files.iter().any(|(file, _)| file == "src/lib.rs"), "no sources were found");
    let found: Vec<_> = files.iter().flat_map(|(file, text)| findings(file, text)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_storeys_have_no_circle() {
    for (i, (name, may_use)) in MAY_USE.iter().enumerate() {
        for used in *may_use {
            let below = MAY_USE[i + 1..].iter().any(|(other, _)| other == used);
            assert!(below, "{name} may use {used}, which is not below it");
        }
    }
}

#[test]
fn forbidden_arrows_are_found() {
    for (file, text) in [
        // Across, between the wings.
        ("src/numerics.rs", "use crate::evaluation::Evaluator;"),
        ("src/numerics/rule.rs", "fn f() { crate::evaluation::points::cache::get(); }"),
        ("src/numerics/rule.rs", "use crate::{error::Error, evaluation::{points::cache, points::key::Key}};"),
        ("src/evaluation/points/cache.rs", "use crate::numerics::value::Value as V;"),
        ("src/evaluation/points/cache.rs", "use super::super::super::numerics::value::Value;"),
        ("src/evaluation.rs", "use super::numerics;"),
        (
            "src/evaluation/points/cache.rs",
            "mod tests { mod deep { use super::super::super::super::super::numerics::x; } }",
        ),
        // Up.
        ("src/evaluation/pmap.rs", "use crate::integrator::Integrator;"),
        ("src/evaluation/pmap.rs", "use crate::estimate::Estimate;"),
        ("src/numerics/global.rs", "impl crate::prefetch::Guess for Global {}"),
        ("src/prefetch.rs", "use crate::integrator::Integrator;"),
        ("src/prefetch/certain.rs", "use crate::evaluation::points::key::Key;"),
        ("src/drive/direct.rs", "use crate::integrator::Integrator;"),
        ("src/error.rs", "use crate::evaluation::points::key::Key;"),
        ("src/estimate.rs", "use crate::error::Error;"),
        ("src/estimate.rs", "type V = <T as crate::numerics::Value>::Norm;"),
        // Through the crate root, and modules without a storey.
        ("src/evaluation/pmap.rs", "use crate::Error;"),
        ("src/numerics.rs", "use super::*;"),
        ("src/numerics.rs", "use crate::{self as root, Error};"),
        ("src/helpers.rs", ""),
        // What keeps the numerics pure.
        ("src/numerics/rule.rs", "use std::sync::Arc;"),
        ("src/numerics/rule.rs", "use std::{cmp, sync::{Arc, Mutex}};"),
        ("src/numerics/rule.rs", "fn f() { ::std::thread::sleep(d); }"),
        ("src/numerics/rule.rs", "use std::collections::{BTreeMap, HashMap};"),
        ("src/numerics/rule.rs", "use futures::future::join_all;"),
        ("src/numerics/rule.rs", "use dashmap::DashMap;"),
        ("src/numerics/rule.rs", "async fn f() {}"),
    ] {
        assert!(!findings(file, text).is_empty(), "no finding in {file}: {text}");
    }
}

#[test]
fn allowed_arrows_are_not_findings() {
    for (file, text) in [
        (
            "src/lib.rs",
            "pub use integrator::Integrator; pub use evaluation::{pmap, Evaluator}; use crate::numerics::x;",
        ),
        (
            "src/integrator.rs",
            "use crate::{evaluation::Evaluator, numerics::{Simpson, Value}, prefetch, error::Error};",
        ),
        (
            "src/drive/ahead.rs",
            "use crate::observer::Observer; use std::sync::Arc; use futures::Stream; use crate::prefetch::Tree;",
        ),
        ("src/numerics/run.rs", "use std::task::Poll; use crate::estimate::{Estimate, Reason, Segment};"),
        (
            "src/numerics/global.rs",
            "use super::rule::Rule; use self::x::Y; use crate::estimate::Segment; use std::fmt;",
        ),
        ("src/numerics/global.rs", "mod tests { use super::*; use super::super::rule::Rule; }"),
        ("src/numerics/global/tests.rs", "use super::*; pub(super) fn f() { super::g(); } pub(crate) struct S;"),
        (
            "src/evaluation/points/cache.rs",
            "use crate::error::Error; pub(in crate::evaluation) fn f(&self) { self.numerics.x() }",
        ),
        (
            "src/evaluation/points/cache.rs",
            "//! Not `crate::numerics`.\n/* use crate::integrator; */ const S: &str = \"crate::prefetch\";",
        ),
        ("src/error.rs", "use crate::estimate::{Estimate, Reason}; use std::sync::Arc;"),
    ] {
        let found = findings(file, text);
        assert!(found.is_empty(), "{text}\n{}", found.join("\n"));
    }
}

#[test]
fn a_finding_names_file_line_and_arrow() {
    let found = findings("src/evaluation/points/cache.rs", "//! A cache.\n\nuse crate::numerics::Value;\n");
    assert_eq!(
        found,
        ["src/evaluation/points/cache.rs:3: forbidden arrow, evaluation -> numerics: `crate::numerics::Value`"]
    );
}
