//! A damaged database: everything that reads still answers, nothing is written, and the way out is said.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use crate::daemon::{Home, said};

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
    assert!(status.contains("mkdir -p") && status.contains(".recover"), "{status}");
    let (doctor, _) = told(&home, &["doctor"], 1);
    assert!(doctor.contains("✗ database") && doctor.contains("2. keep what there is: mkdir -p"), "{doctor}");
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
