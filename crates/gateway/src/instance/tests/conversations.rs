//! Conversation files: their bytes, keeping them up to date, rebuilding them.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use proptest::prelude::*;
use serde_json::json;
use wakeman_store::{Commit, Store};
use wakeman_types::{Message, Note, Thread, ThreadId, Timestamp};

use super::super::{
    InstanceDir, export, findings_snapshot, render_chat, render_notes, sync_conversation, threads_snapshot,
};
use super::{MORNING, instance, message, mode, note, say, thread, tree};

fn chat(dir: &InstanceDir, thread: &Thread) -> std::path::PathBuf {
    dir.conversation(&thread.conversation_id).unwrap().join("chat.jsonl")
}

async fn sync(dir: &InstanceDir, store: &Store, thread: &Thread) {
    assert!(sync_conversation(dir, store, &thread.thread_id).await.unwrap());
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[test]
fn the_bytes_are_those_of_the_contract() {
    let thread = Thread { updated_at: Timestamp::from_ms(MORNING + 90_000), ..thread("thread_7f00") };
    let mut said = message(&thread, 1, "naïve 🌱 <b>\n\"quoted\"");
    said.extra = json!({"thoughts": [1], "importedChannel": "tui", "role": "hidden"}).as_object().unwrap().clone();
    insta::assert_snapshot!(render_chat(&thread, &[said, message(&thread, 2, "")]), @r#"
    {"type":"conversation-header","schemaVersion":1,"fileKind":"chat","conversationId":"conversation-2026-04-20T05-10-00-000Z-thread_7f00","threadId":"thread_7f00","channel":"cli","title":"Sign-ups \"down\"","createdAt":1776661800000,"updatedAt":1776661890000}
    {"type":"message","conversationId":"conversation-2026-04-20T05-10-00-000Z-thread_7f00","threadId":"thread_7f00","messageId":"m1","role":"agent","channel":"system","content":"naïve 🌱 <b>\n\"quoted\"","createdAt":1776661801000,"importedChannel":"tui","thoughts":[1]}
    {"type":"message","conversationId":"conversation-2026-04-20T05-10-00-000Z-thread_7f00","threadId":"thread_7f00","messageId":"m2","role":"agent","channel":"system","content":"","createdAt":1776661802000}
    "#);
    insta::assert_snapshot!(render_notes(&thread, &[note(&thread, 1, "cares about checkout")]), @r#"
    {"type":"conversation-header","schemaVersion":1,"fileKind":"notes","conversationId":"conversation-2026-04-20T05-10-00-000Z-thread_7f00","threadId":"thread_7f00","channel":"cli","title":"Sign-ups \"down\"","createdAt":1776661800000,"updatedAt":1776661801000}
    {"type":"note","createdAt":1776661801000,"author":"model","content":"cares about checkout"}
    "#);
    insta::assert_snapshot!(render_notes(&thread, &[]), @r#"{"type":"conversation-header","schemaVersion":1,"fileKind":"notes","conversationId":"conversation-2026-04-20T05-10-00-000Z-thread_7f00","threadId":"thread_7f00","channel":"cli","title":"Sign-ups \"down\"","createdAt":1776661800000,"updatedAt":1776661800000}"#);
}

#[tokio::test]
async fn what_is_new_is_appended_and_the_file_is_the_one_a_rewrite_would_make() {
    let (_root, dir, store) = instance().await;
    let mut thread = thread("t");
    let mut all: Vec<Message> = Vec::new();
    say(&store, &mut thread, 1, "one").await;
    all.push(message(&thread, 1, "one"));
    sync(&dir, &store, &thread).await;
    let path = chat(&dir, &thread);
    let file = inode(&path);
    for ordinal in 2..40 {
        let content = format!("message {ordinal} ü\n");
        say(&store, &mut thread, ordinal, &content).await;
        all.push(message(&thread, ordinal, &content));
        if ordinal % 3 == 0 {
            sync(&dir, &store, &thread).await;
            assert_eq!(fs::read_to_string(&path).unwrap(), render_chat(&thread, &all), "{ordinal}");
        }
    }
    assert_eq!(inode(&path), file, "the file was appended to, not replaced");
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    sync(&dir, &store, &thread).await;
    let before = fs::read(&path).unwrap();
    sync(&dir, &store, &thread).await;
    assert_eq!(fs::read(&path).unwrap(), before, "nothing new changes nothing");
}

#[tokio::test]
async fn notes_are_kept_the_same_way() {
    let (_root, dir, store) = instance().await;
    let thread = thread("t");
    let path = dir.conversation(&thread.conversation_id).unwrap().join("notes.jsonl");
    assert!(store.commit(Commit::new(thread.created_at).put(&thread)).await.unwrap().landed());
    let mut all: Vec<Note> = Vec::new();
    sync(&dir, &store, &thread).await;
    let file = inode(&path);
    for ordinal in 1..4 {
        all.push(note(&thread, ordinal, "n"));
        assert!(store.commit(Commit::new(thread.created_at).put(all.last().unwrap())).await.unwrap().landed());
        sync(&dir, &store, &thread).await;
        assert_eq!(fs::read_to_string(&path).unwrap(), render_notes(&thread, &all));
    }
    assert_eq!(inode(&path), file);
}

#[tokio::test]
async fn whatever_happened_to_the_file_the_next_call_mends_it() {
    let (_root, dir, store) = instance().await;
    let mut thread = thread("t");
    for ordinal in 1..=3 {
        say(&store, &mut thread, ordinal, "hello").await;
    }
    sync(&dir, &store, &thread).await;
    let path = chat(&dir, &thread);
    let good = fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    let damage: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("torn in the last line", good[..good.len() - 7].to_vec()),
        ("torn in the header", good[..40].to_vec()),
        ("one line behind", lines[..3].concat()),
        ("the header alone", lines[0].to_vec()),
        ("a foreign line at the end", [&good[..], b"{\"type\":\"message\"}\n"].concat()),
        ("another header", [b"{\"type\":\"conversation-header\"}\n", lines[1], lines[2], lines[3]].concat()),
        (
            "an older header",
            good.iter().enumerate().map(|(at, b)| if at == lines[0].len() - 3 { b'0' } else { *b }).collect(),
        ),
        ("not text", vec![0xff; 100]),
        ("only line breaks", b"\n\n\n".to_vec()),
    ];
    for (what, bytes) in damage {
        fs::write(&path, bytes).unwrap();
        sync(&dir, &store, &thread).await;
        assert_eq!(fs::read(&path).unwrap(), good, "{what}");
    }
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    sync(&dir, &store, &thread).await;
    assert_eq!(fs::read(&path).unwrap(), good, "gone");
    assert!(!sync_conversation(&dir, &store, &ThreadId::new("nobody")).await.unwrap());
}

#[tokio::test]
async fn a_new_title_or_a_long_absence_rewrites_the_file() {
    let (_root, dir, store) = instance().await;
    let mut thread = thread("t");
    let mut all = Vec::new();
    say(&store, &mut thread, 1, "first").await;
    all.push(message(&thread, 1, "first"));
    sync(&dir, &store, &thread).await;
    thread.title = "A longer title than before".to_owned();
    for ordinal in 2..=60 {
        say(&store, &mut thread, ordinal, "more").await;
        all.push(message(&thread, ordinal, "more"));
    }
    sync(&dir, &store, &thread).await;
    assert_eq!(fs::read_to_string(chat(&dir, &thread)).unwrap(), render_chat(&thread, &all));
}

#[tokio::test]
async fn an_export_has_the_bytes_of_the_live_files() {
    let (root, dir, store) = instance().await;
    for name in ["t1", "t2", "t3"] {
        let mut thread = thread(name);
        for ordinal in 1..=5 {
            say(&store, &mut thread, ordinal, &format!("{name} says {ordinal}")).await;
            sync(&dir, &store, &thread).await;
        }
        let note = note(&thread, 1, "kept");
        assert!(store.commit(Commit::new(note.created_at).put(&note)).await.unwrap().landed());
        sync(&dir, &store, &thread).await;
    }
    let status = json!({"mode": "propose"});
    dir.write_status(&status).unwrap();
    dir.write_threads(&threads_snapshot(&store).await.unwrap()).unwrap();
    dir.write_findings(&findings_snapshot(&store).await.unwrap()).unwrap();
    let out = root.path().join("out");
    let exported = export(&out, &store, Some(&status)).await.unwrap();
    assert_eq!((exported.conversations, exported.messages, exported.notes), (3, 15, 3));
    assert_eq!(tree(&out.join("conversations")), tree(&dir.conversations()));
    assert_eq!(tree(&out.join("state")), tree(&dir.state()));
    let before = tree(&dir.storage().join("conversations"));
    export(&dir.storage(), &store, None).await.unwrap();
    assert_eq!(tree(&dir.conversations()), before, "in place it changes nothing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_course_of_events_gives_the_same_file(
        steps in prop::collection::vec(("\\PC{0,40}", any::<bool>(), 0u8..40), 1..50)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_root, dir, store) = instance().await;
            let mut thread = thread("t");
            let mut all = Vec::new();
            for (ordinal, (content, synced, cut)) in (1..).zip(steps) {
                say(&store, &mut thread, ordinal, &content).await;
                all.push(message(&thread, ordinal, &content));
                if !synced {
                    continue;
                }
                sync(&dir, &store, &thread).await;
                let path = chat(&dir, &thread);
                assert_eq!(fs::read_to_string(&path).unwrap(), render_chat(&thread, &all));
                // A power loss takes some of the end.
                let length = fs::metadata(&path).unwrap().len();
                fs::File::options().write(true).open(&path).unwrap().set_len(length - u64::from(cut)).unwrap();
            }
            sync(&dir, &store, &thread).await;
            assert_eq!(fs::read_to_string(chat(&dir, &thread)).unwrap(), render_chat(&thread, &all));
        });
    }
}
