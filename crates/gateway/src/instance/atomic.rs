//! Writing a file whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::InstanceError;

/// Mode of every file of an instance.
pub(crate) const FILE_MODE: u32 = 0o600;
/// Mode of every folder of an instance.
pub(crate) const FOLDER_MODE: u32 = 0o700;

/// A file under way: what is written goes to a neighbour, which takes the file's place at [`AtomicFile::finish`]. Dropped before
/// that, it leaves the file as it was. One writer per path at a time.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    neighbour: PathBuf,
    file: File,
    finished: bool,
}

impl AtomicFile {
    /// Begins a new content for `target`, whose folder must exist. Mode 0600, or narrower if the file that is replaced is.
    ///
    /// # Errors
    /// [`InstanceError::Io`].
    pub fn create(target: &Path) -> Result<Self, InstanceError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let neighbour = target.with_file_name(format!(".{name}.tmp"));
        let options = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).to_owned();
        let file = options.open(&neighbour).map_err(InstanceError::io("write", &neighbour))?;
        let unfinished = Self { target: target.to_owned(), neighbour, file, finished: false };
        let before = fs::metadata(target).map_or(FILE_MODE, |meta| meta.permissions().mode());
        // The owner can always read what is written; nobody gets a right that the old file did not give.
        let mode = (before & FILE_MODE) | 0o400;
        let narrowed = unfinished.file.set_permissions(fs::Permissions::from_mode(mode));
        narrowed.map_err(InstanceError::io("write", target))?;
        Ok(unfinished)
    }

    /// Puts the content in place without waiting for the disk: after a power cut it may be missing or cut. For what can be written anew
    /// from the database.
    ///
    /// # Errors
    /// [`InstanceError::Io`]; the file is then as it was.
    pub fn finish_unsynced(mut self) -> Result<(), InstanceError> {
        fs::rename(&self.neighbour, &self.target).map_err(InstanceError::io("write", &self.target))?;
        self.finished = true;
        Ok(())
    }

    /// Puts the content in place: synced, renamed, the folder synced. Blocks until it is on the disk.
    ///
    /// # Errors
    /// [`InstanceError::Io`]; the file is then as it was.
    pub fn finish(mut self) -> Result<(), InstanceError> {
        let put = || {
            self.file.sync_all()?;
            fs::rename(&self.neighbour, &self.target)?;
            sync_folder(&self.target)
        };
        put().map_err(InstanceError::io("write", &self.target))?;
        self.finished = true;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing can be done about a neighbour that stays; the next write takes its place.
            let _ = fs::remove_file(&self.neighbour);
        }
    }
}

/// Makes `bytes` the content of `target`, or leaves it as it was.
///
/// # Errors
/// [`InstanceError::Io`].
pub fn write_atomic(target: &Path, bytes: &[u8]) -> Result<(), InstanceError> {
    let mut file = AtomicFile::create(target)?;
    file.write_all(bytes).map_err(InstanceError::io("write", target))?;
    file.finish()
}

/// Creates the folder and what is missing above it, mode 0700. Existing folders keep their modes.
pub(crate) fn ensure_folder(path: &Path) -> Result<(), InstanceError> {
    let create = fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path);
    create.map_err(InstanceError::io("create", path))
}

fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
