//! The repository as data: its crates, what they depend on, their sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::source::code_of;

/// One crate of the workspace.
pub struct Crate {
    /// The folder below `crates/`.
    pub name: String,
    /// Its manifest.
    pub manifest: toml::Table,
    /// Names in `[dependencies]`, `[build-dependencies]` and their `[target]` forms; tests may use what they like.
    pub dependencies: BTreeSet<String>,
    /// Every Rust file of it.
    pub files: Vec<Source>,
}

/// One Rust file.
pub struct Source {
    /// From the repository's root, with `/`.
    pub path: String,
    /// As it is written.
    pub text: String,
    /// Without comments, with empty string literals, line for line.
    pub code: String,
}

impl Source {
    /// Whether it is part of the crate itself, not of its tests, benches or examples.
    pub fn ships(&self) -> bool {
        let mut parts = self.path.split('/').skip(2);
        parts.next() == Some("src") && parts.all(|part| part != "tests" && part != "tests.rs")
    }

    /// Every line of its code that holds `pattern`, as `path:line`.
    pub fn places(&self, pattern: &str) -> Vec<String> {
        let holds = self.code.lines().enumerate().filter(|(_, line)| line.contains(pattern));
        holds.map(|(index, _)| format!("{}:{}", self.path, index + 1)).collect()
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Text of a file of the repository.
pub fn read(path: &str) -> String {
    let full = root().join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
}

/// Every crate, by name; read once.
pub fn crates() -> &'static [Crate] {
    static CRATES: OnceLock<Vec<Crate>> = OnceLock::new();
    CRATES.get_or_init(load_all)
}

fn load_all() -> Vec<Crate> {
    let mut names: Vec<String> = entries(&root().join("crates")).iter().map(|path| file_name(path)).collect();
    names.sort();
    assert!(names.len() > 5, "crates/ holds {names:?}: the test looks at the wrong place");
    names.into_iter().map(load).collect()
}

fn load(name: String) -> Crate {
    let text = read(&format!("crates/{name}/Cargo.toml"));
    let manifest: toml::Table = text.parse().unwrap_or_else(|error| panic!("crates/{name}/Cargo.toml: {error}"));
    let dependencies = dependencies(&manifest);
    let mut paths = Vec::new();
    collect(&root().join("crates").join(&name), &mut paths);
    paths.sort();
    let files = paths.iter().map(|path| source(path)).collect();
    Crate { name, manifest, dependencies, files }
}

/// The packages a crate is built from; a renamed dependency counts under the package's own name.
fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let tables = |table: &toml::Table| {
        let lists = ["dependencies", "build-dependencies"].into_iter();
        let found = lists.filter_map(|list| table.get(list)?.as_table().cloned());
        found.flatten().collect::<Vec<_>>()
    };
    let targets = manifest.get("target").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let mut all = tables(manifest);
    all.extend(targets.values().filter_map(toml::Value::as_table).flat_map(tables));
    let package = |(name, value): (String, toml::Value)| {
        value.get("package").and_then(toml::Value::as_str).map_or(name, str::to_owned)
    };
    all.into_iter().map(package).collect()
}

fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() && file_name(&path) != "target" {
            collect(&path, out);
        } else if path.extension().is_some_and(|end| end == "rs") {
            out.push(path);
        }
    }
}

fn source(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let path = path.strip_prefix(root()).expect("invariant: it was found below the root");
    let path = path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    Source { path, code: code_of(&text), text }
}

/// What a folder holds.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    read.map(|entry| entry.expect("a folder that can be read").path()).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
