//! The conversation: through pipes, plain, and at a terminal, with its keys.

use std::{
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process;
use serde_json::json;

use crate::{
    asking::{at_home, wait},
    daemon::{Home, said},
    terminal::Terminal,
};

fn chat(home: &Home, lines: &str) -> Output {
    let mut command = home.command(&["chat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_chat_through_pipes_is_plain_and_goes_on_after_what_failed() {
    let (home, _lab) = at_home("bad-merge");
    let output = chat(&home, "whoami\nlist the recent commits\nfinding F-999\n/nonsense\n\n/new\n/stop\nstatus\n");
    let (out, err) = (String::from_utf8(output.stdout.clone()).unwrap(), said(&output));
    assert_eq!(output.status.code(), Some(0), "the input's end is an end: {err}");
    let at = |what: &str| out.find(what).unwrap_or_else(|| panic!("{what}: {out}\n{err}"));
    assert!(at("owner") < at("Rests on: GitHub"), "in the order of the lines: {out}");
    assert!(err.contains("F-999") && err.contains("nonsense") && err.contains("Nothing is being answered"), "{err}");
    let control = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    assert!(!control(&out) && !out.contains('›'), "{out:?}");
    assert!(!control(&err), "{err:?}");
    assert!(!home.instance().join("storage/chat-history").exists(), "what a script says is no history");
}

#[test]
fn quit_ends_a_chat_before_its_input_does() {
    let home = Home::new();
    let output = chat(&home, "/quit\nwhoami\n");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()), (Some(0), ""));
}

#[test]
fn an_interrupt_stops_the_answer_and_the_next_line_goes_on() {
    let (home, lab) = at_home("bad-merge");
    lab.order(&json!([{"match": "any", "text": "It fell by a lot. ".repeat(200), "delay_ms": 50}]));
    let mut command = home.command(&["chat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"why did it fall?\nwhoami\n").unwrap();
    let mut out = child.stdout.take().unwrap();
    // Nothing of an answer is in a pipe before it has ended.
    while wait(lab.client().model()).unwrap()["calls"] == 0 {
        std::thread::yield_now();
    }
    process::kill_process(process::Pid::from_child(&child), process::Signal::INT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let end = rest.find("Stopped").unwrap_or_else(|| panic!("{rest}"));
    assert!(rest[end..].contains("owner"), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The conversation at a terminal, ready for a line.
fn at_terminal(home: &Home) -> Terminal {
    let mut terminal = Terminal::run(home, &["chat"]);
    terminal.until("›");
    terminal
}

#[test]
fn keys_that_arrive_together_are_all_read_and_what_was_typed_is_kept_but_no_credential() {
    let home = Home::new();
    let mut terminal = at_terminal(&home);
    terminal.types("whoa\t\rthreads ghp_0123456789abcdefghijABCDEFGHIJ\r finding F-1\r/stop\r/quit\r");
    terminal.until("(owner)");
    terminal.until("Nothing is being answered");
    assert_eq!(terminal.ends(), Some(0));
    let path = home.instance().join("storage/chat-history");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "whoami\n/stop\n/quit\n", "and not what a space precedes");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_typed_stop_ends_the_answer_at_once_and_what_else_was_typed_has_its_turn() {
    let (home, lab) = at_home("bad-merge");
    lab.order(&json!([{"match": "any", "text": "It fell by a lot. ".repeat(2_000), "delay_ms": 50}]));
    let mut terminal = at_terminal(&home);
    terminal.types("why did it fall?\r");
    terminal.until("It fell by");
    terminal.types("whoami\r/stop\r");
    terminal.until("(Stopped here.)");
    terminal.until("(owner)");
    terminal.until("›");
    terminal.types("\u{4}");
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn a_pipe_gets_the_answer_and_nothing_that_was_taken_back() {
    let (home, lab) = at_home("bad-merge");
    lab.order(&json!([
        {"match": "any", "after_tools": false, "text": "Let me look. ", "tool_calls": [{"name": "findings", "arguments": {}}]},
        {"match": "any", "text": "Sign-ups fell."}
    ]));
    for output in [home.run(&["ask", "why did it fall?"]), chat(&home, "why did it fall?\n")] {
        let out = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(out.starts_with("Sign-ups fell.") && !out.contains("Let me look"), "{out}\n{}", said(&output));
    }
}

#[test]
fn a_card_comes_unasked_above_a_half_typed_line_and_is_answered_by_its_key() {
    let (home, lab) = at_home("bad-merge");
    wait(lab.client().advance("2026-01-22T10:20:00Z")).unwrap();
    let (daemon, _) = home.daemon();
    let mut terminal = at_terminal(&home);
    terminal.types("half a li");
    terminal.until("[a]pprove");
    terminal.until("half a li");
    let begun = Instant::now();
    while !terminal.shows("enter: Reject · P-1", Duration::from_millis(500)) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", terminal.shown());
        terminal.types("\u{15}r");
    }
    assert!(!terminal.shown().contains("\u{1b}[0m"), "NO_COLOR: {:?}", terminal.shown());
    assert_eq!(home.json(&["proposals", "--state", "pending"])[0]["id"], "P-1", "a key alone decides nothing");
    terminal.types("\r");
    terminal.until("Rejected by");
    assert_eq!(home.json(&["proposals"])[0]["state"], "rejected");
    assert!(!terminal.shows("Rejected by ada twice", Duration::from_secs(4)), "nobody says that");
    assert_eq!(terminal.shown().matches("Rejected by").count(), 1, "{}", terminal.shown());
    terminal.types("\u{3}");
    terminal.until("again leaves");
    // What is thrown away half typed is no wish to leave.
    for half in ["half a line", "another"] {
        terminal.types(half);
        terminal.until(half);
        terminal.types("\u{3}");
        terminal.until("›");
    }
    terminal.types("\u{3}");
    terminal.until("again leaves");
    terminal.until("›");
    terminal.types("\u{3}");
    assert_eq!(terminal.ends(), Some(130));
    assert_eq!(daemon.stop(), Some(0));
}
