//! One writer per instance, one adapter per channel.

use std::{
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
        self.take(&self.lock_file(), pid, |holder| InstanceError::Locked { holder })
    }

    /// Takes the lock of the one adapter that serves `channel` of this instance, in whatever process.
    ///
    /// # Errors
    /// [`InstanceError::Served`] when another one does; [`InstanceError::Io`].
    pub fn lock_frontend(&self, channel: Channel, pid: u32) -> Result<InstanceLock, InstanceError> {
        let path = self.storage().join(format!("{channel}.lock"));
        self.take(&path, pid, |holder| InstanceError::Served { channel, holder })
    }

    fn take(
        &self,
        path: &Path,
        pid: u32,
        taken: impl FnOnce(String) -> InstanceError,
    ) -> Result<InstanceLock, InstanceError> {
        ensure_folder(&self.storage())?;
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path);
        let mut file = opened.map_err(InstanceError::io("write", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(InstanceError::io("lock", path)(error)),
        }
        let note = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{pid}"));
        note.map_err(InstanceError::io("write", path))?;
        Ok(InstanceLock { _file: file })
    }

    /// Who holds the lock, e.g. `pid 4711`; `None`: nobody, or the file does not exist.
    pub fn locked_by(&self) -> Option<String> {
        let mut file = File::open(self.lock_file()).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
            _ => None,
        }
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // Between taking the lock and noting the pid there is nothing to read.
    let read = file.take(16).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(pid) if read.is_ok() => format!("pid {pid}"),
        _ => "its pid is not known yet".to_owned(),
    }
}
