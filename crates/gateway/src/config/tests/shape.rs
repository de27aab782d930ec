//! Defaults, the documented examples, the schema, and that no input panics.

use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;
use serde_json::{Map, Value};
use wakeman_types::{Channel, Severity};

use super::super::{
    ExecutionMode, Late, PromptChoice, SETTINGS_FILE, Settings, TimeOfDay, ToolsConfig, When, keys, parse_settings,
    parse_tools, parse_wakeup, schema,
};
use super::{DOCUMENTED, settings, tools, wakeup, warnings};

#[test]
fn an_empty_object_is_every_default() {
    let parsed = settings("{}");
    assert_eq!(parsed.value, Settings::default());
    assert!(parsed.warnings.is_empty());
    let s = parsed.value;
    assert_eq!((s.runtime.execution_mode, s.runtime.port), (ExecutionMode::Propose, 6900));
    assert_eq!((s.monitor.interval_ms, s.monitor.alarm_budget_per_week), (60_000, 2));
    assert_eq!((s.posthog.rate_share, s.github.branch_prefix.as_str()), (0.1, "wakeman/"));
    assert_eq!((s.execute.classes.len(), s.execute.per_hour, s.runtime.channels), (0, 4, None));
    assert_eq!((s.ai.daily_budget_usd, s.ai.timeout_ms, s.ui.timezone.name()), (5.0, 60_000, "UTC"));
}

#[test]
fn the_documented_example_holds() {
    let parsed = settings(DOCUMENTED);
    assert_eq!(
        warnings(&parsed),
        ["read-only/settings.json: approvals.vercel.rollback.needed asks for 2, but approvers has 1: it can never be \
         approved; name more"]
    );
    let s = parsed.value;
    assert_eq!(s.runtime.channels, Some(vec![Channel::Telegram, Channel::Cli]));
    assert_eq!(s.github.repository.as_ref().map(ToString::to_string).as_deref(), Some("acme/app"));
    assert_eq!(s.ai.prompt_versions["chat"], PromptChoice::One("v1".to_owned()));
    assert!(matches!(&s.ai.prompt_versions["tip"], PromptChoice::Weighted(w) if w.len() == 2));
    assert_eq!(s.routes[0].min_severity, Severity::Critical);
    assert_eq!(s.posthog.host.as_ref().map(|url| url.as_str()), Some("https://eu.posthog.com"));
}

#[test]
fn a_byte_order_mark_and_the_older_name_of_the_terminal_are_read() {
    let parsed = settings("\u{feff}{\"runtime\": {\"channels\": [\"tui\"]}}");
    assert_eq!(parsed.value.runtime.channels, Some(vec![Channel::Cli]));
}

#[test]
fn a_capability_is_on_by_its_switch_its_family_or_its_default() {
    let none = ToolsConfig::default();
    let on: Vec<_> = none.switches().filter(|(_, _, on)| *on).map(|(f, c, _)| format!("{f}.{c}")).collect();
    assert_eq!(
        on,
        [
            "posthog.readInsights",
            "posthog.readErrors",
            "posthog.readFlags",
            "github.readRepository",
            "github.createPullRequests",
            "github.pushBranches",
            "chat.notifyOperator",
        ]
    );
    let some =
        tools(r#"{"github": false, "posthog": {"readLogs": true, "readFlags": false}, "notion": {"read": true}}"#);
    let table = [
        ("github", "pushBranches", false),
        ("github", "readRepository", false),
        ("posthog", "readLogs", true),
        ("posthog", "readFlags", false),
        ("posthog", "readErrors", true),
        ("notion", "read", false),
        ("chat", "launch", false),
    ];
    for (family, capability, want) in table {
        assert_eq!(some.value.allows(family, capability), want, "{family}.{capability}");
    }
}

#[test]
fn wakeups_are_read_as_written() {
    let parsed = wakeup(
        r#"{"prompts": {"m": {"title": "M", "prompt": "Look."}}, "schedule": [
            {"promptId": "m", "timeUtc": "6:05"}, {"promptId": "m", "timeUtc": "22:00", "late": "within:30m"},
            {"promptId": "m", "cron": "0 9 * * 1-5", "timezone": "Europe/Berlin", "late": "skip"},
            {"promptId": "m", "cron": "@daily"}]}"#,
    );
    assert!(parsed.warnings.is_empty() && parsed.value.enabled);
    let schedule: Vec<_> = parsed.value.schedule.iter().map(|entry| entry.plan.as_ref().unwrap()).collect();
    assert_eq!(parsed.value.schedule.iter().map(|entry| entry.line).collect::<Vec<_>>(), [2, 2, 3, 4]);
    assert_eq!(schedule[0].when, When::Daily(TimeOfDay { hour: 6, minute: 5 }));
    assert_eq!(
        (schedule[0].late, schedule[1].late, schedule[2].late),
        (Late::Run, Late::Within(1_800_000), Late::Skip)
    );
    let When::Cron { pattern, cron, timezone } = &schedule[2].when else { panic!("not cron") };
    assert_eq!((pattern.as_str(), timezone.name()), ("0 9 * * 1-5", "Europe/Berlin"));
    let friday = "2026-04-17T10:00:00+02:00".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let next = cron.find_next_occurrence(&friday.with_timezone(timezone), false).unwrap();
    assert_eq!(next.to_rfc3339(), "2026-04-20T09:00:00+02:00");
    let When::Cron { timezone, .. } = &schedule[3].when else { panic!("not cron") };
    assert_eq!(timezone.name(), "UTC");
}

/// Every property path of a schema, lists as `[]`, free names as `*`.
fn paths(schema: &Value, root: &Value, at: &str, found: &mut BTreeSet<String>) {
    let target = match schema.get("$ref").and_then(Value::as_str) {
        Some(pointer) => root.pointer(pointer.trim_start_matches('#')).expect("a reference within the schema"),
        None => schema,
    };
    let dot = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    if let Some(properties) = target.get("properties").and_then(Value::as_object) {
        properties.iter().for_each(|(name, inner)| paths(inner, root, &dot(name), found));
    } else if let Some(items) = target.get("items").filter(|items| items.get("$ref").is_some()) {
        paths(items, root, &format!("{at}[]"), found);
    } else if let Some(inner) = target.get("additionalProperties").filter(|inner| inner.get("$ref").is_some()) {
        paths(inner, root, &dot("*"), found);
    } else {
        found.insert(at.to_owned());
    }
}

#[test]
fn the_known_keys_are_those_of_the_schema() {
    for (name, keys) in [("settings", keys::SETTINGS), ("wakeup", keys::WAKEUP)] {
        let schema = schema(name).unwrap().to_value();
        let mut found = BTreeSet::new();
        paths(&schema, &schema, "", &mut found);
        let known: BTreeSet<_> = keys.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(found, known, "{name}");
    }
    assert!(schema("tools").is_some() && schema("nothing").is_none());
}

#[test]
fn the_examples_in_remedies_are_themselves_fine() {
    for (path, example) in keys::SETTINGS {
        let path = path.replace("*", "default");
        let mut value: Value = serde_json::from_str(example).unwrap();
        for part in path.rsplit('.') {
            let (name, list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
            let inner = if list { Value::Array(vec![value]) } else { value };
            value = Value::Object(Map::from_iter([(name.to_owned(), inner)]));
        }
        // One key alone may lack its neighbours; it must not be wrong by itself.
        if let Err(error) = parse_settings(&value.to_string(), SETTINGS_FILE) {
            let line = error.to_string();
            assert!(line.contains("is missing") || line.contains("not an operator"), "{path}: {line}");
        }
    }
}

fn repository_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn every_tracked_configuration_file_parses_without_a_warning() {
    let mut seen = 0;
    for folder in ["config", "runtime"] {
        let mut open = vec![repository_root().join(folder)];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let found = match name.as_str() {
                name if !name.ends_with(".json") => continue,
                name if name.contains("settings") => warnings(&settings(&text)),
                name if name.contains("tools") => warnings(&tools(&text)),
                name if name.contains("wakeup") => warnings(&wakeup(&text)),
                _ => continue,
            };
            assert!(found.is_empty(), "{}: {found:?}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 6, "only {seen} files were found");
}

/// Any JSON value, with names that the files know more often than chance has it.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        "[0-9*/,L#@? -]{0,16}".prop_map(Value::from),
        prop::sample::select(vec!["telegram:1", "30m", "propose", "ada", "within:5m", "10:00", "UTC"])
            .prop_map(Value::from),
    ];
    let names: Vec<String> = [keys::SETTINGS, keys::WAKEUP, keys::TOOLS]
        .iter()
        .flat_map(|keys| keys.iter().flat_map(|(path, _)| path.split('.')))
        .map(|name| name.trim_end_matches("[]").replace('*', "default"))
        .collect();
    let name = prop_oneof![9 => prop::sample::select(names), 1 => "\\PC{0,8}"];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_json_value_panics(value in json()) {
        let text = value.to_string();
        for line in [
            parse_settings(&text, "f").err().map(|e| e.to_string()),
            parse_tools(&text, "f").err().map(|e| e.to_string()),
            parse_wakeup(&text, "f").err().map(|e| e.to_string()),
        ].into_iter().flatten() {
            prop_assert!(line.starts_with("f: ") && !line.contains('\n'), "{}", line);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = (parse_settings(&text, "f"), parse_tools(&text, "f"), parse_wakeup(&text, "f"));
    }

    #[test]
    fn no_cron_pattern_panics(pattern in "[0-9a-zA-Z*/,#@?+ -]{0,24}") {
        let value = serde_json::json!({"prompts": {"a": {"title": "A", "prompt": "P"}},
            "schedule": [{"promptId": "a", "cron": pattern}]});
        let _ = parse_wakeup(&value.to_string(), "f");
    }
}
