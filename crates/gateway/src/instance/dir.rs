//! Where everything is.

use std::{
    fmt,
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde_json::Value;
use wakeman_types::{ConversationId, Timestamp};

use super::{
    InstanceError,
    atomic::{FILE_MODE, ensure_folder, write_atomic},
    time::folder_time,
};

/// The name of an instance: 1–64 ASCII letters, digits, `-` and `_`, not beginning with `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InstanceName(String);

impl InstanceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for InstanceName {
    type Err = InstanceError;

    fn from_str(text: &str) -> Result<Self, InstanceError> {
        let fine = (1..=64).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if fine { Ok(Self(text.to_owned())) } else { Err(InstanceError::Name(text.to_owned())) }
    }
}

/// One instance's directory: `<root>/instances/<name>`. Knows names; touches files only in the methods that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceDir {
    path: PathBuf,
    name: InstanceName,
}

impl InstanceDir {
    /// The directory of instance `name` below `root` (`.runtime`). It need not exist.
    ///
    /// # Errors
    /// [`InstanceError::Name`].
    pub fn new(root: &Path, name: &str) -> Result<Self, InstanceError> {
        let name: InstanceName = name.parse()?;
        Ok(Self { path: root.join("instances").join(name.as_str()), name })
    }

    /// Its name.
    pub fn name(&self) -> &InstanceName {
        &self.name
    }

    /// The directory itself, 0700.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has been created.
    pub fn exists(&self) -> bool {
        self.path.join("read-only").is_dir() || self.storage().is_dir()
    }

    /// `read-only/`: people's input.
    pub fn read_only(&self) -> PathBuf {
        self.path.join("read-only")
    }

    /// `read-only/settings.json`.
    pub fn settings(&self) -> PathBuf {
        self.path.join(crate::config::SETTINGS_FILE)
    }

    /// `read-only/tools.json`.
    pub fn tools(&self) -> PathBuf {
        self.path.join(crate::config::TOOLS_FILE)
    }

    /// `read-only/wakeup.json`.
    pub fn wakeup(&self) -> PathBuf {
        self.path.join(crate::config::WAKEUP_FILE)
    }

    /// `read-only/prompts`, where prompt files of its own may be.
    pub fn prompts(&self) -> PathBuf {
        self.path.join("read-only/prompts")
    }

    /// `.env`, 0600, which need not exist.
    pub fn env_file(&self) -> PathBuf {
        self.path.join(".env")
    }

    /// `storage`.
    pub fn storage(&self) -> PathBuf {
        self.path.join("storage")
    }

    /// `storage/wakeman.db`.
    pub fn database(&self) -> PathBuf {
        self.path.join("storage/wakeman.db")
    }

    /// `storage/wakeman.sock`.
    pub fn socket(&self) -> PathBuf {
        self.path.join("storage/wakeman.sock")
    }

    /// `storage/wakeman.lock`, held by the process that writes the instance.
    pub fn lock_file(&self) -> PathBuf {
        self.path.join("storage/wakeman.lock")
    }

    /// `storage/journal.key`, which signs the journal's heads; its public half is `storage/journal.pub`.
    pub fn journal_key(&self) -> PathBuf {
        self.path.join("storage/journal.key")
    }

    /// `storage/state`.
    pub fn state(&self) -> PathBuf {
        self.path.join("storage/state")
    }

    /// `storage/conversations`.
    pub fn conversations(&self) -> PathBuf {
        self.path.join("storage/conversations")
    }

    /// `storage/sessions`.
    pub fn sessions(&self) -> PathBuf {
        self.path.join("storage/sessions")
    }

    /// `workspace`.
    pub fn workspace(&self) -> PathBuf {
        self.path.join("workspace")
    }

    /// The folder of one conversation.
    ///
    /// # Errors
    /// [`InstanceError::Folder`] for an id that is no plain folder name.
    pub fn conversation(&self, id: &ConversationId) -> Result<PathBuf, InstanceError> {
        conversation_folder(&self.conversations(), id)
    }

    /// `storage/sessions/<utc>/system.log` of a run that starts at `at`.
    pub fn session_log(&self, at: Timestamp) -> PathBuf {
        self.sessions().join(folder_time(at)).join("system.log")
    }

    /// Creates the session log of a run that starts at `at`, 0600, to append to.
    ///
    /// # Errors
    /// [`InstanceError::Io`].
    pub fn open_session_log(&self, at: Timestamp) -> Result<(PathBuf, File), InstanceError> {
        let path = self.session_log(at);
        ensure_folder(&self.sessions().join(folder_time(at)))?;
        let opened = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(&path);
        let file = opened.map_err(InstanceError::io("write", &path))?;
        Ok((path, file))
    }

    /// Replaces `storage/state/status.json`.
    ///
    /// # Errors
    /// [`InstanceError::Io`]; as for the other two.
    pub fn write_status(&self, status: &Value) -> Result<(), InstanceError> {
        write_snapshot(&self.state(), "status", status)
    }

    /// Replaces `storage/state/threads.json`.
    ///
    /// # Errors
    /// [`InstanceError::Io`].
    pub fn write_threads(&self, threads: &Value) -> Result<(), InstanceError> {
        write_snapshot(&self.state(), "threads", threads)
    }

    /// Replaces `storage/state/findings.json`.
    ///
    /// # Errors
    /// [`InstanceError::Io`].
    pub fn write_findings(&self, findings: &Value) -> Result<(), InstanceError> {
        write_snapshot(&self.state(), "findings", findings)
    }
}

pub(crate) fn conversation_folder(conversations: &Path, id: &ConversationId) -> Result<PathBuf, InstanceError> {
    let text = id.as_str();
    let plain = (1..=255).contains(&text.len()) && !text.starts_with('.') && !text.contains(['/', '\0']);
    if plain { Ok(conversations.join(text)) } else { Err(InstanceError::Folder(text.to_owned())) }
}

/// Replaces `<state>/<name>.json`, for people to read: two-space indents and a line break at the end.
pub(crate) fn write_snapshot(state: &Path, name: &str, value: &Value) -> Result<(), InstanceError> {
    ensure_folder(state)?;
    write_atomic(&state.join(format!("{name}.json")), format!("{value:#}\n").as_bytes())
}
