//! Names, modes, the lock, writing whole or not at all.

use std::{fs, io::Write, os::unix::fs::symlink, path::Path};

use serde_json::json;
use wakeman_types::{ConversationId, ThreadId, Timestamp};

use super::super::{
    AtomicFile, Holder, InstanceDir, InstanceError, TemplateFile, conversation_id, folder_time, parse_folder_time,
    read_secret_file, write_atomic,
};
use super::{MORNING, mode, set_mode};

const TEMPLATE: &[TemplateFile<'_>] = &[
    TemplateFile { path: "read-only/settings.json", bytes: b"{}\n" },
    TemplateFile { path: "workspace/README.md", bytes: b"# Workspace\n" },
];

fn empty() -> (tempfile::TempDir, InstanceDir) {
    let root = tempfile::tempdir().unwrap();
    let dir = InstanceDir::new(root.path(), "default").unwrap();
    (root, dir)
}

#[test]
fn a_name_is_a_plain_folder() {
    let root = Path::new("/r");
    for name in ["default", "eu-1", "A_b", "7"] {
        assert_eq!(InstanceDir::new(root, name).unwrap().path(), root.join("instances").join(name));
    }
    let long = "x".repeat(65);
    for name in ["", ".", "..", "a/b", "../x", "-x", "a b", "ü", "a.b", long.as_str()] {
        assert!(InstanceDir::new(root, name).is_err(), "{name}");
    }
    assert_eq!(
        InstanceDir::new(root, "../x").unwrap_err().to_string(),
        "\"../x\" is not an instance name; use up to 64 letters, digits, - and _, like \"default\""
    );
}

#[test]
fn the_names_of_the_contract() {
    let dir = InstanceDir::new(Path::new("/r"), "default").unwrap();
    let table = [
        (dir.settings(), "read-only/settings.json"),
        (dir.tools(), "read-only/tools.json"),
        (dir.wakeup(), "read-only/wakeup.json"),
        (dir.prompts(), "read-only/prompts"),
        (dir.env_file(), ".env"),
        (dir.database(), "storage/wakeman.db"),
        (dir.socket(), "storage/wakeman.sock"),
        (dir.lock_file(), "storage/wakeman.lock"),
        (dir.state(), "storage/state"),
        (dir.workspace(), "workspace"),
        (
            dir.session_log(Timestamp::from_ms(MORNING - 600_000)),
            "storage/sessions/2026-04-20T05-00-00-000Z/system.log",
        ),
        (
            dir.conversation(&conversation_id(Timestamp::from_ms(MORNING), &ThreadId::new("thread_7f00"))).unwrap(),
            "storage/conversations/conversation-2026-04-20T05-10-00-000Z-thread_7f00",
        ),
    ];
    for (path, want) in table {
        assert_eq!(path, dir.path().join(want));
    }
    for id in ["", ".", "..", "../x", "a/b", ".hidden"] {
        assert!(dir.conversation(&ConversationId::new(id)).is_err(), "{id}");
    }
}

#[test]
fn folder_times_survive_the_trip() {
    for ms in [0, 1, MORNING, MORNING + 999, 4_102_444_800_000] {
        let at = Timestamp::from_ms(ms);
        assert_eq!(parse_folder_time(&folder_time(at)), Some(at));
    }
    for text in ["", "Z", "2026-04-20T05-10-00Z", "2026-04-20T05:10:00.000Z", "2026-13-20T05-10-00-000Z"] {
        assert_eq!(parse_folder_time(text), None, "{text}");
    }
}

#[test]
fn a_new_instance_is_this_accounts_alone_and_nothing_is_overwritten() {
    let (_root, dir) = empty();
    assert!(!dir.exists());
    let created = dir.create_from_template(TEMPLATE).unwrap();
    assert_eq!((created.written.len(), created.kept.len()), (2, 0));
    assert!(dir.exists());
    for folder in ["", "read-only", "storage", "storage/state", "storage/conversations", "workspace"] {
        assert_eq!(mode(&dir.path().join(folder)), 0o700, "{folder}");
    }
    assert_eq!(mode(&dir.settings()), 0o600);
    assert_eq!(dir.check_modes(), []);
    fs::write(dir.settings(), "{\"mine\": 1}").unwrap();
    let again = dir.create_from_template(TEMPLATE).unwrap();
    assert_eq!((again.written.len(), again.kept.len()), (0, 2));
    assert_eq!(fs::read_to_string(dir.settings()).unwrap(), "{\"mine\": 1}");
    for path in ["../x", "/etc/x", "a/../../x", ""] {
        assert!(dir.create_from_template(&[TemplateFile { path, bytes: b"" }]).is_err(), "{path}");
    }
}

#[test]
fn modes_that_let_others_in_are_named_with_the_command() {
    let (_root, dir) = empty();
    dir.create_from_template(TEMPLATE).unwrap();
    fs::write(dir.env_file(), "A=1").unwrap();
    set_mode(&dir.env_file(), 0o644);
    set_mode(dir.path(), 0o750);
    let found: Vec<_> = dir.check_modes().into_iter().map(|p| (p.path, p.what, p.remedy)).collect();
    let path = |name: &str| if name.is_empty() { dir.path().to_owned() } else { dir.path().join(name) };
    let want = |name: &str, mode: &str, right: &str| {
        let what = format!("other accounts of this machine have rights on it (mode {mode})");
        (path(name), what, format!("chmod {right} {}", path(name).display()))
    };
    assert_eq!(found, [want("", "0750", "700"), want(".env", "0644", "600")]);
}

#[test]
fn a_socket_path_that_is_too_long_is_named() {
    let root = tempfile::tempdir().unwrap();
    let dir = InstanceDir::new(&root.path().join("x".repeat(90)), "default").unwrap();
    let problem = dir.check_modes().pop().unwrap();
    assert_eq!(problem.path, dir.socket());
    assert_eq!(problem.remedy, "move the instance to a shorter path with --root");
}

#[test]
fn the_second_process_is_refused_and_told_who_has_it() {
    let (_root, dir) = empty();
    assert_eq!(dir.locked_by(), None);
    let first = dir.lock(4711).unwrap();
    assert_eq!(mode(&dir.lock_file()), 0o600);
    assert_eq!(
        dir.lock(4712).unwrap_err().to_string(),
        "another wakeman runs on this instance (pid 4711); stop it, or choose another with --instance"
    );
    assert_eq!(dir.locked_by(), Some(Holder { pid: Some(4711), passing: false }));
    drop(first);
    assert_eq!(dir.locked_by(), None);
    let command = dir.lock_for_command(4712).unwrap();
    assert_eq!(dir.locked_by(), Some(Holder { pid: Some(4712), passing: true }));
    assert!(matches!(dir.lock(4713).unwrap_err(), InstanceError::Locked { holder } if holder.passing));
    drop(command);
    // What an older build noted is a daemon's.
    std::fs::write(dir.lock_file(), "4714\n").unwrap();
    let third = dir.lock(4715).unwrap();
    assert_eq!(dir.locked_by(), Some(Holder { pid: Some(4715), passing: false }));
    // What nobody wrote says nothing of who holds it.
    for garbage in ["x y\n", "", "\u{fffd}"] {
        std::fs::write(dir.lock_file(), garbage).unwrap();
        assert_eq!(dir.locked_by(), Some(Holder { pid: None, passing: false }), "{garbage:?}");
    }
    drop(third);
}

#[test]
fn a_session_log_is_appended_to_and_private() {
    let (_root, dir) = empty();
    let at = Timestamp::from_ms(MORNING);
    for line in ["one\n", "two\n"] {
        let (_, mut file) = dir.open_session_log(at).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(fs::read_to_string(dir.session_log(at)).unwrap(), "one\ntwo\n");
    assert_eq!(mode(&dir.session_log(at)), 0o600);
}

#[test]
fn snapshots_are_whole_and_readable() {
    let (_root, dir) = empty();
    dir.write_status(&json!({"mode": "propose"})).unwrap();
    dir.write_threads(&json!({"threads": []})).unwrap();
    dir.write_findings(&json!([])).unwrap();
    assert_eq!(fs::read_to_string(dir.state().join("status.json")).unwrap(), "{\n  \"mode\": \"propose\"\n}\n");
    assert_eq!(fs::read_to_string(dir.state().join("findings.json")).unwrap(), "[]\n");
    assert_eq!(fs::read_dir(dir.state()).unwrap().count(), 3);
}

#[test]
fn a_write_that_fails_leaves_the_file_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("status.json");
    write_atomic(&path, b"old").unwrap();
    // The disk is full, or the process ends, after half of it.
    let mut half = AtomicFile::create(&path).unwrap();
    half.write_all(b"ne").unwrap();
    drop(half);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    // The rename cannot take place.
    let blocked = root.path().join("blocked");
    let mut file = AtomicFile::create(&blocked).unwrap();
    file.write_all(b"new").unwrap();
    fs::create_dir_all(blocked.join("inside")).unwrap();
    let error = file.finish().unwrap_err();
    let want = format!("could not write {}; check the disk and the permissions of its folder", blocked.display());
    assert_eq!(error.to_string(), want);
    let names: Vec<_> = fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    // The folder is gone.
    assert!(write_atomic(&root.path().join("gone/status.json"), b"x").is_err());
}

#[test]
fn what_a_crash_left_behind_does_not_stand_in_the_way() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("status.json");
    fs::write(root.path().join(".status.json.tmp"), "left behind, and longer").unwrap();
    write_atomic(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn no_mode_is_ever_widened() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("f");
    for (before, after) in [(0o600, 0o600), (0o400, 0o400), (0o644, 0o600), (0o777, 0o600), (0o444, 0o400)] {
        fs::write(&path, "old").ok();
        set_mode(&path, before);
        write_atomic(&path, b"new").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (after, b"new".to_vec()), "{before:o}");
        fs::remove_file(&path).unwrap();
    }
    write_atomic(&path, b"new").unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_secret_file_is_read_with_the_mode_of_what_a_link_points_to() {
    let root = tempfile::tempdir().unwrap();
    let (file, link) = (root.path().join("token"), root.path().join("link"));
    fs::write(&file, "abc\n").unwrap();
    set_mode(&file, 0o640);
    symlink(&file, &link).unwrap();
    let secret = read_secret_file(&link).unwrap();
    assert_eq!((secret.text.as_str(), secret.mode & 0o777), ("abc\n", 0o640));
    assert!(read_secret_file(&root.path().join("none")).is_err());
    fs::write(&file, vec![b'x'; 70_000]).unwrap();
    assert!(read_secret_file(&file).is_err());
}
