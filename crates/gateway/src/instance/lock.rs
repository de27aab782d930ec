//! One writer per instance.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
};

use super::{
    InstanceDir, InstanceError,
    atomic::{FILE_MODE, ensure_folder},
};

/// Proof that this process alone writes the instance; released when it is dropped or the process ends, however it ends.
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
        let path = self.lock_file();
        ensure_folder(&self.storage())?;
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(&path);
        let mut file = opened.map_err(InstanceError::io("write", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(InstanceError::Locked { holder: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(InstanceError::io("lock", &path)(error)),
        }
        let note = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{pid}"));
        note.map_err(InstanceError::io("write", &path))?;
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
