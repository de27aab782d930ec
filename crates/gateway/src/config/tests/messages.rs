//! Bad input by table: each line is what the person reads, whole.

use super::super::{SETTINGS_FILE, TOOLS_FILE, WAKEUP_FILE, parse_settings, parse_tools, parse_wakeup};
use super::tables::{NOT_JSON, WRONG_ENTRIES, WRONG_TYPES, WRONG_VALUES};
use super::{settings, tools, wakeup, warnings};

fn complaint(file: &str, text: &str) -> String {
    let line = match file {
        SETTINGS_FILE => parse_settings(text, file).err().map(|e| e.to_string()),
        TOOLS_FILE => parse_tools(text, file).err().map(|e| e.to_string()),
        _ => parse_wakeup(text, file).err().map(|e| e.to_string()),
    };
    let line = line.unwrap_or_else(|| "fine".to_owned());
    assert!(!line.contains('\n'), "{line:?}");
    line.strip_prefix(&format!("{file}: ")).map(str::to_owned).unwrap_or(line)
}

fn assert_complaints(file: &str, table: &[(&str, &str)]) {
    let found: Vec<_> = table.iter().map(|(text, _)| (*text, complaint(file, text))).collect();
    let wrong: Vec<_> = found.iter().zip(table).filter(|(found, want)| found.1 != want.1).collect();
    for ((text, found), want) in &wrong {
        eprintln!("{text}\n  found {found}\n  want  {}", want.1);
    }
    assert!(wrong.is_empty(), "{} of {} messages differ", wrong.len(), table.len());
}

#[test]
fn the_whole_line_names_file_key_and_remedy() {
    let error = parse_settings(r#"{"approvals": {"default": {"expires": "soon"}}}"#, SETTINGS_FILE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "read-only/settings.json: `approvals.default.expires`: \"soon\" is not a duration; write it like \"30m\""
    );
    assert_eq!(error.file(), SETTINGS_FILE);
}

#[test]
fn text_that_is_not_json() {
    assert_complaints(SETTINGS_FILE, NOT_JSON);
}

#[test]
fn wrong_types() {
    assert_complaints(SETTINGS_FILE, WRONG_TYPES);
}

#[test]
fn wrong_values() {
    assert_complaints(SETTINGS_FILE, WRONG_VALUES);
}

#[test]
fn long_and_hostile_values_stay_one_short_line() {
    let long = format!(r#"{{"ui": {{"timezone": "{}"}}}}"#, "x".repeat(500));
    let line = complaint(SETTINGS_FILE, &long);
    assert!(line.chars().count() < 140, "{line}");
    let line = complaint(SETTINGS_FILE, "{\"ui\": {\"timezone\": \"a\\nb\\u001b[2J\"}}");
    assert_eq!(line, r#"`ui.timezone`: "a\nb\u{1b}[2J" is not a timezone; write it like "Europe/Berlin""#);
}

#[test]
fn several_problems_are_counted_and_listed() {
    let text = r#"{"monitor": {"intervalMs": 0}, "posthog": {"rateShare": 0}, "routes": [{"to": []}]}"#;
    let error = parse_settings(text, SETTINGS_FILE).unwrap_err();
    assert_eq!(error.problems().count(), 3);
    assert!(error.to_string().ends_with("(and 2 more; `wakeman doctor` lists them)"), "{error}");
    assert_eq!(
        error.lines()[2],
        "read-only/settings.json: `routes[0].to`: names no channel; write one, like [\"telegram\"], or remove the route"
    );
}

#[test]
fn wrong_tools() {
    assert_complaints(
        TOOLS_FILE,
        &[
            ("[]", "a list is not an object; write it in { }"),
            (
                r#"{"posthog": {"readFlags": "yes"}}"#,
                r#"`posthog.readFlags`: "yes" is not true or false; write it without quotes"#,
            ),
            (
                r#"{"posthog": "all"}"#,
                r#"`posthog`: "all" is not a family of tools; write it like {"readFlags": true}, or false for none of them"#,
            ),
            (
                r#"{"shell": null}"#,
                r#"`shell`: null is not a family of tools; write it like {"readFlags": true}, or false for none of them"#,
            ),
        ],
    );
}

#[test]
fn wrong_wakeups() {
    for (entry, want) in WRONG_ENTRIES {
        let text = format!(
            "{{\"prompts\": {{\"morning\": {{\"title\": \"M\", \"prompt\": \"Look.\"}}, \"empty\": {{\"title\": \"E\", \"prompt\": \
             \"\"}}}},\n\"schedule\": [{entry},\n{{\"promptId\": \"night-check\", \"timeUtc\": \"22:00\"}}]}}"
        );
        let parsed = wakeup(&text);
        let want = want.replacen('`', "line 2, ", 1).replacen("`:", ":", 1);
        let schedule = &parsed.value.schedule;
        assert_eq!(schedule[0].plan, Err(format!("{WAKEUP_FILE}: {want}")), "{entry}");
        assert!(schedule[1].plan.is_ok(), "the others run");
        assert_eq!(warnings(&parsed), [format!("{WAKEUP_FILE}: {want} (this wakeup does not run)")]);
    }
    let twice = r#"{"promptId": "night-check", "timeUtc": "22:00"}"#;
    let parsed = wakeup(&format!(r#"{{"schedule": [{twice}, {twice}]}}"#));
    assert_eq!(
        warnings(&parsed),
        [
            "read-only/wakeup.json: line 1, schedule[1].promptId: is there twice with the same times; remove one (this wakeup \
          does not run)"
        ]
    );
    assert_complaints(
        WAKEUP_FILE,
        &[
            (r#"{"enabled": "yes"}"#, r#"`enabled`: "yes" is not true or false; write it like true"#),
            (r#"{"prompts": {"a": "Look."}}"#, r#"`prompts.a`: "Look." is not an object; write it in { }"#),
            (
                r#"{"prompts": {"a": {"title": "A"}}}"#,
                r#"`prompts.a.prompt`: is missing; write it like "Tell me what changed.""#,
            ),
            (r#"{"schedule": {"promptId": "a"}}"#, "`schedule`: an object is not a list; write it in [ ]"),
        ],
    );
}

#[test]
fn unknown_keys_are_named_with_a_suggestion() {
    let table = [
        (
            r#"{"monitor": {"intervallMs": 1}}"#,
            "monitor.intervallMs is not a setting; did you mean monitor.intervalMs?",
        ),
        (r#"{"monitr": {}}"#, "monitr is not a setting; did you mean monitor?"),
        (r#"{"intervalMs": 5}"#, "intervalMs is not a setting; did you mean monitor.intervalMs?"),
        (r#"{"notion": {"a": 1, "b": 2}}"#, "notion is not a setting; it is ignored"),
        (r#"{"telegram": {"allowedChatIds": [-100]}}"#, "telegram is not a setting; it is ignored"),
        (
            r#"{"ai": {"model": "x"}}"#,
            "ai.model is not a setting; it is ignored: models belong to the LiteLLM proxy; name its alias in ai.aliases.chat",
        ),
        (
            r#"{"ai": {"aliases": {"tipGenerator": "x"}}}"#,
            "ai.aliases.tipGenerator is not a setting; did you mean ai.aliases.tip-generator?",
        ),
        (
            r#"{"posthog": {"insightMonitors": [{"name": "a", "query": "b", "kinds": "count"}]}}"#,
            "posthog.insightMonitors[0].kinds is not a setting; did you mean posthog.insightMonitors[0].kind?",
        ),
        (
            r#"{"operators": [{"id": "ada", "principal": []}]}"#,
            "operators[0].principal is not a setting; did you mean operators[0].principals?",
        ),
        (
            r#"{"approvals": {"vercel.rollback": {"need": 2}}}"#,
            "approvals.vercel.rollback.need is not a setting; did you mean approvals.vercel.rollback.needed?",
        ),
        (
            r#"{"approvals": {"defualt": {"needed": 2}}}"#,
            "approvals.defualt is not a class of action; did you mean default?",
        ),
        (
            r#"{"approvals": {"notion.write": {"needed": 2}}}"#,
            "approvals.notion.write is not a class of action; it is ignored",
        ),
        (
            r#"{"execute": {"classes": ["github.rerun_jobs"]}}"#,
            r#"execute.classes[0] "github.rerun_jobs" is not a class of action; did you mean github.rerun_failed_jobs?"#,
        ),
        (r#"{"app": {"name": "a"}, "app": {"name": "b"}}"#, "app is there twice; the last one counts"),
        (r#"{"ui": {"timezone": "UTC", "timezone": "UTC"}}"#, "ui.timezone is there twice; the last one counts"),
    ];
    for (text, want) in table {
        assert_eq!(warnings(&settings(text)), [format!("{SETTINGS_FILE}: {want}")], "{text}");
    }
    let odd = tools(r#"{"notion": {"readTodo": true}, "posthog": {"readFlag": true, "manageEndpoints": true}}"#);
    assert_eq!(
        warnings(&odd),
        [
            "read-only/tools.json: notion is not a setting; it is ignored",
            "read-only/tools.json: posthog.manageEndpoints is not a setting; it is ignored",
            "read-only/tools.json: posthog.readFlag is not a setting; did you mean posthog.readFlags?",
        ]
    );
    let odd = wakeup(r#"{"prompts": {"a": {"title": "A", "prompt": "P", "model": "x"}}, "schedules": []}"#);
    assert_eq!(
        warnings(&odd),
        [
            "read-only/wakeup.json: prompts.a.model is not a setting; it is ignored",
            "read-only/wakeup.json: schedules is not a setting; did you mean schedule?",
        ]
    );
}

#[test]
fn two_metrics_of_one_name_are_told_apart() {
    let text = r#"{"posthog": {"insightMonitors": [{"name": "Sign-ups", "query": "a"}, {"name": " Sign-ups", "query": "b"}]}}"#;
    assert_eq!(
        warnings(&settings(text)),
        [
            "read-only/settings.json: posthog.insightMonitors[1].name \" Sign-ups\" is there twice, so nobody can tell them \
          apart; rename one"
        ]
    );
}

#[test]
fn settings_that_cannot_do_what_they_seem_to_are_named() {
    let text = r#"{"operators": [{"id": "ada", "role": "owner"}, {"id": "grace"}],
        "approvals": {"default": {"approvers": ["ada", "grace"]}, "vercel.rollback": {"needed": 3}}}"#;
    assert_eq!(
        warnings(&settings(text)),
        [
            "read-only/settings.json: approvals.default.approvers[1] lets grace approve, who is a viewer elsewhere",
            "read-only/settings.json: approvals.vercel.rollback.needed asks for 3, but approvers has 2: it can never be \
             approved; name more",
        ]
    );
}
