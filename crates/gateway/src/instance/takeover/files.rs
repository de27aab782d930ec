//! Every file of a directory, and where each belongs in the instance.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::report::CopiedFile;
use crate::instance::InstanceError;

/// Where things go that have no place of their own.
pub(super) const KEPT: &str = "storage/takeover";

/// One file to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copying {
    /// Where it is.
    pub from: PathBuf,
    /// Where it goes, below the instance.
    pub to: PathBuf,
}

/// What was found in a directory.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// To copy as they are.
    pub copy: Vec<Copying>,
    /// Folders below `storage/conversations`.
    pub conversations: Vec<PathBuf>,
    /// One line a file.
    pub report: Vec<CopiedFile>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Where one file belongs.
enum Place {
    Same,
    /// Below `storage/takeover`, with the reason.
    Kept(&'static str),
    /// It is read line by line.
    Conversation,
    /// It stays behind, with the reason.
    Left(&'static str),
}

fn place(path: &Path) -> Place {
    // A name that is not UTF-8 is none of the contract's.
    let name = |part: Component<'_>| part.as_os_str().to_str().unwrap_or("\u{fffd}").to_owned();
    let parts: Vec<_> = path.components().map(name).collect();
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["read-only", "settings.json" | "tools.json" | "wakeup.json"] | [".env"] => Place::Same,
        ["read-only", "prompts", _, ..] | ["workspace", _, ..] | ["storage", "sessions", _, ..] => Place::Same,
        ["storage", "conversations", _, "chat.jsonl" | "notes.jsonl"] => Place::Conversation,
        ["storage", "state", _] => Place::Kept("snapshots are rebuilt from the database"),
        ["storage", "takeover", ..] => Place::Kept("from an earlier takeover"),
        ["storage", name] if name.starts_with("wakeman.") => {
            Place::Left("a database, socket or lock belongs to the process that made it")
        }
        _ => Place::Kept("Wakeman has no place of its own for it"),
    }
}

/// Lists `source`, in the order of the names.
pub(super) fn list_files(source: &Path) -> Result<Files, InstanceError> {
    let mut files = Files::default();
    walk(source, Path::new(""), &mut files)?;
    Ok(files)
}

fn walk(source: &Path, below: &Path, files: &mut Files) -> Result<(), InstanceError> {
    let folder = source.join(below);
    let read = || fs::read_dir(&folder)?.collect::<io::Result<Vec<_>>>();
    let mut entries = read().map_err(InstanceError::io("read", &folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = below.join(entry.file_name());
        let kind = entry.file_type().map_err(InstanceError::io("read", entry.path()))?;
        if kind.is_dir() {
            if path.parent() == Some(Path::new("storage/conversations")) {
                files.conversations.push(path.clone());
            }
            walk(source, &path, files)?;
        } else if kind.is_file() {
            add(source, &path, files);
        } else {
            let note = "a link, socket or device is not followed; copy what it points to by hand";
            files.warnings.push(format!("{}: {note}", path.display()));
            files.report.push(copied(&path, None, Some(note)));
        }
    }
    Ok(())
}

fn add(source: &Path, path: &Path, files: &mut Files) {
    let (to, note) = match place(path) {
        Place::Same => (Some(path.to_owned()), None),
        Place::Kept(why) => (Some(Path::new(KEPT).join(path)), Some(why)),
        Place::Conversation => (Some(path.to_owned()), Some("read line by line and written anew")),
        Place::Left(why) => (None, Some(why)),
    };
    if let (Some(to), Place::Same | Place::Kept(_)) = (&to, place(path)) {
        files.copy.push(Copying { from: source.join(path), to: to.clone() });
    }
    files.report.push(copied(path, to.as_deref(), note));
}

fn copied(from: &Path, to: Option<&Path>, note: Option<&str>) -> CopiedFile {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    CopiedFile { from: text(from), to: to.map(text), note: note.map(str::to_owned) }
}
