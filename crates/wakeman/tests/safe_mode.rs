//! A damaged database: everything that reads still answers, nothing is written, and the way out is said.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

use serde_json::json;
use wakeman_store::{Commit, Options, Store};
use wakeman_types::Timestamp;

use crate::{
    asking::wait,
    daemon::{Home, said},
};

/// The first 16 KB, as another program's writing leaves them.
fn damaged(home: &Home) -> Vec<u8> {
    assert!(home.run(&["findings"]).status.success());
    let file = home.instance().join("storage/wakeman.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[..16 << 10].fill(0xA5);
    fs::write(&file, &bytes).unwrap();
    bytes
}

fn told(home: &Home, args: &[&str], code: i32) -> (String, String) {
    let output = home.run(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
    (String::from_utf8_lossy(&output.stdout).into_owned(), said(&output))
}

#[test]
fn verbs_read_a_damaged_database_and_say_how_to_restore_it() {
    let home = Home::new();
    let bytes = damaged(&home);
    let (status, _) = told(&home, &["status"], 0);
    assert!(status.starts_with("Safe mode: ") && status.contains("wakeman.db is damaged"), "{status}");
    assert!(status.contains("unknown") && !status.contains("0 open"), "{status}");
    assert!(status.contains("mkdir -m 700") && status.contains(".recover"), "{status}");
    let (doctor, _) = told(&home, &["doctor"], 1);
    assert!(doctor.contains("✗ database") && doctor.contains("2. keep what there is: mkdir -m 700"), "{doctor}");
    for verb in [&["findings"][..], &["halt"], &["run", "--once"]] {
        let (_, errors) = told(&home, verb, 1);
        assert!(errors.contains("safe mode: ") || errors.contains("it is only read"), "{verb:?}: {errors}");
        assert!(errors.contains("is damaged"), "{verb:?}: {errors}");
    }
    let file = home.instance().join("storage/wakeman.db");
    assert!(fs::read(&file).unwrap() == bytes, "the damaged file was changed");
}

#[test]
fn a_daemon_over_a_damaged_database_starts_answers_and_writes_nothing() {
    let home = Home::new();
    let bytes = damaged(&home);
    let (daemon, address) = home.daemon();
    let status = home.json(&["status"]);
    assert_eq!(status["safe_mode"]["unread"], true, "{status}");
    assert!(status["safe_mode"]["steps"].as_array().unwrap().len() > 2);
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("damaged"), "{answer}");
    let (doctor, _) = told(&home, &["doctor"], 1);
    assert!(doctor.contains("✗ database") && doctor.contains("the daemon only reads it"), "{doctor}");
    assert_eq!(daemon.stop(), Some(0));
    assert!(fs::read(home.instance().join("storage/wakeman.db")).unwrap() == bytes, "the damaged file was changed");
}

#[test]
fn doctor_reads_all_of_a_large_database_and_names_damage_that_no_start_looks_for() {
    let home = Home::new();
    let (sound, _) = told(&home, &["doctor"], 1);
    assert!(sound.contains("✓ database: whole; the journal is intact, "), "{sound}");
    let file = home.instance().join("storage/wakeman.db");
    wait(async {
        let store = Store::open(&file, Options::default()).await.unwrap();
        let filler = json!("x".repeat(100_000));
        let names = (0..100).map(|n| format!("filler-{n}"));
        let filled = names.fold(Commit::new(Timestamp::from_ms(1)), |c, name| c.checkpoint(name, filler.clone()));
        drop(store.commit(filled).await.unwrap());
        store.close().await;
    });
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(&file, &bytes).unwrap();
    told(&home, &["findings"], 0);
    let (alone, _) = told(&home, &["doctor"], 1);
    assert!(alone.contains("✗ database") && alone.contains("2. keep what there is: mkdir -m 700"), "{alone}");
    let (daemon, _) = home.daemon();
    let (beside, _) = told(&home, &["doctor"], 1);
    assert!(beside.contains("✓ daemon: running") && beside.contains("✗ database"), "{beside}");
    assert_eq!(daemon.stop(), Some(0));
}

/// The command of the step that begins so, done as an operator would.
fn follow(steps: &serde_json::Value, step: &str, backup: &std::path::Path) {
    let steps: Vec<&str> = steps.as_array().unwrap().iter().filter_map(|step| step.as_str()).collect();
    let line = steps.iter().find(|line| line.starts_with(step)).unwrap_or_else(|| panic!("{step}: {steps:?}"));
    let command = line.split_once(": ").unwrap().1.replace("BACKUP", &backup.display().to_string());
    let done = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(done.status.success(), "{command}: {}", said(&done));
}

/// A daemon's run that leaves a signed entry in the journal.
fn signed_run(home: &Home, mode: &str) {
    let (daemon, _) = home.daemon();
    home.json(&["mode", mode]);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_database_that_is_gone_or_empty_is_damage_and_the_steps_lead_back_to_one() {
    let home = Home::new();
    signed_run(&home, "observe");
    let (file, backup) = (home.instance().join("storage/wakeman.db"), home.folder().join("backup.db"));
    fs::copy(&file, &backup).unwrap();
    signed_run(&home, "propose");
    let snapshot = home.instance().join("storage/state/findings.json");
    fs::write(&snapshot, "[\"as it was\"]").unwrap();
    for (what, said) in
        [("empty", "is empty, and what was in it is gone"), ("gone", "is missing, and this instance had one")]
    {
        match what {
            "empty" => fs::write(&file, b"").unwrap(),
            _ => fs::remove_file(&file).unwrap(),
        }
        let (status, _) = told(&home, &["status"], 0);
        let words = status.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.starts_with("Safe mode: ") && words.contains(said) && !words.contains("0 open"), "{status}");
        let (doctor, _) = told(&home, &["doctor"], 1);
        assert!(doctor.contains("✗ database") && doctor.contains(said) && doctor.contains("begin anew"), "{doctor}");
        for verb in [&["findings"][..], &["run", "--once"], &["audit", "verify"]] {
            told(&home, verb, 1);
        }
        assert_eq!(fs::metadata(&file).ok().map(|meta| meta.len()), (what == "empty").then_some(0), "{what}: written");
        assert_eq!(fs::read_to_string(&snapshot).unwrap(), "[\"as it was\"]", "{what}");
    }
    let steps = home.json(&["status"])["safe_mode"]["steps"].clone();
    // Put in its place without the steps: what was signed after it is missed, as `audit verify` does.
    fs::copy(&backup, &file).unwrap();
    let (older, _) = told(&home, &["doctor"], 1);
    assert!(older.contains("✗ database: journal entry") && older.contains("put aside what was signed"), "{older}");
    follow(&steps, "keep what there is", &backup);
    follow(&steps, "with a backup", &backup);
    let (restored, _) = told(&home, &["doctor"], 1);
    assert!(restored.contains("✓ database: whole; the journal is intact, "), "{restored}");
    assert_eq!(home.json(&["status"])["mode"], "observe");
    signed_run(&home, "propose");
    fs::remove_file(&file).unwrap();
    let steps = home.json(&["status"])["safe_mode"]["steps"].clone();
    follow(&steps, "keep what there is", &backup);
    follow(&steps, "with neither, begin anew", &backup);
    signed_run(&home, "observe");
    let (anew, _) = told(&home, &["doctor"], 1);
    assert!(anew.contains("✓ database: whole; the journal is intact, "), "{anew}");
}
