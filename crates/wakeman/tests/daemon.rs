//! The daemon and the verbs, as an operator meets them: processes, exit codes, the socket, the files.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};

/// What a file holds, its mode and its modification time.
type Kept = (Vec<u8>, u32, std::time::SystemTime);

/// A root directory with one instance, and the environment the commands see.
pub struct Home {
    folder: tempfile::TempDir,
    pub env: Vec<(String, String)>,
}

/// A process that is ended with the test.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Asks it to end and waits; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Home {
    /// A root directory in which there is nothing yet.
    pub fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    pub fn new() -> Self {
        let home = Self::bare();
        let made = home.run(&["init", "--yes"]);
        assert!(made.status.success(), "{}", said(&made));
        home
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wakeman"));
        command.args(args).env_clear().env("WAKEMAN_ROOT", self.folder.path()).env("NO_COLOR", "1");
        command.envs(self.env.iter().map(|(k, v)| (k, v))).stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Where everything of it is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn instance(&self) -> PathBuf {
        self.folder.path().join("instances/default")
    }

    /// Every file that people write.
    pub fn read_only(&self) -> Vec<(PathBuf, Kept)> {
        let folder = std::fs::read_dir(self.instance().join("read-only")).unwrap();
        let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let kept = |path: PathBuf| {
            let about = path.metadata().unwrap();
            let bytes = if about.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            (path, (bytes, about.permissions().mode(), about.modified().unwrap()))
        };
        files.into_iter().map(kept).collect()
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.instance().join(file), text).unwrap();
    }

    /// Starts the daemon and waits for the line that says where it listens.
    pub fn daemon(&self) -> (Process, String) {
        self.daemon_with(&[])
    }

    /// The same with more options.
    pub fn daemon_with(&self, more: &[&str]) -> (Process, String) {
        let mut child = self
            .command(&[&["run", "--listen", "127.0.0.1:0"], more].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let process = Process(child);
        for line in errors.lines() {
            let line = line.unwrap();
            if let Some(address) = line.strip_prefix("listening on ") {
                return (process, address.to_owned());
            }
        }
        panic!("the daemon ended before it listened");
    }
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_daemon_without_credentials_starts_says_so_and_ends_cleanly() {
    let home = Home::new();
    let (daemon, _) = home.daemon();
    let status = home.json(&["status"]);
    let components = status["components"].as_array().unwrap();
    for name in ["github", "posthog", "vercel"] {
        let one = components.iter().find(|component| component["name"] == name).unwrap();
        assert_eq!((&one["configured"], &one["ok"]), (&json!(false), &json!(true)), "{one}");
    }
    assert_eq!(home.json(&["findings"]), json!([]));
    assert_eq!(home.json(&["proposals", "--state", "pending"]), json!([]));
    assert_eq!(home.json(&["threads"]), json!([]));
    assert_eq!(home.json(&["whoami"])["identity"]["role"], "owner");
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(home.json(&["status"])["open_findings"], 0, "embedded when none runs");
}

#[test]
fn the_daemon_never_writes_into_read_only() {
    let home = Home::new();
    let before = home.read_only();
    assert!(before.len() >= 3, "{before:?}");
    let (daemon, _) = home.daemon();
    home.json(&["status"]);
    home.json(&["findings"]);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(home.read_only(), before);
}

#[test]
fn every_way_to_end_has_its_exit_code() {
    let home = Home::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = free.local_addr().unwrap().to_string();
    for (args, env, code) in [
        (vec!["--version"], None, 0),
        (vec!["--help"], None, 0),
        (vec!["findings"], None, 0),
        (vec!["run", "--once"], None, 0),
        (vec!["schema", "settings"], None, 0),
        (vec!["finding", "F-1"], None, 1),
        (vec!["run", "--listen", taken.as_str()], None, 2),
        (vec![], None, 2),
        (vec!["no-such-verb"], None, 2),
        (vec!["finding"], None, 2),
        (vec!["demo"], None, 2),
        (vec!["demo", "--scenario", "no-such-file", "--answer", "approve"], None, 2),
        (vec!["demo", "--lab", "nonsense", "--answer", "approve"], None, 2),
        (vec!["backtest", "rank", "x.csv", "--policy", "linucb-v1", "--rows", "0"], None, 2),
        (vec!["ask", "/findings"], None, 0),
        (vec!["ask", "/nothing"], None, 2),
        (vec!["findings"], Some(("DATABASE_URL", "postgres://x")), 2),
        (vec!["run", "--once"], Some(("POSTHOG_HOST", "no address")), 2),
    ] {
        let mut command = home.command(&args);
        let output = command.envs(env).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?} {env:?}: {}", said(&output));
    }
}

#[test]
fn a_second_daemon_on_one_instance_refuses_and_names_the_first() {
    let home = Home::new();
    let (daemon, _) = home.daemon();
    let second = home.run(&["run", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains("another wakeman runs on this instance"), "{}", said(&second));
    drop(daemon);
}

#[test]
fn commands_wait_for_each_other_where_no_daemon_runs() {
    let home = Home::new();
    let all: Vec<Child> = (0..6)
        .map(|_| home.command(&["whoami"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for one in all {
        let ended = one.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", said(&ended));
    }
}

#[test]
fn verbs_name_what_is_not_there_and_what_is_no_id() {
    let home = Home::new();
    for (args, code, words) in [
        (vec!["finding", "F-1"], 1, "there is no finding F-1"),
        (vec!["why", "F-1"], 1, "there is no finding F-1"),
        (vec!["ack", "F-1"], 1, "there is no finding F-1"),
        (vec!["approve", "P-1", "--digest", "0123456789ab"], 1, "there is no proposal P-1"),
        (vec!["finding", "P-1"], 2, "is not a finding id"),
        (vec!["snooze", "F-1", "soon"], 2, "soon"),
        (vec!["findings", "--state", "lost"], 2, "lost"),
        (vec!["schema", "nothing"], 2, "schema"),
        (vec!["run", "--frontends", "telegram"], 2, "telegram"),
        (vec!["run", "--frontends", "mail"], 2, "there is telegram, discord, api"),
        (vec!["run", "--apart", "api"], 2, "HTTP is served by `wakeman run` itself; there is telegram, discord"),
        (vec!["frontend", "api"], 2, "HTTP is served by `wakeman run` itself; there is telegram, discord"),
    ] {
        let output = home.run(&args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
    }
}

#[test]
fn a_wrong_setting_stops_the_start_and_an_unknown_one_is_only_named() {
    let home = Home::new();
    home.write("read-only/settings.json", r#"{"monitor": {"intervallMs": 60000}}"#);
    let odd = home.run(&["status"]);
    assert!(odd.status.success());
    assert!(said(&odd).contains("monitor.intervallMs is not a setting; did you mean monitor.intervalMs?"));
    home.write("read-only/settings.json", r#"{"monitor": {"intervalMs": "often"}}"#);
    for args in [vec!["run", "--once"], vec!["status"]] {
        let output = home.run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(said(&output).contains("`monitor.intervalMs`"), "{}", said(&output));
    }
}

#[test]
fn a_verb_without_a_daemon_leaves_the_status_as_the_watch_wrote_it_and_knows_when_a_source_last_answered() {
    let mut home = Home::new();
    let set = [("GITHUB_TOKEN", "x"), ("GITHUB_API_URL", "http://127.0.0.1:1")];
    home.env.extend(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
    home.write("read-only/settings.json", r#"{"github": {"repository": "acme/app"}}"#);
    let told = |words: &str| {
        let output = home.run(&["status"]);
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(line.contains(words), "{line}");
    };
    told("GitHub not asked yet");
    // An hour and a half ago, by the status of a daemon.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let github =
        json!({"name": "github", "configured": true, "ok": true, "last_success": now - 5_400_000, "detail": ""});
    let status = json!({"components": [github]}).to_string();
    home.write("storage/state/status.json", &status);
    told("GitHub last ok 1 h 30 min ago");
    assert!(home.run(&["halt"]).status.success());
    assert_eq!(std::fs::read_to_string(home.instance().join("storage/state/status.json")).unwrap(), status);
    // A look that fails says when it last did not.
    let output = home.run(&["run", "--once"]);
    assert!(said(&output).contains("github: "), "{}", said(&output));
    told("GitHub last ok 1 h 30 min ago");
}

#[test]
fn a_calendar_that_cannot_be_read_is_shown_and_fails_no_look() {
    let home = Home::new();
    let operator = json!({"id": "ada", "role": "owner", "principals": ["telegram:1"], "holidays": ["missing.ics"]});
    home.write("read-only/settings.json", &json!({"operators": [operator]}).to_string());
    let output = home.run(&["run", "--once"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("calendars to look at, never ok (read-only/missing.ics: not there"), "{words}");
}

#[test]
fn a_secret_that_others_can_read_stops_the_start() {
    let home = Home::new();
    home.write(".env", "GITHUB_TOKEN=x\n");
    std::fs::set_permissions(home.instance().join(".env"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = home.run(&["run", "--once"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("chmod 600"), "{}", said(&output));
}

#[test]
fn a_name_kept_for_later_is_refused_today() {
    let mut home = Home::new();
    home.env.push(("DATABASE_URL".to_owned(), "postgres://x".to_owned()));
    let output = home.run(&["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("not supported by this version"));
}

#[test]
fn a_damaged_database_is_named_and_kept() {
    let home = Home::new();
    let database = home.instance().join("storage/wakeman.db");
    std::fs::write(&database, b"this is no database, and never was one; it is long enough to be read as one").unwrap();
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o600)).unwrap();
    let before = std::fs::read(&database).unwrap();
    let output = home.run(&["run", "--once"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("wakeman.db"), "{}", said(&output));
    assert_eq!(std::fs::read(&database).unwrap(), before);
}

#[test]
fn another_instance_is_taken_over_with_everything_accounted_for() {
    let home = Home::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/tests/fixtures/instance-sample");
    let report = home.json(&["init", "--yes", "--from", sample.to_str().unwrap()]);
    let taken = &report["takeover"];
    assert_eq!((&taken["threads"], &taken["messages"], &taken["notes"]), (&json!(2), &json!(4), &json!(1)));
    assert_eq!(taken["wakeups"].as_array().unwrap().len(), 2);
    assert_eq!(taken["unreadable"].as_array().unwrap().len(), 1, "the torn line is told");
    let threads = home.json(&["threads"]);
    let ids: Vec<&str> = threads.as_array().unwrap().iter().map(|t| t["threadId"].as_str().unwrap()).collect();
    assert!(ids.contains(&"thread_7f00") && ids.contains(&"thread_9a11"), "{ids:?}");
    let exported = home.folder.path().join("exported");
    home.json(&["export", "--out", exported.to_str().unwrap()]);
    let live = home.instance().join("storage/conversations");
    for folder in std::fs::read_dir(&live).unwrap() {
        let folder = folder.unwrap().file_name();
        for file in ["chat.jsonl", "notes.jsonl"] {
            let read = |root: &Path| std::fs::read(root.join(&folder).join(file)).unwrap();
            assert_eq!(read(&live), read(&exported.join("conversations")), "{folder:?}/{file}");
        }
    }
}

#[test]
fn doctor_says_the_remedy_of_each_failed_line() {
    let home = Home::new();
    let output = home.run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1), "nothing is configured");
    let lines: Value = serde_json::from_slice(&output.stdout).unwrap();
    for line in lines.as_array().unwrap() {
        assert_eq!(line["ok"] == false, line["remedy"].is_string(), "{line}");
    }
}

/// A lab as its own process; its address.
fn served_lab(home: &Home, scenario: &str) -> (Process, String) {
    let mut child =
        home.command(&["lab", "serve", "--scenario", scenario, "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    (Process(child), said["url"].as_str().unwrap().to_owned())
}

#[test]
fn the_scenario_of_a_lab_that_is_served_elsewhere_counts() {
    let home = Home::new();
    let (_lab, url) = served_lab(&home, "flag-rollback");
    let other = home.run(&["demo", "--lab", &url, "--scenario", "quiet", "--answer", "approve", "--json"]);
    assert_eq!(other.status.code(), Some(2), "{}", said(&other));
}

#[test]
fn one_look_at_a_served_lab_reads_both_sources() {
    let mut home = Home::new();
    let (_lab, url) = served_lab(&home, "bad-merge");
    for (name, value) in [
        ("POSTHOG_HOST", format!("{url}/posthog")),
        ("POSTHOG_API_KEY", "phx_test".to_owned()),
        ("POSTHOG_PROJECT_ID", "1".to_owned()),
        ("GITHUB_API_URL", format!("{url}/github")),
        ("GITHUB_TOKEN", "test".to_owned()),
    ] {
        home.env.push((name.to_owned(), value));
    }
    let settings = json!({
        "posthog": {"events": ["signed_up", "checkout_completed"], "rateShare": 1.0},
        "github": {"repository": "acme/app"},
    });
    home.write("read-only/settings.json", &settings.to_string());
    let before = home.read_only();
    let output = home.run(&["run", "--once"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(home.read_only(), before, "read-only/ is people's input");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("PostHog ok") && words.contains("GitHub ok"), "{words}");
    let doctor: Value = serde_json::from_slice(&home.run(&["doctor", "--json"]).stdout).unwrap();
    let lines = doctor.as_array().unwrap();
    assert!(
        lines.iter().any(|line| line["check"].as_str().unwrap().contains("PostHog") && line["ok"] == true),
        "{doctor:#}"
    );
}

#[test]
fn a_mode_and_a_halt_set_on_the_command_line_hold_in_the_daemon_and_after_it() {
    let home = Home::new();
    assert_eq!(home.json(&["mode"])["mode"], "propose");
    let (daemon, _) = home.daemon();
    assert_eq!(home.json(&["mode", "observe"])["set"]["mode"], "observe");
    assert_eq!(home.json(&["halt", "the", "wrong", "flag"])["halt"]["reason"], "the wrong flag");
    assert_eq!(daemon.stop(), Some(0));
    let status = home.json(&["status"]);
    assert_eq!((&status["mode"], &status["halt"]["reason"]), (&json!("observe"), &json!("the wrong flag")));
    assert_eq!(home.json(&["resume"])["halt"], Value::Null);
    let wrong = home.run(&["mode", "fast"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong).contains("\"fast\" is not a mode"), "{}", said(&wrong));
}

#[test]
fn a_daemon_signs_its_journal_and_a_cut_or_an_edit_is_named() {
    let home = Home::new();
    let (daemon, _) = home.daemon();
    home.json(&["mode", "observe"]);
    home.json(&["mode", "propose"]);
    let running = home.json(&["audit", "verify"]);
    assert_eq!(running["ok"], true, "{running}");
    assert_eq!(daemon.stop(), Some(0));
    let whole = home.json(&["audit", "verify"]);
    assert_eq!(
        (&whole["ok"], &whole["unsigned"], &whole["signed_up_to"]),
        (&json!(true), &json!(0), &whole["entries"])
    );
    assert!(whole["entries"].as_u64().unwrap() >= 2);
    let exported = home.run(&["audit", "export", "--json"]);
    let entries: Vec<Value> =
        String::from_utf8_lossy(&exported.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(entries.len()), whole["entries"], "the whole journal");
    assert!(entries.iter().zip(1..).all(|(entry, seq)| entry["seq"] == seq), "{entries:?}");
    let key = home.instance().join("storage/journal.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    // Another public key than the one that signed: nothing is vouched for any more.
    std::fs::write(home.instance().join("storage/journal.pub"), "00".repeat(32)).unwrap();
    let foreign = home.run(&["audit", "verify"]);
    assert_eq!(foreign.status.code(), Some(1));
    assert!(said(&foreign).contains("the journal was changed: entry"), "{}", said(&foreign));
    let none = home.run(&["audit", "export", "--proposal", "P-1"]);
    assert_eq!(none.status.code(), Some(1), "{}", said(&none));
}

#[test]
fn one_look_tells_a_program_how_it_stands_and_colours_no_file() {
    let home = Home::new();
    let look = home.run(&["run", "--once", "--json"]);
    assert!(look.status.success(), "{}", said(&look));
    let line: Value = serde_json::from_str(String::from_utf8_lossy(&look.stdout).lines().last().unwrap()).unwrap();
    assert_eq!((&line["type"], &line["status"]["open_findings"]), (&json!("status"), &json!(0)));
    home.write("read-only/settings.json", r#"{"monitor": {"intervallMs": 60000}}"#);
    let mut command = home.command(&["run", "--once", "--color", "never"]);
    let odd = said(&command.env_remove("NO_COLOR").output().unwrap());
    assert_eq!(odd.matches("intervallMs is not a setting").count(), 1, "told once: {odd}");
    assert!(!odd.contains('\u{1b}'), "{odd:?}");
}

#[test]
fn a_scenario_that_does_not_do_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "[scenario]\nname = \"x\"\nseed = \"y\"\nhours = 1\n").unwrap();
    let home = Home::new();
    let file = path.to_str().unwrap();
    for args in [vec!["demo", "--scenario", file, "--answer", "reject"], vec!["lab", "serve", "--scenario", file]] {
        let output = home.run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(said(&output).contains(&format!("{file}: line 3: `scenario.seed`")), "{}", said(&output));
    }
    std::fs::write(home.instance().join("read-only/settings.json"), b"{\"app\": {\"name\": \"caf\xe9\"}}").unwrap();
    let output = home.run(&["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("settings.json: is not UTF-8 text; save it as UTF-8"), "{}", said(&output));
}
