//! What somebody meets who has just built it: the demo and `init` at a terminal, the commands that need nothing, every exit code.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

use serde_json::{Value, json};

use crate::{
    asking::Lab,
    daemon::{Home, Process, said},
    terminal::Terminal,
};

#[test]
fn a_person_approves_the_demos_card_with_one_key_and_sees_it_end_well() {
    let home = Home::bare();
    let mut terminal = Terminal::run(&home, &["demo", "--speed", "max", "--answer", "ask"]);
    terminal.until("Watching acme/app in the simulated scenario bad-merge: 6 hours");
    terminal.until("Sign-ups down");
    terminal.until("Likely cause");
    terminal.until("Revert #482");
    terminal.until("[a]pprove");
    terminal.types("d");
    terminal.until("digest");
    terminal.until("[a]pprove");
    terminal.types("a");
    terminal.until("Approved by you");
    terminal.until("recovered");
    terminal.until("The scenario bad-merge is over.");
    terminal.until("repaired and verified");
    terminal.until("made to the outside");
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn a_person_says_no_and_the_demo_changes_nothing() {
    let home = Home::bare();
    let mut terminal = Terminal::run(&home, &["demo", "--speed", "max"]);
    terminal.until("[a]pprove");
    terminal.types("r");
    terminal.until("repair proposed, not run");
    terminal.until("0 changes made to the outside");
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn init_asks_for_what_is_missing_tries_it_and_offers_what_can_be_watched() {
    let mut home = Home::bare();
    // Today, because the clocks are compared too.
    let start = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let start = wakeman_lab::time::rfc3339(i64::try_from(start).unwrap());
    let scenario = home.folder().join("today.toml");
    let text = format!(
        "[scenario]\nname = \"today\"\nseed = 1\nstart = \"{start}\"\nhours = 1\nwarmup_hours = 48\n\
         [[metric]]\nname = \"Orders\"\nkind = \"count\"\nevent = \"order_placed\"\nlevel = 60\n"
    );
    std::fs::write(&scenario, text).unwrap();
    let lab = Lab::serve(&home, scenario.to_str().unwrap());
    home.env.push(("GITHUB_API_URL".to_owned(), lab.service("github")));
    let mut terminal = Terminal::run(&home, &["init"]);
    let posthog = lab.service("posthog");
    for (question, answer) in [
        ("PostHog personal API key", "phx_typed"),
        ("PostHog project id", "1"),
        ("GitHub token", "ghp_typed"),
        ("PostHog address", posthog.as_str()),
        ("GitHub repository", "acme/app"),
        ("Watch them all? (y/n)", "y"),
    ] {
        terminal.until(question);
        terminal.types(&format!("{answer}\n"));
    }
    terminal.until("✓ PostHog");
    terminal.until("✓ GitHub");
    terminal.until("Next: `wakeman doctor` checks everything");
    assert_eq!(terminal.ends(), Some(0));
    let kept = home.instance().join(".env");
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(kept).unwrap();
    assert!(text.contains("POSTHOG_API_KEY=phx_typed\n") && text.contains("GITHUB_TOKEN=ghp_typed\n"), "{text}");
    let settings = std::fs::read_to_string(home.instance().join("read-only/settings.json")).unwrap();
    let settings: Value = serde_json::from_str(&settings).unwrap();
    assert_eq!(settings["github"]["repository"], "acme/app");
    assert!(settings["posthog"].to_string().contains("order_placed"), "{settings:#}");
    let again = home.run(&["run", "--once"]);
    assert!(again.status.success(), "what was asked for is enough: {}", said(&again));
}

#[test]
fn prompts_wakeups_and_completions_answer_as_commands() {
    let home = Home::new();
    let prompts = home.json(&["prompts", "list"]);
    let chat = prompts.as_array().unwrap().iter().find(|one| one["id"] == "chat").unwrap();
    assert_eq!((&chat["version"], &chat["origin"]), (&json!("v1"), &json!("shipped")), "{chat:#}");
    let shown = home.run(&["prompts", "show", "chat/v1"]);
    assert!(shown.status.success() && shown.stdout.len() > 200, "{}", said(&shown));
    assert!(home.run(&["prompts", "check"]).status.success());
    let own = home.instance().join("read-only/prompts/chat");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("v9.md"), "no front matter\n").unwrap();
    let wrong = home.run(&["prompts", "check"]);
    assert_ne!(wrong.status.code(), Some(0));
    let told = format!("{}{}", said(&wrong), String::from_utf8_lossy(&wrong.stdout));
    assert!(told.contains("chat/v9.md"), "{told}");
    std::fs::remove_dir_all(own).unwrap();

    assert_eq!(home.run(&["wakeups"]).status.code(), Some(0));
    let added = home.run(&["wakeups", "add", "weekdays 09:00 Europe/Berlin", "morning-brief"]);
    assert!(added.status.success(), "{}", said(&added));
    let wakeups = home.json(&["wakeups"]);
    assert!(wakeups.to_string().contains("morning-brief"), "{wakeups:#}");
    assert_eq!(home.json(&["wakeups", "history"]), json!([]));

    let script = home.run(&["completions", "bash"]);
    let script = String::from_utf8(script.stdout).unwrap();
    assert!(script.contains("complete -F") && script.contains("wakeman"), "a script that bash reads");
    assert!(["approve", "findings", "wakeups", "backtest"].iter().all(|verb| script.contains(verb)));
}

#[test]
fn a_source_that_does_not_answer_ends_one_look_with_4() {
    let mut home = Home::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (name, value) in [
        ("POSTHOG_HOST", format!("http://{nobody}")),
        ("POSTHOG_API_KEY", "phx_test".to_owned()),
        ("POSTHOG_PROJECT_ID", "1".to_owned()),
    ] {
        home.env.push((name.to_owned(), value));
    }
    home.write("read-only/settings.json", r#"{"posthog": {"events": ["signed_up"]}}"#);
    let look = home.run(&["run", "--once"]);
    assert_eq!(look.status.code(), Some(4), "{}", said(&look));
    assert!(said(&look).contains("posthog"), "{}", said(&look));
}

#[test]
fn an_interrupted_demo_ends_with_130() {
    let home = Home::bare();
    let mut command = home.command(&["demo", "--speed", "60", "--answer", "reject"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.contains("Watching acme/app"), "{line}");
    let mut process = Process(child);
    let pid = rustix::process::Pid::from_child(&process.0);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(process.0.wait().unwrap().code(), Some(130));
}

#[test]
fn what_takes_longer_than_a_second_says_so_at_a_terminal() {
    let mut home = Home::new();
    // It takes connections and never answers.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for (name, value) in [
        ("POSTHOG_HOST", format!("http://{}", mute.local_addr().unwrap())),
        ("POSTHOG_API_KEY", "phx_test".to_owned()),
        ("POSTHOG_PROJECT_ID", "1".to_owned()),
    ] {
        home.env.push((name.to_owned(), value));
    }
    home.write("read-only/settings.json", r#"{"posthog": {"events": ["signed_up"]}}"#);
    for (args, label) in [
        (&["run", "--once"][..], "looking once 1 s"),
        (&["init", "--yes"], "trying what is set up 1 s"),
        (&["doctor"], "checking 1 s"),
    ] {
        // Its end takes as long as an adapter waits, and is not waited for.
        Terminal::run(&home, args).until(label);
    }
}
