//! No credential gets out: not into a log, not into the journal, not into what is exported, whatever fails and whoever repeats it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use wakeman_store::{LANE, Options, Seq, Store};

use crate::{
    asking::{at_home, wait},
    daemon::{Home, Process, said},
};

/// The instance's own, by the variable that holds each. The last is a credential for nothing.
const OWN: [(&str, &str); 8] = [
    ("POSTHOG_API_KEY", "phx_canary0A1b2C3d4E5f6G7h"),
    ("GITHUB_TOKEN", "ghp_canary1B2c3D4e5F6g7H8i9J0k"),
    ("VERCEL_TOKEN", "canary-vercel-2C3d4E5f6G"),
    ("LITELLM_MASTER_KEY", "sk-canary3D4e5F6g7H8i9J0kLm"),
    ("TELEGRAM_BOT_TOKEN", "77:canary_telegram4E5f6G7h"),
    ("DISCORD_BOT_TOKEN", "canary.discord5F6g.7H8i9J0k"),
    ("WAKEMAN_API_TOKEN", "canary-api-6G7h8I9j0KlMnOpQrStUvWxYz"),
    ("WAKEMAN_CANARIES", "canary-planted-7H8i9J0kLm"),
];
/// Somebody else's, in words from outside.
const FOREIGN: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
/// Looks at the daemon before it is given up.
const LOOKS_MAX: usize = 2_000;

fn all() -> String {
    let own: Vec<&str> = OWN.iter().map(|(_, secret)| *secret).collect();
    format!("{} {FOREIGN}", own.join(" "))
}

/// A red default branch, an error, and a merge whose title gives everything away.
fn scenario() -> String {
    format!(
        r#"
[scenario]
name = "leaky"
seed = 1
start = "2026-01-15T09:00:00Z"
hours = 6
step_minutes = 60
warmup_hours = 2

[[metric]]
name = "Sign-ups"
kind = "count"
event = "signed_up"
level = 26
noise = "poisson"

[[change]]
id = "signup-form"
at = -1.8
kind = "merge"
title = "signup {secrets}"
author = "lin"
files = ["web/signup/form.ts"]
pr = 482

[[incident]]
id = "red"
at = -1.5
duration_hours = 20
metric = "Sign-ups"
effect = "ci_red"
magnitude = 1
cause = "signup-form"
"#,
        secrets = all()
    )
}

/// The daemon with everything it logs.
fn daemon(home: &Home) -> (Process, Arc<Mutex<String>>) {
    let mut command = home.command(&["-vv", "run", "--frontends", "telegram,discord,api", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let (process, logs) = (Process(child), Arc::<Mutex<String>>::default());
    let mut line = String::new();
    while !line.starts_with("listening on ") {
        line.clear();
        assert!(errors.read_line(&mut line).unwrap() > 0, "it ended before it listened: {}", logs.lock().unwrap());
        logs.lock().unwrap().push_str(&line);
    }
    let kept = Arc::clone(&logs);
    std::thread::spawn(move || {
        for line in errors.lines().map_while(Result::ok) {
            kept.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    (process, logs)
}

/// The first proposal that waits.
fn proposed(home: &Home) -> Value {
    for _ in 0..LOOKS_MAX {
        if let Some(first) = home.json(&["proposals", "--state", "pending"]).as_array().unwrap().first() {
            return first.clone();
        }
    }
    panic!("nothing was proposed");
}

/// Every file below a folder, with its text.
fn texts(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts(&path, into);
        } else if !path.to_string_lossy().contains("wakeman.db") {
            let bytes = std::fs::read(&path).unwrap_or_default();
            into.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

fn journal(home: &Home) -> String {
    let database = home.instance().join("storage/wakeman.db");
    wait(async {
        let store = Store::open(&database, Options::default()).await.unwrap();
        let mut text = String::new();
        let mut from = Seq(1);
        loop {
            let entries = store.journal(LANE, from, 500).await.unwrap();
            let Some(last) = entries.last() else { break };
            from = Seq(last.seq.0 + 1);
            for entry in &entries {
                text += &format!("{} {} {} {:?}\n", entry.event_type, entry.actor, entry.subject, entry.payload);
            }
        }
        store.close().await;
        text
    })
}

#[test]
fn no_credential_is_in_a_log_in_the_journal_or_in_what_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("leaky.toml");
    std::fs::write(&file, scenario()).unwrap();
    let (mut home, lab) = at_home(file.to_str().unwrap());
    home.env.extend(OWN.map(|(name, secret)| (name.to_owned(), secret.to_owned())));
    // Nobody listens there: every call of theirs fails, and is logged.
    for name in ["TELEGRAM_API_URL", "DISCORD_API_URL", "VERCEL_API_URL"] {
        home.env.push((name.to_owned(), "http://127.0.0.1:9".to_owned()));
    }
    let order = |service: &str, path: &str, mode: &str, times: u32| {
        let order = json!({"service": service, "match": path, "mode": mode, "times": times});
        wait(lab.client().fault(&serde_json::from_value(order).unwrap())).unwrap();
    };
    lab.order(&json!([{"match": "any", "text": format!("It says {}", all())}]));
    order("github", "GET .*", "not_applied", 1);
    let (process, logs) = daemon(&home);
    let card = proposed(&home);
    let (id, digest) = (card["id"].as_str().unwrap(), card["digest"].as_str().unwrap());
    let _ = home.run(&["ask", &format!("what about {}", all())]);
    let _ = home.run(&["halt", &all()]);
    let _ = home.run(&["resume"]);
    order("github", "POST .*", "reply_lost", 1);
    let approved = home.run(&["approve", id, "--digest", digest]);
    assert!(approved.status.success(), "{}", said(&approved));
    let _ = home.run(&["reject", id, "--reason", &all()]);
    assert_eq!(process.stop(), Some(0));

    let out = folder.path().join("exported");
    home.json(&["export", "--out", out.to_str().unwrap()]);
    let mut found = vec![("stderr".to_owned(), logs.lock().unwrap().clone()), ("journal".to_owned(), journal(&home))];
    let story = home.run(&["audit", "export", "--proposal", id, "--json"]);
    found.push(("audit export".to_owned(), String::from_utf8_lossy(&story.stdout).into_owned()));
    for folder in [home.instance().join("storage"), out] {
        texts(&folder, &mut found);
    }
    let named = |part: &str| found.iter().any(|(name, text)| name.contains(part) && !text.is_empty());
    for part in ["stderr", "journal", "audit export", "storage/sessions", "storage/conversations", "exported"] {
        assert!(named(part), "{part} is missing, so nothing is shown of it");
    }
    assert!(logs.lock().unwrap().contains("watch.no_answer"), "{}", logs.lock().unwrap());
    for secret in OWN.iter().map(|(_, secret)| *secret).chain([FOREIGN]) {
        for (name, text) in &found {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in {name}");
        }
    }
}
