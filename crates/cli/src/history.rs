//! What was typed, kept for the next time in a file that only its owner reads.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Lines that are kept.
const LINES_MAX: usize = 1_000;
/// Lines the file may grow to before it is written anew.
const FILE_LINES_MAX: usize = 2 * LINES_MAX;

/// The lines typed so far, oldest first.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    lines: Vec<String>,
}

impl History {
    /// Reads `path`; a file that is not there is empty. Rewrites it when it has grown long.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let lines: Vec<String> =
            all[all.len().saturating_sub(LINES_MAX)..].iter().map(|line| (*line).to_owned()).collect();
        let history = Self { path: path.to_owned(), lines };
        if all.len() > FILE_LINES_MAX {
            let kept: String = history.lines.iter().map(|line| format!("{line}\n")).collect();
            // Beside it first: a cut write loses nothing.
            let beside = history.path.with_extension("new");
            private(&beside, false)?.write_all(kept.as_bytes())?;
            fs::rename(&beside, &history.path)?;
        }
        Ok(history)
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Keeps `line`, unless it is blank or the same as the last. It becomes one line; control characters are left out.
    ///
    /// # Errors
    /// What the file system says; the line is kept for this session all the same.
    pub fn add(&mut self, line: &str) -> io::Result<()> {
        let line: String = line.trim().replace('\n', " ").chars().filter(|c| !c.is_control()).collect();
        if line.is_empty() || self.lines.last() == Some(&line) {
            return Ok(());
        }
        let written = private(&self.path, true).and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        self.lines.push(line);
        written
    }
}

/// Opens for writing what only its owner may read, from its first byte on.
fn private(path: &Path, append: bool) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.create(true).append(append).write(true).truncate(!append);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_there_the_next_time_and_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chat-history");
        let mut history = History::open(&path).unwrap();
        for line in ["status", "status", "  ", "why F-1\u{1b}[31m\nand P-1"] {
            history.add(line).unwrap();
        }
        assert_eq!(History::open(&path).unwrap().lines(), ["status", "why F-1[31m and P-1"]);
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_long_file_is_cut_to_its_newest_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chat-history");
        fs::write(&path, (0..=FILE_LINES_MAX).map(|i| format!("ask {i}\n")).collect::<String>()).unwrap();
        let history = History::open(&path).unwrap();
        assert_eq!((history.lines().len(), history.lines().last().unwrap().as_str()), (LINES_MAX, "ask 2000"));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), LINES_MAX);
    }
}
