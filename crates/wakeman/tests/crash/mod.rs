//! The crash matrix: the real program is killed at every labelled boundary of approving and running a proposal, with the remote's call
//! not applied, applied, applied with the reply lost, late and never answered; after restarts I1–I5 hold, counted from the lab's effects.
//!
//! `cargo test` runs a seeded sample; `WAKEMAN_CRASH_MATRIX=all` every case, `WAKEMAN_CRASH_MATRIX=proposal.shown` those of
//! one boundary. A case is run from outside with `WAKEMAN_CRASH_AT`.

pub mod case;
mod checked;
mod drawn;
mod hook;
mod lab;
mod own;
mod watched;
mod world;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use case::{Case, OUTCOMES};
use world::{ROWS, Row};

/// How many of them `cargo test` runs.
const SAMPLE: usize = 200;
/// Cases at the same time: most of a case is waiting.
const ABREAST: usize = 8;

/// The boundaries between a card and its end; turns have a matrix of their own.
fn of_acting(label: &str) -> bool {
    ["proposal.", "call.", "reconcile.", "outbox."].iter().any(|area| label.starts_with(area))
}

/// Whether a case of this row gets there. Only a plan that is approved step by step waits between its steps; a card of a revert says
/// once it is drawn by which way, so one row shows it for both.
fn gets_there(row: &Row, label: &str) -> bool {
    (row.stepwise || !label.starts_with("proposal.paused")) && (row.drawn || !label.starts_with(drawn::LABEL))
}

fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for row in &ROWS {
        let there = |label: &&&str| of_acting(label) && gets_there(row, label);
        for label in wakeman_store::crash::LABELS.iter().filter(there) {
            let again = ["proposal.intent", "proposal.waiting", "call", "reconcile", "outbox"];
            let often = row.twice && again.iter().any(|often| label.starts_with(often));
            let passes = if often { 2 } else { 1 };
            for nth in 1..=passes {
                for outcome in OUTCOMES {
                    cases.push(Case { row, label, nth, outcome });
                }
            }
        }
    }
    cases
}

/// Every so many-th case, beginning where the seed says, so that a sample goes through all labels and outcomes.
fn sample(cases: Vec<Case>) -> Vec<Case> {
    // A step that shares no factor with the number of cases visits each once before any twice.
    let step = (cases.len() / SAMPLE..).find(|step| gcd(*step, cases.len()) == 1).unwrap();
    (0..SAMPLE.min(cases.len())).map(|n| cases[(n * step + 7) % cases.len()].clone()).collect()
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[test]
fn after_a_kill_at_any_boundary_every_step_took_effect_at_most_once() {
    let cases = match std::env::var("WAKEMAN_CRASH_MATRIX").as_deref() {
        Ok("all") => all(),
        Ok(label) => all().into_iter().filter(|case| case.label.starts_with(label)).collect(),
        Err(_) => sample(all()),
    };
    let (next, killed, failures) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let kit = case::Kit::new();
    std::thread::scope(|scope| {
        for _ in 0..ABREAST {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match std::panic::catch_unwind(|| case.run(&kit)) {
                        Ok(died) => drop(killed.fetch_add(usize::from(died), Ordering::Relaxed)),
                        Err(_) => failures.lock().unwrap().push(case.clone()),
                    }
                }
            });
        }
    });
    let (killed, failures) = (killed.into_inner(), failures.into_inner().unwrap());
    println!("crash matrix: {} cases run, killed at their label in {killed}, {} failed", cases.len(), failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
    // Not every boundary is reached with every outcome: a call that is done at once is never asked about.
    assert!(killed * 4 > cases.len(), "too few cases reached their label: {killed} of {}", cases.len());
}

#[test]
fn a_crash_label_that_is_none_is_refused_and_the_list_is_printed() {
    let run = |args: &[&str], at: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wakeman"));
        command.args(args).env_clear().envs(at.map(|at| ("WAKEMAN_CRASH_AT", at))).output().unwrap()
    };
    let wrong = run(&["schema"], Some("nowhere"));
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("\"nowhere\" is no boundary"));
    let listed = run(&["schema", "crash-labels"], None);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().collect::<Vec<_>>(), wakeman_store::crash::LABELS);
}
