//! Reading the other directory.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use wakeman_types::{Message, Note, Thread};

use super::{
    TakeoverError,
    config::{account_settings, account_tools, account_wakeups},
    conversations::{Conversation, conversation},
    files::{Copying, Files, KEPT, list_files},
    merge::merge,
    report::{ConversationReport, TakeoverReport},
};
use crate::{
    config::{SETTINGS_FILE, TOOLS_FILE, WAKEUP_FILE},
    instance::{
        InstanceError,
        conversation::{FileKind, ReadFile, read_records},
    },
};

/// Everything a takeover will do, as data.
#[derive(Debug, Clone, PartialEq)]
pub struct TakeoverPlan {
    /// The directory that was read, without links in its path.
    pub source: PathBuf,
    /// `settings.json` as it stands.
    pub settings: Option<String>,
    /// `tools.json` as it stands.
    pub tools: Option<String>,
    /// `wakeup.json` as it stands.
    pub wakeup: Option<String>,
    /// The threads, in the order of their folders, with what was said in them.
    pub threads: Vec<TakenThread>,
    /// Files to copy as they are; the three above are among them.
    pub files: Vec<Copying>,
    /// Files to write with what could not be used: path below the instance, and content.
    pub sidecars: Vec<(PathBuf, Vec<u8>)>,
    /// The account of it all.
    pub report: TakeoverReport,
}

/// One thread with everything in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenThread {
    /// The thread.
    pub thread: Thread,
    /// Its messages in the order of the file, ordinals from 1.
    pub messages: Vec<Message>,
    /// Its notes in the order of the file, ordinals from 1.
    pub notes: Vec<Note>,
}

/// Reads `source`; changes nothing.
///
/// # Errors
/// [`TakeoverError::NotAnInstance`], or [`TakeoverError::Instance`] for a file that cannot be read.
pub fn plan_takeover(source: &Path) -> Result<TakeoverPlan, TakeoverError> {
    check_instance(source)?;
    let source = source.canonicalize().map_err(InstanceError::io("read", source))?;
    let found = list_files(&source)?;
    let [settings, tools, wakeup] = [SETTINGS_FILE, TOOLS_FILE, WAKEUP_FILE].map(|file| read_text(&source, file));
    let (settings, tools, wakeup) = (settings?, tools?, wakeup?);
    let mut report = TakeoverReport { files: found.report.clone(), ..TakeoverReport::default() };
    settings.as_deref().into_iter().for_each(|text| account_settings(text, &mut report));
    tools.as_deref().into_iter().for_each(|text| account_tools(text, &mut report));
    wakeup.as_deref().into_iter().for_each(|text| account_wakeups(text, &mut report));
    let conversations = read_conversations(&source, &found)?;
    let sidecars = sidecars(&conversations);
    account_conversations(&conversations, &mut report);
    report.warnings.extend(found.warnings.iter().cloned());
    warn_of_wide_secrets(&source, &mut report);
    let threads = merge(conversations, &mut report);
    report.threads = threads.len();
    report.messages = threads.iter().map(|thread| thread.messages.len()).sum();
    report.notes = threads.iter().map(|thread| thread.notes.len()).sum();
    Ok(TakeoverPlan { source, settings, tools, wakeup, threads, files: found.copy, sidecars, report })
}

fn check_instance(source: &Path) -> Result<(), TakeoverError> {
    if source.join(SETTINGS_FILE).is_file() || source.join("storage/conversations").is_dir() {
        return Ok(());
    }
    let inside = source.join("instances");
    let hint = match inside.is_dir() {
        true => format!("; name one of the folders in {}", inside.display()),
        false => "; name the folder that holds read-only/ and storage/".to_owned(),
    };
    Err(TakeoverError::NotAnInstance { path: source.to_owned(), hint })
}

fn read_text(source: &Path, file: &str) -> Result<Option<String>, InstanceError> {
    let path = source.join(file);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(InstanceError::io("read", path)(error)),
    }
}

fn read_conversations(source: &Path, found: &Files) -> Result<Vec<Conversation>, InstanceError> {
    let mut conversations = Vec::new();
    for folder in &found.conversations {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let read = |kind: FileKind| {
            let path = folder.join(kind.file_name());
            match source.join(&path).is_file() {
                true => read_records(&source.join(&path), &path.to_string_lossy()),
                false => Ok(ReadFile::default()),
            }
        };
        let (chat, notes) = (read(FileKind::Chat)?, read(FileKind::Notes)?);
        if chat != ReadFile::default() || notes != ReadFile::default() {
            conversations.push(conversation(&name, &chat, &notes));
        }
    }
    Ok(conversations)
}

/// `storage/takeover/conversations/<folder>/chat.jsonl.torn` for a file of `storage/conversations`.
fn sidecar(file: &str) -> PathBuf {
    let below = file.strip_prefix("storage/").unwrap_or(file);
    Path::new(KEPT).join(format!("{below}.torn"))
}

/// The lines that could not be used, byte for byte.
fn sidecars(conversations: &[Conversation]) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for line in conversations.iter().flat_map(|conversation| &conversation.bad) {
        let bytes = files.entry(sidecar(&line.file)).or_default();
        bytes.extend_from_slice(&line.bytes);
        bytes.push(b'\n');
    }
    files.into_iter().collect()
}

fn account_conversations(conversations: &[Conversation], report: &mut TakeoverReport) {
    for conversation in conversations {
        report.conversations.push(ConversationReport {
            conversation_id: conversation.thread.conversation_id.clone(),
            thread_id: conversation.thread.thread_id.clone(),
            channel: conversation.thread.channel,
            imported_channel: conversation.imported_channel.clone(),
            messages: conversation.messages.len(),
            notes: conversation.notes.len(),
            unreadable: conversation.bad.len(),
        });
        report.warnings.extend(conversation.bad.iter().map(|line| {
            let sidecar = sidecar(&line.file);
            format!("{}:{}: {}; kept verbatim in {}", line.file, line.line, line.reason, sidecar.display())
        }));
        report.unreadable.extend(conversation.bad.iter().cloned());
        report.warnings.extend(conversation.warnings.iter().cloned());
    }
}

/// A credential file that others could read is copied for this account alone, but its content may be known already.
fn warn_of_wide_secrets(source: &Path, report: &mut TakeoverReport) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(meta) = fs::metadata(source.join(".env")) else { return };
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        report.warnings.push(format!(
            ".env: others could read it (mode {mode:04o}); the copy is 0600, but replace the credentials in it"
        ));
    }
}
