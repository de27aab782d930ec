//! Files below one folder and nowhere else.
//!
//! A path is walked name by name from the folder's own handle, and no name on it may be a link: there is no moment at which a
//! link could be put in the way. `..`, absolute paths and hard-linked files are refused.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    path::PathBuf,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, mkdirat, openat, renameat, statat, unlinkat},
    io::Errno,
};

/// The largest file that is read or written, in bytes.
pub(super) const FILE_BYTES_MAX: usize = 256 * 1024;
/// Everything in the workspace together, in bytes and in files.
const TOTAL_BYTES_MAX: u64 = 64 * 1024 * 1024;
const FILES_MAX: usize = 2_000;
/// Folders within folders.
const DEPTH_MAX: usize = 8;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// Why it was not done. Names the path's part, never what is outside.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The path is none of a file in the workspace.
    #[error("`path`: {0}; write it like \"notes/today.md\"")]
    Path(&'static str),
    /// There is nothing there.
    #[error("there is no such file in the workspace")]
    Missing,
    /// A link, a device, a pipe, or a file that has another name elsewhere.
    #[error("that is a link or no plain file; only plain files of the workspace can be used")]
    NotPlain,
    /// Too large.
    #[error("that would be {0}; {1}")]
    TooLarge(String, &'static str),
    /// The file is no text.
    #[error("that file is no UTF-8 text")]
    NotText,
    /// The machine said no.
    #[error("the workspace cannot be used ({0})")]
    Io(String),
}

impl From<Errno> for Refusal {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT => Self::Missing,
            // What a link answers to "no links" and "a folder, please".
            Errno::LOOP | Errno::NOTDIR | Errno::MLINK => Self::NotPlain,
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind().to_string())
    }
}

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A file's text.
    File(String),
    /// A folder's files and folders, sorted: `notes/`, `today.md 120 bytes`.
    Folder(Vec<String>),
}

/// The folder.
pub(super) struct Workspace {
    root: PathBuf,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Without blocking: a pipe would wait for ever for its other end.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

impl Workspace {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn open_root(&self) -> Result<OwnedFd, Refusal> {
        Ok(openat(CWD, &self.root, FOLDER, Mode::empty())?)
    }

    /// What is at `path`; the workspace itself for an empty one.
    pub(super) fn read(&self, path: &str) -> Result<Entry, Refusal> {
        let names = names(path)?;
        let mut folder = match self.open_root() {
            Err(Refusal::Missing) if names.is_empty() => return Ok(Entry::Folder(Vec::new())),
            other => other?,
        };
        let Some((last, parents)) = names.split_last() else { return list(&folder) };
        for name in parents {
            folder = openat(&folder, *name, FOLDER, Mode::empty())?;
        }
        match FileType::from_raw_mode(statat(&folder, *last, AtFlags::SYMLINK_NOFOLLOW)?.st_mode) {
            FileType::Directory => list(&openat(&folder, *last, FOLDER, Mode::empty())?),
            FileType::RegularFile => read_text(openat(&folder, *last, FILE, Mode::empty())?),
            _ => Err(Refusal::NotPlain),
        }
    }

    /// Replaces the file at `path`; makes its folders. Who reads meanwhile sees the old or the new whole.
    pub(super) fn write(&self, path: &str, bytes: &[u8], suffix: u64) -> Result<(), Refusal> {
        let names = names(path)?;
        let Some((last, parents)) = names.split_last() else { return Err(Refusal::Path("names no file")) };
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Refusal::TooLarge(format!("{} bytes", bytes.len()), "a file has at most 256 KiB"));
        }
        let mut folder = self.open_root()?;
        let mut used = Used::default();
        used.count(&folder, 0)?;
        used.leaves_room_for(bytes.len())?;
        for name in parents {
            match mkdirat(&folder, *name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = openat(&folder, *name, FOLDER, Mode::empty())?;
        }
        match statat(&folder, *last, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) if FileType::from_raw_mode(there.st_mode) != FileType::RegularFile => {
                return Err(Refusal::NotPlain);
            }
            Ok(_) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let draft = format!(".draft-{suffix:016x}");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&folder, &draft, flags, Mode::RUSR | Mode::WUSR)?;
        let written = File::from(file).write_all(bytes).map_err(Refusal::from);
        let placed = written.and_then(|()| Ok(renameat(&folder, &draft, &folder, *last)?));
        if placed.is_err() {
            // What remains would only take room; the next writing says so if it does.
            let _ = unlinkat(&folder, &draft, AtFlags::empty());
        }
        placed
    }
}

/// The names a path is made of, each a plain one.
fn names(path: &str) -> Result<Vec<&str>, Refusal> {
    let path = path.trim();
    if path.starts_with('/') {
        return Err(Refusal::Path("is absolute; paths begin in the workspace"));
    }
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    if names.len() > DEPTH_MAX {
        return Err(Refusal::Path("has too many folders"));
    }
    for name in &names {
        if *name == ".." {
            return Err(Refusal::Path("leads out of the workspace"));
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(Refusal::Path("has a name of more than 100 bytes"));
        }
        // What hides or reorders would show another name than the file's.
        let plain = wakeman_present::visible(name) == *name && !name.contains(|c: char| c.is_control() || c == '\\');
        if name.starts_with('.') || !plain {
            return Err(Refusal::Path("has a name that begins with a dot or holds a character that names have not"));
        }
    }
    Ok(names)
}

fn list(folder: &OwnedFd) -> Result<Entry, Refusal> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name.starts_with('.') {
            continue;
        }
        let there = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(there.st_mode) {
            FileType::Directory => names.push(format!("{name}/")),
            FileType::RegularFile => names.push(format!("{name} {} bytes", there.st_size)),
            _ => {}
        }
        if names.len() >= FILES_MAX {
            break;
        }
    }
    names.sort();
    Ok(Entry::Folder(names))
}

fn read_text(file: OwnedFd) -> Result<Entry, Refusal> {
    let there = fstat(&file)?;
    // A second name may be anywhere, and its contents anybody's.
    if FileType::from_raw_mode(there.st_mode) != FileType::RegularFile || there.st_nlink > 1 {
        return Err(Refusal::NotPlain);
    }
    let mut bytes = Vec::new();
    File::from(file).take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Refusal::TooLarge(format!("{} bytes", there.st_size), "a file of more than 256 KiB is not read"));
    }
    String::from_utf8(bytes).map(Entry::File).map_err(|_| Refusal::NotText)
}

/// What the workspace holds already.
#[derive(Default)]
struct Used {
    bytes: u64,
    files: usize,
}

impl Used {
    fn count(&mut self, folder: &OwnedFd, depth: usize) -> Result<(), Refusal> {
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let there = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            self.files += 1;
            self.bytes += u64::try_from(there.st_size).unwrap_or(0);
            let is_folder = FileType::from_raw_mode(there.st_mode) == FileType::Directory;
            if is_folder && depth < DEPTH_MAX && self.files < FILES_MAX {
                self.count(&openat(folder, name, FOLDER, Mode::empty())?, depth + 1)?;
            }
        }
        Ok(())
    }

    fn leaves_room_for(&self, bytes: usize) -> Result<(), Refusal> {
        if self.bytes + bytes as u64 > TOTAL_BYTES_MAX {
            return Err(Refusal::TooLarge("more than 64 MiB".to_owned(), "the workspace has room for 64 MiB"));
        }
        if self.files >= FILES_MAX {
            return Err(Refusal::TooLarge(format!("{} files", self.files + 1), "the workspace has room for 2,000"));
        }
        Ok(())
    }
}
