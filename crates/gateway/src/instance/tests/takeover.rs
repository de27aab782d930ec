//! The directory that another program of the contract left: everything in it is accounted for.

use std::{fs, path::Path};

use serde_json::{Value, json};
use wakeman_store::{ListQuery, Store};
use wakeman_types::{Channel, Message, MessageRole, Note, Thread};

use super::super::{
    InstanceDir, TakeoverContext, TakeoverOutcome, TakeoverPlan, TemplateFile, apply_takeover, export, plan_takeover,
};
use super::{MORNING, instance, mode, tree};

pub(super) fn sample() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/instance-sample"))
}

pub(super) const TEMPLATE: &[TemplateFile<'_>] = &[
    TemplateFile { path: "read-only/settings.json", bytes: b"{}\n" },
    TemplateFile { path: "workspace/README.md", bytes: b"# Ours\n" },
];

pub(super) async fn apply(plan: &TakeoverPlan, dir: &InstanceDir, store: &Store) -> TakeoverOutcome {
    let context = TakeoverContext {
        at: wakeman_types::Timestamp::from_ms(MORNING),
        actor: "cli:1000",
        salt: &|| [7; 16],
        template: TEMPLATE,
    };
    apply_takeover(plan, dir, store, &context).await.unwrap()
}

#[test]
fn every_conversation_message_and_note_is_in_the_plan() {
    let plan = plan_takeover(sample()).unwrap();
    let report = &plan.report;
    assert_eq!((report.threads, report.messages, report.notes, report.unreadable.len()), (2, 4, 1, 1));
    let [first, second] = plan.threads.as_slice() else { panic!("two threads") };
    assert_eq!(first.thread.thread_id.as_str(), "thread_7f00");
    assert_eq!(first.thread.conversation_id.as_str(), "conversation-2026-04-20T05-10-00-000Z-thread_7f00");
    assert_eq!((first.thread.channel, first.thread.title.as_str()), (Channel::Cli, "Operator Conversation"));
    assert_eq!((first.thread.created_at.ms(), first.thread.updated_at.ms()), (1_776_661_800_000, 1_776_661_890_000));
    let said: Vec<_> =
        first.messages.iter().map(|m| (m.ordinal, m.message_id.as_str(), m.role, m.content.as_str())).collect();
    assert_eq!(
        said,
        [
            (1, "msg_01", MessageRole::System, "Nightdesk is online."),
            (2, "msg_02", MessageRole::User, "which errors are new today? 🌱 naïve_test <b>"),
            (
                3,
                "msg_03",
                MessageRole::Agent,
                "Two are new since 05:00 UTC: TypeError in checkout.ts and a timeout in /api/plan."
            ),
        ]
    );
    assert!(first.messages.iter().all(|m| m.extra["importedChannel"] == "tui" && m.channel == Channel::Cli));
    assert_eq!(first.messages[2].extra["reasoning"], Value::Null);
    assert_eq!(first.messages[2].extra["thoughts"][0]["toolCalls"][0]["toolName"], "posthog_list_errors");
    assert_eq!((first.notes.len(), first.notes[0].author.as_str()), (1, "model"));
    assert_eq!(second.thread.channel, Channel::Telegram);
    assert_eq!(second.messages.iter().map(|m| m.message_id.as_str()).collect::<Vec<_>>(), ["msg_11"]);
    assert!(second.messages[0].extra.is_empty());
}

#[test]
fn the_torn_line_is_kept_verbatim() {
    let plan = plan_takeover(sample()).unwrap();
    let file = "conversation-2026-04-21T07-00-00-000Z-thread_9a11/chat.jsonl";
    let bad = &plan.report.unreadable[0];
    assert_eq!((bad.file.as_str(), bad.line), (format!("storage/conversations/{file}").as_str(), 3));
    assert_eq!(bad.reason, "is torn: it ends in the middle");
    let original = fs::read(sample().join("storage/conversations").join(file)).unwrap();
    assert!(original.ends_with(bad.text.as_bytes()) && bad.text.ends_with("\"role\":\"ag"));
    let [(path, bytes)] = plan.sidecars.as_slice() else { panic!("one sidecar") };
    assert_eq!(path, Path::new(&format!("storage/takeover/conversations/{file}.torn")));
    assert_eq!(bytes, format!("{}\n", bad.text).as_bytes());
}

#[test]
fn every_setting_switch_and_wakeup_is_accounted_for() {
    let report = plan_takeover(sample()).unwrap().report;
    let used: Vec<_> = report.settings.iter().filter(|s| s.used).map(|s| s.key.as_str()).collect();
    assert_eq!(
        used,
        [
            "app.name",
            "monitor.intervalMs",
            "posthog.context",
            "posthog.host",
            "posthog.insightMonitors[0].name",
            "posthog.insightMonitors[0].query",
            "runtime.channels",
            "runtime.executionMode",
            "runtime.port",
            "ui.timezone",
        ]
    );
    let idle: Vec<_> = report.settings.iter().filter(|s| !s.used).map(|s| (s.key.as_str(), s.note.is_some())).collect();
    assert_eq!(
        idle,
        [
            ("ai.model", true),
            ("ai.modelChoices", true),
            ("convex.requestTimeoutMs", false),
            ("notion.requestTimeoutMs", false),
            ("notion.todoSearchTitle", false),
            ("posthog.cliBin", false),
            ("posthog.cliTimeoutMs", false),
            ("posthog.criticalErrorThreshold", true),
            ("posthog.enableExperiments", true),
            ("posthog.enableFlags", true),
            ("posthog.enableLogs", true),
            ("posthog.endpointsDir", false),
            ("posthog.errorLookbackMinutes", true),
            ("posthog.errorSpikeMultiplier", true),
            ("posthog.errorSpikeThreshold", true),
            ("posthog.insightMonitors[0].minimumPreviousValue", true),
            ("posthog.insightMonitors[0].regressionThresholdPercent", true),
            ("posthog.requestTimeoutMs", false),
            ("telegram.allowedChatIds", true),
        ]
    );
    let off: Vec<_> = report.tools.iter().filter(|s| !s.used).map(|s| s.key.as_str()).collect();
    assert_eq!((report.tools.len(), off), (14, vec!["convex.readData", "notion.readTodo", "posthog.manageEndpoints"]));
    assert_eq!(report.prompts, ["morning", "night"]);
    let wakeups: Vec<_> = report.wakeups.iter().map(|w| (w.prompt_id.as_str(), w.when.as_str())).collect();
    assert_eq!(wakeups, [("morning", "06:30 UTC"), ("night", "22:00 UTC")]);
}

#[test]
fn every_file_has_a_place_and_the_person_is_told_what_to_do() {
    let report = plan_takeover(sample()).unwrap().report;
    let on_disk: Vec<_> = tree(sample()).into_iter().map(|(name, _)| name).collect();
    let mut listed: Vec<_> = report.files.iter().map(|file| file.from.clone()).collect();
    listed.sort();
    assert_eq!(listed, on_disk);
    assert!(report.files.iter().all(|file| file.to.is_some()));
    assert_eq!(
        report.summary(),
        "2 threads, 4 messages, 1 note; 29 settings and 14 tool settings, 22 of them kept without effect; 2 prompts and 2 \
         wakeups; 13 files; 1 unreadable line kept verbatim"
    );
    insta::assert_snapshot!(report.warnings.join("\n"), @r#"
    read-only/settings.json: telegram.allowedChatIds names chats (-1001234567890), not people; nobody can use Wakeman on Telegram until operators lists them, like {"id": "ada", "role": "owner", "principals": ["telegram:123456789"]}
    read-only/settings.json: ai.model is not a setting; it is ignored: models belong to the LiteLLM proxy; name its alias in ai.aliases.chat
    read-only/settings.json: ai.modelChoices is not a setting; it is ignored: models belong to the LiteLLM proxy; name its aliases in ai.aliases and ai.fallback
    read-only/settings.json: convex is not a setting; it is ignored
    read-only/settings.json: notion is not a setting; it is ignored
    read-only/settings.json: posthog.cliBin is not a setting; it is ignored
    read-only/settings.json: posthog.cliTimeoutMs is not a setting; it is ignored
    read-only/settings.json: posthog.criticalErrorThreshold is not a setting; it is ignored: errors are judged by their own history; there is no threshold to set
    read-only/settings.json: posthog.enableExperiments is not a setting; it is ignored: switch posthog.readExperiments in read-only/tools.json
    read-only/settings.json: posthog.enableFlags is not a setting; it is ignored: switch posthog.readFlags in read-only/tools.json
    read-only/settings.json: posthog.enableLogs is not a setting; it is ignored: switch posthog.readLogs in read-only/tools.json
    read-only/settings.json: posthog.endpointsDir is not a setting; it is ignored
    read-only/settings.json: posthog.errorLookbackMinutes is not a setting; it is ignored: errors are judged by their own history; there is no threshold to set
    read-only/settings.json: posthog.errorSpikeMultiplier is not a setting; it is ignored: errors are judged by their own history; there is no threshold to set
    read-only/settings.json: posthog.errorSpikeThreshold is not a setting; it is ignored: errors are judged by their own history; there is no threshold to set
    read-only/settings.json: posthog.insightMonitors[0].minimumPreviousValue is not a setting; it is ignored: a metric's band is learnt from its own history; there is no minimum to set
    read-only/settings.json: posthog.insightMonitors[0].regressionThresholdPercent is not a setting; it is ignored: a metric's band is learnt from its own history; there is no threshold to set
    read-only/settings.json: posthog.requestTimeoutMs is not a setting; it is ignored
    read-only/settings.json: telegram is not a setting; it is ignored
    read-only/settings.json: the channel "tui" is called "cli" here; both words are read
    read-only/tools.json: convex is not a setting; it is ignored
    read-only/tools.json: notion is not a setting; it is ignored
    read-only/tools.json: posthog.manageEndpoints is not a setting; it is ignored
    storage/conversations/conversation-2026-04-21T07-00-00-000Z-thread_9a11/chat.jsonl:3: is torn: it ends in the middle; kept verbatim in storage/takeover/conversations/conversation-2026-04-21T07-00-00-000Z-thread_9a11/chat.jsonl.torn
    "#);
}

#[tokio::test]
async fn applied_it_is_all_there_and_a_second_time_adds_nothing() {
    let (root, dir, store) = instance().await;
    dir.create_from_template(TEMPLATE).unwrap();
    let plan = plan_takeover(sample()).unwrap();
    let first = apply(&plan, &dir, &store).await;
    assert_eq!((first.threads, first.messages, first.notes, first.kept.len()), (2, 4, 1, 0));
    for file in ["settings.json", "tools.json", "wakeup.json"] {
        let path = Path::new("read-only").join(file);
        assert_eq!(fs::read(dir.path().join(&path)).unwrap(), fs::read(sample().join(&path)).unwrap(), "{file}");
        assert_eq!(mode(&dir.path().join(&path)), 0o600);
    }
    for file in
        ["workspace/README.md", "workspace/reports/first.json", "storage/sessions/2026-04-20T05-00-00-000Z/system.log"]
    {
        assert_eq!(fs::read(dir.path().join(file)).unwrap(), fs::read(sample().join(file)).unwrap(), "{file}");
    }
    let kept = fs::read_to_string(dir.storage().join("takeover/storage/state/status.json")).unwrap();
    assert_eq!(kept, "{\"status\":\"idle\",\"updatedAt\":1776754805000}\n");
    assert_eq!(store.count::<Thread>(None).await.unwrap(), 2);
    assert_eq!((store.count::<Message>(None).await.unwrap(), store.count::<Note>(None).await.unwrap()), (4, 1));

    let before = tree(dir.path());
    let head = store.journal_head(wakeman_store::LANE).await.unwrap();
    let second = apply(&plan_takeover(sample()).unwrap(), &dir, &store).await;
    assert_eq!(second, TakeoverOutcome::default());
    let files = |tree: Vec<(String, Vec<u8>)>| -> Vec<_> {
        tree.into_iter().filter(|(name, _)| !name.contains("wakeman.db")).collect()
    };
    assert_eq!(files(tree(dir.path())), files(before));
    assert_eq!(store.journal_head(wakeman_store::LANE).await.unwrap(), head);

    let out = root.path().join("out");
    export(&out, &store, None).await.unwrap();
    assert_eq!(tree(&out.join("conversations")), tree(&dir.conversations()), "an export has the same bytes");
}

#[tokio::test]
async fn the_files_written_say_what_the_files_read_said() {
    let (_root, dir, store) = instance().await;
    apply(&plan_takeover(sample()).unwrap(), &dir, &store).await;
    let file = "conversation-2026-04-20T05-10-00-000Z-thread_7f00/chat.jsonl";
    let lines = |path: &Path| -> Vec<Value> {
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut theirs = lines(&sample().join("storage/conversations").join(file));
    let ours = lines(&dir.conversations().join(file));
    for line in &mut theirs {
        let object = line.as_object_mut().unwrap();
        object.insert("channel".to_owned(), json!("cli"));
        if object["type"] == "message" {
            object.insert("importedChannel".to_owned(), json!("tui"));
        }
    }
    assert_eq!(ours, theirs);
}

#[tokio::test]
async fn what_came_later_on_either_side_is_joined() {
    let (root, dir, store) = instance().await;
    let copy = root.path().join("copy");
    for (name, bytes) in tree(sample()) {
        fs::create_dir_all(copy.join(&name).parent().unwrap()).unwrap();
        fs::write(copy.join(&name), bytes).unwrap();
    }
    apply(&plan_takeover(&copy).unwrap(), &dir, &store).await;
    // Here somebody speaks in the thread and edits settings; there, too.
    let mut thread = store.get::<Thread>("thread_7f00").await.unwrap().unwrap().value;
    super::say(&store, &mut thread, 4, "ours").await;
    fs::write(dir.settings(), "{\"app\": {\"name\": \"Ours\"}}").unwrap();
    let chat = copy.join("storage/conversations/conversation-2026-04-20T05-10-00-000Z-thread_7f00/chat.jsonl");
    let line = "{\"type\":\"message\",\"messageId\":\"msg_04\",\"role\":\"user\",\"content\":\"theirs\",\"createdAt\":1776661890000}\n";
    fs::write(&chat, fs::read_to_string(&chat).unwrap() + line).unwrap();
    let outcome = apply(&plan_takeover(&copy).unwrap(), &dir, &store).await;
    assert_eq!((outcome.threads, outcome.messages, outcome.notes), (0, 1, 0));
    assert_eq!(outcome.kept, [Path::new("read-only/settings.json")]);
    assert_eq!(fs::read_to_string(dir.settings()).unwrap(), "{\"app\": {\"name\": \"Ours\"}}");
    assert_eq!(
        fs::read(dir.storage().join("takeover/read-only/settings.json")).unwrap(),
        fs::read(copy.join("read-only/settings.json")).unwrap()
    );
    let page = store.list::<Message>(&ListQuery::oldest(10).parent("thread_7f00")).await.unwrap();
    let said: Vec<_> = page.items.iter().map(|found| (found.value.ordinal, found.value.content.as_str())).collect();
    assert_eq!(said[3..], [(4, "ours"), (5, "theirs")]);
}
