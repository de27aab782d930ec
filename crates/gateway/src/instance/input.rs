//! Files of people's input. What lies at their paths is anybody's: a pipe would be waited for, and a device or a huge file read for ever.

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

/// A file as it was read, and the mode it has.
pub(super) struct InputFile {
    pub(super) text: String,
    pub(super) mode: u32,
}

/// Reads a text file of at most `bytes_max` bytes.
///
/// # Errors
/// What the system says; [`io::ErrorKind::InvalidInput`] when it is no file, [`io::ErrorKind::FileTooLarge`] when it is larger,
/// [`io::ErrorKind::InvalidData`] when it is not UTF-8.
pub fn read_input(path: &Path, bytes_max: u64) -> io::Result<String> {
    read(path, bytes_max).map(|file| file.text)
}

pub(super) fn read(path: &Path, bytes_max: u64) -> io::Result<InputFile> {
    // Without it, opening a pipe waits until somebody writes into it.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(Errno::ISDIR.into());
    }
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a pipe or a device, not a file"));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {} KiB", bytes_max / 1024)));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))?;
    Ok(InputFile { text, mode: meta.permissions().mode() })
}

#[cfg(test)]
mod tests {
    use std::{fs, io::ErrorKind};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn only_a_file_of_some_size_is_read_and_nothing_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("whole"), "1234").unwrap();
        fs::write(at("long"), "12345").unwrap();
        fs::write(at("bytes"), [0xff]).unwrap();
        // As large as a disk, and it takes none.
        fs::File::create(at("huge")).unwrap().set_len(1 << 40).unwrap();
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("device")).unwrap();
        assert_eq!(read_input(&at("whole"), 4).unwrap(), "1234");
        for (name, kind) in [
            ("long", ErrorKind::FileTooLarge),
            ("huge", ErrorKind::FileTooLarge),
            ("bytes", ErrorKind::InvalidData),
            ("pipe", ErrorKind::InvalidInput),
            ("device", ErrorKind::InvalidInput),
            (".", ErrorKind::IsADirectory),
            ("none", ErrorKind::NotFound),
        ] {
            assert_eq!(read_input(&at(name), 4).unwrap_err().kind(), kind, "{name}");
        }
    }
}
