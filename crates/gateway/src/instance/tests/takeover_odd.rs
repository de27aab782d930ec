//! Directories that are not quite as the contract has them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use wakeman_store::Store;
use wakeman_types::{Channel, Message, MessageRole, Thread};

use super::super::{TakeoverContext, apply_takeover, plan_takeover};
use super::takeover::apply;
use super::{MORNING, instance, mode, set_mode};

const FOLDER: &str = "storage/conversations/conversation-2026-04-20T05-10-00-000Z-t1";

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn chat(lines: &[&str]) -> TempDir {
    directory(&[(&format!("{FOLDER}/chat.jsonl"), &lines.join("\n"))])
}

#[test]
fn a_directory_of_something_else_is_refused_with_the_way_on() {
    let root = directory(&[("instances/default/read-only/settings.json", "{}")]);
    let path = root.path().display();
    let line = plan_takeover(root.path()).unwrap_err().to_string();
    assert_eq!(
        line,
        format!(
            "{path} is not an instance directory: it has neither read-only/settings.json nor storage/conversations; name one of \
             the folders in {path}/instances"
        )
    );
    assert!(plan_takeover(&root.path().join("instances/default")).is_ok());
    assert!(plan_takeover(Path::new("/nowhere")).unwrap_err().to_string().contains("read-only/ and storage/"));
}

#[tokio::test]
async fn an_instance_does_not_take_over_itself() {
    let (_root, dir, store) = instance().await;
    fs::create_dir_all(dir.path().join("read-only")).unwrap();
    fs::write(dir.settings(), "{}").unwrap();
    let plan = plan_takeover(dir.path()).unwrap();
    let context = TakeoverContext {
        at: wakeman_types::Timestamp::from_ms(MORNING),
        actor: "cli:1000",
        salt: &|| [0; 16],
        template: &[],
    };
    let error = apply_takeover(&plan, &dir, &store, &context).await.unwrap_err().to_string();
    assert!(error.ends_with("is this instance itself; name the directory of the other one"), "{error}");
}

#[test]
fn a_conversation_without_a_header_takes_its_ids_from_the_folder() {
    let plan = plan_takeover(
        chat(&[
            r#"{"type":"message","messageId":"a","role":"user","channel":"telegram","content":"hi","createdAt":5}"#,
        ])
        .path(),
    )
    .unwrap();
    let thread = &plan.threads[0].thread;
    assert_eq!((thread.thread_id.as_str(), thread.created_at.ms(), thread.updated_at.ms()), ("t1", MORNING, 5));
    assert!(plan.report.warnings[0].ends_with("has no header; its ids are taken from the folder's name"));
}

#[test]
fn words_of_other_programs_are_mapped_and_kept() {
    let directory = chat(&[
        r#"{"type":"conversation-header","schemaVersion":2,"threadId":"t1","channel":"slack","title":"T","createdAt":1,"updatedAt":9,"pinned":true}"#,
        r#"{"type":"message","messageId":"a","role":"assistant","channel":"slack","content":"x","createdAt":"2026-04-20T05:10:00Z"}"#,
        r#"{"type":"message","messageId":7,"role":"tool","content":"y","threadId":"other"}"#,
        r#"{"type":"message","messageId":"c","role":"user","content":["parts"]}"#,
        r#"{"type":"event","what":"joined"}"#,
    ]);
    let plan = plan_takeover(directory.path()).unwrap();
    let taken = &plan.threads[0];
    assert_eq!(taken.thread.channel, Channel::Cli);
    assert_eq!(plan.report.conversations[0].imported_channel.as_deref(), Some("slack"));
    let said: Vec<_> = taken.messages.iter().map(|m| (m.message_id.as_str(), m.role, m.created_at.ms())).collect();
    assert_eq!(said, [("a", MessageRole::Agent, MORNING), ("imported-3", MessageRole::System, 9)]);
    let extra = |at: usize| serde_json::to_string(&taken.messages[at].extra).unwrap();
    assert_eq!(
        extra(0),
        r#"{"importedChannel":"slack","importedCreatedAt":"2026-04-20T05:10:00Z","importedRole":"assistant"}"#
    );
    assert_eq!(extra(1), r#"{"importedMessageId":7,"importedRole":"tool","importedThreadId":"other"}"#);
    let unreadable: Vec<_> =
        plan.report.unreadable.iter().map(|l| (l.line, l.reason.as_str(), l.text.as_str())).collect();
    assert_eq!(
        unreadable,
        [
            (
                4,
                "is a message without content",
                r#"{"type":"message","messageId":"c","role":"user","content":["parts"]}"#
            ),
            (5, "is not a message", r#"{"type":"event","what":"joined"}"#),
        ]
    );
    let header = "the header also says {\"pinned\":true,\"schemaVersion\":2}, which has no effect";
    assert!(plan.report.warnings.iter().any(|line| line.ends_with(header)), "{:?}", plan.report.warnings);
}

#[test]
fn one_thread_in_two_conversations_and_ids_that_repeat() {
    let line =
        |id: &str, text: &str| format!(r#"{{"type":"message","messageId":"{id}","role":"user","content":"{text}"}}"#);
    let header =
        |at: i64| format!(r#"{{"type":"conversation-header","threadId":"t1","createdAt":{at},"updatedAt":{at}}}"#);
    let file = |name: &str| format!("storage/conversations/{name}/chat.jsonl");
    let (one, two) = ("conversation-2026-04-20T05-10-00-000Z-t1", "conversation-2026-04-21T05-10-00-000Z-t1");
    let first = [header(1), line("a", "x"), line("a", "x"), line("b", "y")].join("\n");
    let second = [header(2), line("b", "z")].join("\n");
    let root = directory(&[(&file(one), &first), (&file(two), &second)]);
    let plan = plan_takeover(root.path()).unwrap();
    let [taken] = plan.threads.as_slice() else { panic!("one thread") };
    assert_eq!((taken.thread.conversation_id.as_str(), taken.thread.created_at.ms()), (two, 1));
    let said: Vec<_> = taken
        .messages
        .iter()
        .map(|m| (m.ordinal, m.message_id.as_str(), m.conversation_id.as_str(), m.content.as_str()))
        .collect();
    assert_eq!(said, [(1, "a", one, "x"), (2, "b", one, "y"), (3, "b~2", two, "z")]);
    assert_eq!(taken.messages[2].extra["importedMessageId"], "b");
    assert_eq!(plan.report.messages, 3);
}

#[test]
fn wrong_settings_are_taken_over_and_named_first() {
    let settings = r#"{"runtime": {"executionMode": "auto"}, "mine": 1}"#;
    let root = directory(&[("read-only/settings.json", settings), ("read-only/wakeup.json", "{oops")]);
    let plan = plan_takeover(root.path()).unwrap();
    assert_eq!(plan.settings.as_deref(), Some(settings));
    let mut first: Vec<_> = plan.report.warnings.iter().take(2).map(String::as_str).collect();
    first.sort_unstable();
    assert_eq!(
        first,
        [
            "read-only/settings.json: `runtime.executionMode`: \"auto\" is not one of observe, propose, execute (wakeman does \
             not start before)",
            "read-only/wakeup.json: line 1, column 2: key must be a string; correct the JSON there (wakeman does not start before)",
        ]
    );
}

#[tokio::test]
async fn credentials_stay_private_links_are_not_followed_and_databases_stay_behind() {
    let (_root, dir, store) = instance().await;
    let root = directory(&[
        ("read-only/settings.json", "{}"),
        ("read-only/prompts/chat/v1.md", "prompt"),
        (".env", "GITHUB_TOKEN=x"),
        ("storage/wakeman.db", "SQLite"),
        ("notes.txt", "odd"),
        ("storage/conversations/c1/attachment.png", "png"),
    ]);
    set_mode(&root.path().join(".env"), 0o644);
    symlink("/etc/hostname", root.path().join("workspace-link")).unwrap();
    let plan = plan_takeover(root.path()).unwrap();
    let outcome = apply(&plan, &dir, &store).await;
    assert_eq!(mode(&dir.env_file()), 0o600);
    let text = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
    assert_eq!(text("read-only/prompts/chat/v1.md"), "prompt");
    assert_eq!(text("storage/takeover/notes.txt"), "odd");
    assert_eq!(text("storage/takeover/storage/conversations/c1/attachment.png"), "png");
    assert!(!outcome.written.iter().any(|path| path.ends_with("workspace-link") || path.ends_with("wakeman.db")));
    let left: Vec<_> = plan.report.files.iter().filter(|file| file.to.is_none()).map(|f| f.from.as_str()).collect();
    assert_eq!(left, ["storage/wakeman.db", "workspace-link"]);
    let warned = |end: &str| plan.report.warnings.iter().any(|line| line.contains(end));
    assert!(warned(".env: others could read it (mode 0644)") && warned("workspace-link: a link"));
    assert_eq!(plan.threads.len(), 0);
}

#[tokio::test]
async fn a_second_directory_replaces_nothing_of_the_first() {
    let (_root, dir, store) = instance().await;
    for text in ["one", "two", "three", "two"] {
        let root = directory(&[("read-only/settings.json", "{}"), ("odd.txt", text)]);
        apply(&plan_takeover(root.path()).unwrap(), &dir, &store).await;
    }
    let kept: Vec<PathBuf> =
        ["odd.txt", "odd.txt.2", "odd.txt.3"].iter().map(|name| dir.storage().join("takeover").join(name)).collect();
    let texts: Vec<_> = kept.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(!dir.storage().join("takeover/odd.txt.4").exists());
}

#[tokio::test]
async fn a_long_conversation_is_committed_in_parts_and_found_whole() {
    let (_root, dir, store) = instance().await;
    let lines: Vec<_> = (0..1203)
        .map(|n| format!(r#"{{"type":"message","messageId":"m{n}","role":"user","channel":"cli","content":"{n}","createdAt":{n}}}"#))
        .collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let root = chat(&lines);
    let plan = plan_takeover(root.path()).unwrap();
    assert_eq!(apply(&plan, &dir, &store).await.messages, 1203);
    assert_eq!(count(&store).await, (1, 1203));
    let written = fs::read_to_string(dir.path().join(FOLDER).join("chat.jsonl")).unwrap();
    assert_eq!(written.lines().count(), 1204);
}

async fn count(store: &Store) -> (u64, u64) {
    (store.count::<Thread>(None).await.unwrap(), store.count::<Message>(None).await.unwrap())
}
