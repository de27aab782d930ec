//! The two ends of a file: its first line and its last, at a cost that does not grow with what lies between.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

/// A line longer than this is not looked for; the file is rewritten instead.
const LINE_BYTES_MAX: u64 = 8 * 1024 * 1024;
const CHUNK: u64 = 16 * 1024;

/// The first and the last line of a file that ends in a line break.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub first: Vec<u8>,
    /// The same as `first` in a file of one line.
    pub last: Vec<u8>,
    pub bytes: u64,
}

/// Opens `path` to read and write; `None`: it does not exist.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `None`: empty, torn, or a line is longer than 8 MiB.
pub(super) fn ends(file: &File) -> io::Result<Option<Ends>> {
    let bytes = file.metadata()?.len();
    let mut mark = [0];
    if bytes == 0 || file.read_at(&mut mark, bytes - 1)? != 1 || mark[0] != b'\n' {
        return Ok(None);
    }
    let (Some(first), Some(last)) = (first_line(file, bytes)?, last_line(file, bytes)?) else { return Ok(None) };
    Ok(Some(Ends { first, last, bytes }))
}

fn first_line(file: &File, bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    while (line.len() as u64) < bytes.min(LINE_BYTES_MAX) {
        let chunk = read_range(file, line.len() as u64, bytes)?;
        if let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&chunk[..end]);
            return Ok(Some(line));
        }
        line.extend_from_slice(&chunk);
    }
    Ok(None)
}

fn last_line(file: &File, bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let end = bytes - 1;
    let mut line = Vec::new();
    let mut from = end;
    while from > 0 && end - from < LINE_BYTES_MAX {
        let start = from.saturating_sub(CHUNK);
        let mut chunk = read_range(file, start, from)?;
        let begin = chunk.iter().rposition(|byte| *byte == b'\n');
        let mut tail = chunk.split_off(begin.map_or(0, |at| at + 1));
        tail.append(&mut line);
        line = tail;
        if begin.is_some() {
            return Ok(Some(line));
        }
        from = start;
    }
    Ok((from == 0).then_some(line))
}

/// At most one chunk of the bytes from `start` to `end`.
fn read_range(file: &File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from((end - start).min(CHUNK)).unwrap_or(usize::MAX);
    let mut chunk = vec![0; length];
    file.read_exact_at(&mut chunk, start)?;
    Ok(chunk)
}
