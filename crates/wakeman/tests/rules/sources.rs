//! What no source may say.

use super::{none, workspace::crates};

/// Crates that know neither the time nor chance but through the gateway's ports or an argument.
const TIMELESS: &[&str] = &["types", "present", "detect", "ranking", "store", "gateway", "integrations"];
/// Where the ports' own implementations are.
const PORT: &str = "crates/gateway/src/ports/time.rs";

/// Every place in the shipped code of the crates that `of` picks, `allowed` apart, that holds one of `patterns`.
fn breaches(of: impl Fn(&str) -> bool, allowed: &str, patterns: &[&str], remedy: &str) -> Vec<String> {
    let files = crates().iter().filter(|krate| of(&krate.name)).flat_map(|krate| &krate.files);
    let mut found = Vec::new();
    for file in files.filter(|file| file.ships() && file.path != allowed) {
        for pattern in patterns {
            found.extend(file.places(pattern).iter().map(|place| format!("{place}: {pattern}; {remedy}")));
        }
    }
    found
}

#[test]
fn time_comes_only_through_the_port() {
    let clocks = ["SystemTime::now", "Utc::now", "Local::now", "Instant::now", ".elapsed()"];
    let remedy = "take the instant as an argument, or ask ports::Clock";
    none(&breaches(|name| TIMELESS.contains(&name), PORT, &clocks, remedy));
}

#[test]
fn nothing_sleeps_but_the_clock() {
    let sleeps = ["time::sleep", "thread::sleep", "time::interval"];
    none(&breaches(|name| TIMELESS.contains(&name), PORT, &sleeps, "use ports::Clock::sleep_until"));
}

#[test]
fn chance_comes_only_through_the_port() {
    let sources = ["rand::rng(", "rand::random", "thread_rng", "from_os_rng", "from_entropy", "OsRng", "getrandom"];
    none(&breaches(|_| true, PORT, &sources, "ask ports::Random, or take a seed as an argument"));
}

#[test]
fn only_the_composition_root_reads_the_environment() {
    let reads = ["env::var", "env::vars", "env::set_var", "env::current_dir"];
    none(&breaches(|name| name != "wakeman", "", &reads, "read it in crates/wakeman and pass the value on"));
}

#[test]
fn only_the_composition_root_writes_to_the_standard_streams() {
    let prints = ["println!", "eprintln!", "print!(", "dbg!"];
    none(&breaches(|name| name != "wakeman", "", &prints, "return the text, or log it with tracing"));
}

#[test]
fn no_model_is_named() {
    let names =
        [concat!("gp", "t-"), concat!("clau", "de-"), concat!("gem", "ini"), concat!("lla", "ma"), concat!("qw", "en")];
    let mut found = Vec::new();
    for file in crates().iter().flat_map(|krate| &krate.files) {
        let text = file.text.to_lowercase();
        let named = names.iter().filter(|name| text.contains(**name));
        found.extend(named.map(|name| format!("{}: {name}; use an alias, the proxy knows the model", file.path)));
    }
    none(&found);
}

/// What it is asked is parsed and evaluated: a lab that knew a query, a proposal or a digest by its letters would prove nothing.
#[test]
fn the_lab_knows_no_query_by_its_letters() {
    let lab = crates().iter().find(|krate| krate.name == "lab").expect("there is a lab");
    let mut found = Vec::new();
    for file in lab.files.iter().filter(|file| file.ships()) {
        let evaluates = file.path.contains("/posthog/hogql/");
        let lines = file.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (index, line) in lines {
            let lower = line.to_lowercase();
            let query = evaluates && ["\"select ", "from events", "\"with "].iter().any(|part| lower.contains(part));
            let id = ["\"P-", "\"F-", "\"T-"]
                .iter()
                .any(|part| line.split(part).skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit())));
            let digest = line.split(|c: char| !c.is_ascii_hexdigit()).any(|word| word.len() == 64);
            if query || id || digest {
                found.push(format!(
                    "{}:{}: {}; answer what is asked, not what is known",
                    file.path,
                    index + 1,
                    line.trim()
                ));
            }
        }
    }
    none(&found);
}

#[test]
fn nothing_is_left_for_later() {
    let mut found = Vec::new();
    for file in crates().iter().flat_map(|krate| &krate.files) {
        for (pattern, remedy) in [
            ("todo!", "finish it or leave it out"),
            ("unimplemented!", "finish it or leave it out"),
            ("#[ignore", "mend the test or remove it"),
        ] {
            found.extend(file.places(pattern).iter().map(|place| format!("{place}: {pattern}; {remedy}")));
        }
    }
    none(&found);
}
