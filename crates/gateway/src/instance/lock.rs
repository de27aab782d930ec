//! One writer per instance, one adapter per channel.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use wakeman_types::Channel;

use super::{
    InstanceDir, InstanceError,
    atomic::{FILE_MODE, ensure_folder},
};

/// Stands behind the pid of what holds the lock for a moment only.
const COMMAND: &str = "command";

/// Who has a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// `None`: it has only just taken it.
    pub pid: Option<u32>,
    /// One command, which lets go of it soon; a daemon or an adapter keeps it.
    pub passing: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}"),
            None => f.write_str("its pid is not known yet"),
        }
    }
}

/// Proof that this process alone writes the instance, or serves one of its channels; released when it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

impl InstanceDir {
    /// Takes the lock on `storage/wakeman.lock` and notes `pid` in it for whoever comes second.
    ///
    /// # Errors
    /// [`InstanceError::Locked`] when another process, or another handle of this one, has it; [`InstanceError::Io`].
    pub fn lock(&self, pid: u32) -> Result<InstanceLock, InstanceError> {
        self.take(&self.lock_file(), &format!("{pid}"), |holder| InstanceError::Locked { holder })
    }

    /// The same for one command: who comes second sees that it will be free soon.
    ///
    /// # Errors
    /// As [`Self::lock`].
    pub fn lock_for_command(&self, pid: u32) -> Result<InstanceLock, InstanceError> {
        self.take(&self.lock_file(), &format!("{pid} {COMMAND}"), |holder| InstanceError::Locked { holder })
    }

    /// Takes the lock of the one adapter that serves `channel` of this instance, in whatever process.
    ///
    /// # Errors
    /// [`InstanceError::Served`] when another one does; [`InstanceError::Io`].
    pub fn lock_frontend(&self, channel: Channel, pid: u32) -> Result<InstanceLock, InstanceError> {
        let path = self.storage().join(format!("{channel}.lock"));
        self.take(&path, &format!("{pid}"), |holder| InstanceError::Served { channel, holder })
    }

    fn take(
        &self,
        path: &Path,
        note: &str,
        taken: impl FnOnce(Holder) -> InstanceError,
    ) -> Result<InstanceLock, InstanceError> {
        ensure_folder(&self.storage())?;
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path);
        let mut file = opened.map_err(InstanceError::io("write", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(InstanceError::io("lock", path)(error)),
        }
        let noted = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{note}"));
        noted.map_err(InstanceError::io("write", path))?;
        Ok(InstanceLock { _file: file })
    }

    /// Who holds the lock; `None`: nobody, or the file does not exist.
    pub fn locked_by(&self) -> Option<Holder> {
        let mut file = File::open(self.lock_file()).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
            _ => None,
        }
    }
}

fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    // Between taking the lock and noting the pid there is nothing to read.
    let read = file.take(32).read_to_string(&mut text);
    let (pid, what) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    Holder { pid: pid.parse().ok().filter(|_| read.is_ok()), passing: what == COMMAND }
}
