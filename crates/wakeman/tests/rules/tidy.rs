//! Sizes, and the few lines that tell a newcomer what a crate is.

use super::{
    none,
    workspace::{Source, crates},
};

/// A file longer than this has more than one subject.
const FILE_LINES_MAX: usize = 600;
/// A function longer than this has more than one job.
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn files_stay_short() {
    let mut long = Vec::new();
    for file in crates().iter().flat_map(|krate| &krate.files) {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            long.push(format!("{}: {lines} lines; split it by subject below {FILE_LINES_MAX}", file.path));
        }
    }
    none(&long);
}

#[test]
fn functions_stay_short() {
    let mut long = Vec::new();
    for file in crates().iter().flat_map(|krate| &krate.files).filter(|file| file.ships()) {
        let found = functions(file).into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
        long.extend(found.map(|(name, lines)| {
            format!("{}: fn {name} has {lines} lines; give its parts names, below {FUNCTION_LINES_MAX}", file.path)
        }));
    }
    none(&long);
}

/// Every function with a body, and how many lines it has from its first to its last brace. The tables of the unit tests, which
/// stand last in a file, may be long.
fn functions(file: &Source) -> Vec<(String, usize)> {
    let code = file.code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let starts_a_word = code[..at].ends_with(|c: char| !c.is_alphanumeric() && c != '_');
        let rest = &code[at + 3..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if (at > 0 && !starts_a_word) || name.is_empty() {
            continue;
        }
        if let Some(open) = opening(rest) {
            found.push((name, body(&rest[open..]).lines().count()));
        }
    }
    found
}

/// Where the body begins; `None` for a declaration, which ends in a semicolon outside of `[f64; 3]` and the like.
fn opening(signature: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in signature.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// From the first brace to the one that closes it.
fn body(code: &str) -> &str {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 {
            return &code[..=at];
        }
    }
    code
}

#[test]
fn every_crate_says_what_it_owns_and_what_it_must_not() {
    let mut breaches = Vec::new();
    for krate in crates() {
        let root =
            krate.files.iter().find(|file| file.path.ends_with("/src/lib.rs") || file.path.ends_with("/src/main.rs"));
        let Some(root) = root else {
            breaches.push(format!("crates/{}: has neither src/lib.rs nor src/main.rs", krate.name));
            continue;
        };
        let head: Vec<&str> = root.text.lines().take_while(|line| line.starts_with("//!")).collect();
        for part in ["Owns:", "Must not:"] {
            if !head.iter().any(|line| line.contains(part)) {
                breaches.push(format!("{}: its first comment lacks \"{part}\"", root.path));
            }
        }
    }
    none(&breaches);
}

#[test]
fn libraries_warn_about_what_is_not_documented() {
    let silent = |krate: &super::workspace::Crate| {
        let root = krate.files.iter().find(|file| file.path.ends_with("/src/lib.rs"))?;
        let warns = root.code.contains("#![warn(missing_docs)]") || root.code.contains("#![deny(missing_docs)]");
        (!warns).then(|| format!("{}: write #![warn(missing_docs)] above the modules", root.path))
    };
    let contract =
        crates().iter().filter(|krate| ["types", "gateway", "store", "client"].contains(&krate.name.as_str()));
    none(&contract.filter_map(silent).collect::<Vec<_>>());
}
