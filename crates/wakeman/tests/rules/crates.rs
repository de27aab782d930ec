//! Who may depend on whom.

use std::collections::BTreeSet;

use super::{none, workspace::crates};

/// Every crate with those of ours it may build on. Arrows point down only.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("present", &["types"]),
    ("detect", &["types"]),
    ("ranking", &["types"]),
    ("store", &["types"]),
    ("client", &["types"]),
    ("server", &["types"]),
    ("gateway", &["types", "present", "store", "detect", "ranking"]),
    ("integrations", &["types", "gateway"]),
    ("cli", &["types", "present"]),
    ("telegram", &["types", "present"]),
    ("discord", &["types", "present"]),
    ("lab", &["types"]),
    (
        "wakeman",
        &[
            "types",
            "present",
            "detect",
            "ranking",
            "store",
            "client",
            "server",
            "gateway",
            "integrations",
            "cli",
            "telegram",
            "discord",
            "lab",
        ],
    ),
];

/// All that the contract may need besides the standard library.
const TYPES_MAY_SEE: &[&str] = &["futures-core", "schemars", "serde", "serde_json", "thiserror"];

/// The crates that make requests, and the packages that make them.
const MAY_ASK: &[&str] = &["integrations", "client", "telegram", "discord", "lab"];
const HTTP_CLIENTS: &[&str] = &[
    "reqwest",
    "octocrab",
    "async-openai",
    "ureq",
    "isahc",
    "surf",
    "awc",
    "attohttpc",
    "curl",
    "hyper-rustls",
    "hyper-tls",
];

#[test]
fn every_crate_sees_only_what_its_layer_may() {
    let mut breaches = Vec::new();
    for krate in crates() {
        let name = &krate.name;
        let Some((_, may)) = MAY_SEE.iter().find(|(known, _)| known == name) else {
            breaches.push(format!(
                "crates/{name}: no rule says what it may see; give it a line in MAY_SEE and ARCHITECTURE.md"
            ));
            continue;
        };
        let ours = krate.dependencies.iter().filter_map(|package| package.strip_prefix("wakeman-"));
        breaches.extend(ours.filter(|ours| !may.contains(ours)).map(|ours| {
            format!(
                "crates/{name}/Cargo.toml: may not see wakeman-{ours}; move what it needs into types, or behind a port"
            )
        }));
    }
    none(&breaches);
}

#[test]
fn frontends_see_only_the_contract_and_the_wording() {
    let mut breaches = Vec::new();
    for krate in crates().iter().filter(|krate| ["cli", "telegram", "discord"].contains(&krate.name.as_str())) {
        let ours: Vec<&String> = krate.dependencies.iter().filter(|package| package.starts_with("wakeman")).collect();
        if ours != ["wakeman-present", "wakeman-types"] {
            breaches.push(format!("crates/{}/Cargo.toml: sees {ours:?}; move what it needs into types", krate.name));
        }
    }
    none(&breaches);
}

#[test]
fn every_dependency_is_used() {
    let mut unused = Vec::new();
    for krate in crates() {
        let word = |code: &str, name: &str| {
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
            let ends = |at: usize| (code[..at].chars().next_back(), code[at + name.len()..].chars().next());
            code.match_indices(name).map(|(at, _)| ends(at)).any(|(before, after)| edge(before) && edge(after))
        };
        for package in &krate.dependencies {
            let name = package.replace('-', "_");
            if !krate.files.iter().filter(|file| file.ships()).any(|file| word(&file.code, &name)) {
                unused.push(format!(
                    "crates/{}/Cargo.toml: {package}; for tests alone it is a dev-dependency",
                    krate.name
                ));
            }
        }
    }
    none(&unused);
}

#[test]
fn the_contract_stays_small() {
    let types = crates().iter().find(|krate| krate.name == "types").expect("crates/types is there");
    let may: BTreeSet<&str> = TYPES_MAY_SEE.iter().copied().collect();
    let more: Vec<&str> =
        types.dependencies.iter().map(String::as_str).filter(|package| !may.contains(package)).collect();
    assert!(more.is_empty(), "crates/types/Cargo.toml: {more:?}; whoever speaks the contract would have to build them");
}

#[test]
fn only_the_store_names_its_database() {
    let mut breaches = Vec::new();
    for krate in crates().iter().filter(|krate| krate.name != "store") {
        if krate.dependencies.contains("sqlx") {
            breaches
                .push(format!("crates/{}/Cargo.toml: sqlx; say it as a Commit or a read of wakeman-store", krate.name));
        }
        let places = krate.files.iter().filter(|file| file.ships()).flat_map(|file| file.places("sqlx"));
        breaches.extend(places.map(|place| format!("{place}: names sqlx; no SQL leaves the store")));
    }
    none(&breaches);
}

#[test]
fn only_adapters_make_requests() {
    let mut breaches = Vec::new();
    for krate in crates().iter().filter(|krate| !MAY_ASK.contains(&krate.name.as_str())) {
        let clients = krate.dependencies.iter().filter(|package| HTTP_CLIENTS.contains(&package.as_str()));
        breaches.extend(clients.map(|package| {
            format!("crates/{}/Cargo.toml: {package}; put the request into integrations behind a port", krate.name)
        }));
        for file in krate.files.iter().filter(|file| file.ships()) {
            for pattern in ["hyper::client", "hyper_util::client", "TcpStream::connect"] {
                let places = file.places(pattern);
                breaches.extend(
                    places.iter().map(|place| format!("{place}: {pattern}; put the request into integrations")),
                );
            }
        }
    }
    none(&breaches);
}

#[test]
fn every_crate_takes_licence_and_lints_from_the_workspace() {
    let mut breaches = Vec::new();
    for krate in crates() {
        let inherits = |table: &str, key: &str| {
            let value =
                krate.manifest.get(table).and_then(|table| if key.is_empty() { Some(table) } else { table.get(key) });
            value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
        };
        for (table, key) in [("package", "license"), ("package", "publish"), ("package", "rust-version"), ("lints", "")]
        {
            if !inherits(table, key) {
                let what = if key.is_empty() { table.to_owned() } else { format!("{table}.{key}") };
                breaches.push(format!("crates/{}/Cargo.toml: write {what}.workspace = true", krate.name));
            }
        }
    }
    none(&breaches);
}

#[test]
fn every_crate_has_one_integration_test_binary_at_most() {
    let mut breaches = Vec::new();
    for krate in crates() {
        let automatic = krate.manifest["package"].get("autotests").and_then(toml::Value::as_bool) != Some(false);
        let named = krate.manifest.get("test").and_then(toml::Value::as_array).map_or(0, Vec::len);
        let roots = krate.files.iter().filter(|file| automatic && is_test_root(&file.path)).count();
        if named.max(roots) > 1 {
            breaches.push(format!(
                "crates/{}/tests: {} files become binaries of their own; set autotests = false and name tests/main.rs \
                 under [[test]], linking each costs more than running it",
                krate.name,
                named.max(roots)
            ));
        }
    }
    none(&breaches);
}

/// `crates/x/tests/y.rs` or `crates/x/tests/y/main.rs`: what cargo builds by itself.
fn is_test_root(path: &str) -> bool {
    matches!(path.split('/').collect::<Vec<_>>()[2..], ["tests", _] | ["tests", _, "main.rs"])
}
