//! The documents say what is so: paths and tests they name exist.

use std::collections::BTreeSet;

use super::{
    none,
    workspace::{crates, entries, read, root},
};

/// Documents whose every path and link must hold.
fn documents() -> Vec<String> {
    let mut names: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/glossary.md", "docs/lab.md"]
            .map(str::to_owned)
            .into();
    for folder in ["docs/adr", "docs/policies"] {
        for path in entries(&root().join(folder)) {
            names.push(format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    names.sort();
    names
}

/// What stands between single backticks, outside of code blocks.
fn quoted(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// `crates/gateway/src/act/`, `config/wakeman.service`: a path of the repository, not a pattern or a command.
fn is_path(text: &str) -> bool {
    const TOP: [&str; 9] =
        ["crates/", "config/", "docs/", "runtime/", ".ci/", "prompts/", "benches/", "scripts/", "ARCHITECTURE.md"];
    TOP.iter().any(|top| text.starts_with(top)) && !text.contains(['*', '<', '{', ' ', '…'])
}

#[test]
fn paths_in_documents_exist() {
    let mut missing = Vec::new();
    for document in documents() {
        for path in quoted(&read(&document)).into_iter().filter(|text| is_path(text)) {
            if !root().join(&path).exists() {
                missing.push(format!("{document}: there is no {path}; name the file as it is called now"));
            }
        }
    }
    none(&missing);
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut missing = Vec::new();
    for document in documents() {
        let folder = root().join(&document).parent().expect("a file has a folder").to_owned();
        for target in
            read(&document).split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next().map(str::to_owned))
        {
            if !target.is_empty() && !target.contains("://") && !folder.join(&target).exists() {
                missing.push(format!("{document}: the link to {target} leads nowhere"));
            }
        }
    }
    none(&missing);
}

/// An invariant without a test is a wish: whatever ARCHITECTURE.md names as a test must be one.
#[test]
fn tests_named_in_the_architecture_exist() {
    let architecture = read("ARCHITECTURE.md");
    let invariants =
        architecture.split("\n## ").find(|part| part.starts_with("Invariants")).expect("it has its invariants");
    let crates = crates();
    let known: BTreeSet<&str> =
        crates.iter().flat_map(|krate| &krate.files).flat_map(|file| functions(&file.code)).collect();
    let named = quoted(invariants);
    let tests: Vec<&String> = named.iter().filter(|name| name.contains('_') && name.chars().all(is_name)).collect();
    assert!(tests.len() > 20, "ARCHITECTURE.md names {} tests; is its section of invariants still there?", tests.len());
    let missing = tests.iter().filter(|name| !known.contains(name.as_str()));
    none(&missing.map(|name| format!("ARCHITECTURE.md: there is no test {name}")).collect::<Vec<_>>());
}

fn is_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

fn functions(code: &str) -> impl Iterator<Item = &str> {
    code.split("fn ").skip(1).map(|rest| &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())])
}

#[test]
fn every_crate_is_on_the_map() {
    let architecture = read("ARCHITECTURE.md");
    let off = crates().iter().filter(|krate| !architecture.contains(&format!("| `{}` |", krate.name)));
    none(
        &off.map(|krate| format!("ARCHITECTURE.md: the code map has no line for `{}`", krate.name)).collect::<Vec<_>>(),
    );
}

#[test]
fn the_readme_begins_with_its_two_commands() {
    let readme = read("README.md");
    let mut fenced = false;
    let mut commands = Vec::new();
    for line in readme.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            commands.push(line);
        }
    }
    assert_eq!(commands.first(), Some(&"cargo run --release -- demo"));
    assert_eq!(commands.get(1), Some(&"cargo test --workspace"));
}
