//! The workspace is the only folder there is, whatever the path says and whatever lies in it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use serde_json::json;

use super::Room;

/// A room with people's settings beside the workspace, as an instance has them.
async fn room() -> Room {
    let room = Room::new().await;
    let folder = room.world.folder();
    fs::create_dir(folder.join("read-only")).unwrap();
    fs::write(folder.join("read-only/settings.json"), "secret").unwrap();
    fs::write(folder.join(".env"), "secret").unwrap();
    room
}

#[tokio::test]
async fn what_is_written_is_read_back_and_listed() {
    let room = room().await;
    room.ask("workspace_write", json!({"path": "notes/today.md", "text": "one\n"})).await;
    room.ask("workspace_write", json!({"path": "./notes//today.md", "text": "two\n"})).await;
    assert_eq!(room.ask("workspace_read", json!({"path": "notes/today.md"})).await.content, "two\n");
    assert_eq!(room.ask("workspace_read", json!({})).await.content, "notes/");
    assert_eq!(room.ask("workspace_read", json!({"path": "notes"})).await.content, "today.md 4 bytes");
    let mode = fs::metadata(room.world.folder().join("workspace/notes/today.md")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn no_path_leads_out() {
    let room = room().await;
    let folder = room.world.folder();
    let workspace = folder.join("workspace");
    symlink(folder.join("read-only"), workspace.join("linked")).unwrap();
    symlink(folder.join("read-only/settings.json"), workspace.join("settings")).unwrap();
    symlink("..", workspace.join("up")).unwrap();
    symlink("/nowhere", workspace.join("dangling")).unwrap();
    fs::hard_link(folder.join("read-only/settings.json"), workspace.join("hard")).unwrap();
    let absolute = folder.join("read-only/settings.json").display().to_string();
    let paths = [
        "../read-only/settings.json",
        "notes/../../read-only/settings.json",
        "..",
        "./..",
        "/etc/passwd",
        absolute.as_str(),
        "linked/settings.json",
        "linked/new.json",
        "settings",
        "up/read-only/settings.json",
        "up/.env",
        "dangling",
        "hard",
        ".env",
        "a\u{0}b",
        "..\\read-only",
        "report\u{202e}fdp.md",
        "no\u{200b}tes.md",
        "a\u{1b}[2J.md",
        "~/x\n",
    ];
    for path in paths {
        // A hard link may be replaced: that takes the name away and leaves the file.
        if path != "hard" && path != "~/x\n" {
            let said = room.refused("workspace_write", json!({"path": path, "text": "mine"})).await;
            assert!(!said.contains("secret"), "{path}: {said}");
        }
        let read = room.call("workspace_read", &json!({"path": path}).to_string()).await;
        assert!(read.is_err(), "{path}: {read:?}");
    }
    assert_eq!(fs::read_to_string(folder.join("read-only/settings.json")).unwrap(), "secret");
    assert_eq!(fs::read_dir(folder.join("read-only")).unwrap().count(), 1, "nothing came into it");
    assert!(!folder.join("nowhere").exists());
}

#[tokio::test]
async fn read_only_is_out_of_reach_of_every_tool() {
    let room = room().await;
    for (name, arguments) in super::every_call() {
        for path in ["../read-only/settings.json", "read-only/settings.json", "/read-only"] {
            let mut arguments = arguments.clone();
            if arguments.get("path").is_some() {
                arguments["path"] = json!(path);
            }
            if let Ok(answer) = room.call(name, &arguments.to_string()).await {
                assert!(!answer.content.contains("secret"), "{name} {arguments}");
            }
        }
    }
    assert_eq!(fs::read_to_string(room.world.folder().join("read-only/settings.json")).unwrap(), "secret");
}

#[tokio::test]
async fn a_workspace_that_is_a_link_is_no_workspace() {
    let room = room().await;
    let folder = room.world.folder();
    fs::remove_dir(folder.join("workspace")).unwrap();
    symlink(folder.join("read-only"), folder.join("workspace")).unwrap();
    let said = room.refused("workspace_read", json!({"path": "settings.json"})).await;
    assert!(said.contains("link or no plain file"), "{said}");
}

#[tokio::test]
async fn sizes_are_bounded() {
    let room = room().await;
    let said = room.refused("workspace_write", json!({"path": "big", "text": "x".repeat(256 * 1024 + 1)})).await;
    assert_eq!(said, "that would be 262145 bytes; a file has at most 256 KiB");
    let deep = ["d"; 9].join("/");
    assert!(room.refused("workspace_write", json!({"path": deep, "text": ""})).await.contains("too many folders"));
    let long = "n".repeat(101);
    assert!(room.refused("workspace_write", json!({"path": long, "text": ""})).await.contains("more than 100 bytes"));
    let workspace = room.world.folder().join("workspace");
    fs::write(workspace.join("large"), vec![b'x'; 300 * 1024]).unwrap();
    let said = room.refused("workspace_read", json!({"path": "large"})).await;
    assert!(said.contains("307200 bytes"), "{said}");
    fs::write(workspace.join("bytes"), [0xff, 0xfe]).unwrap();
    assert_eq!(room.refused("workspace_read", json!({"path": "bytes"})).await, "that file is no UTF-8 text");
    let full = fs::File::create(workspace.join("full")).unwrap();
    full.set_len(64 * 1024 * 1024).unwrap();
    let said = room.refused("workspace_write", json!({"path": "more", "text": "x"})).await;
    assert!(said.contains("room for 64 MiB"), "{said}");
}
