//! Reading a `.jsonl` that anybody may have written: what can be read is, what cannot is handed back verbatim.

use std::{fs, ops::Range, path::Path};

use serde_json::{Map, Value};

use crate::instance::InstanceError;

/// One line that holds an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// From 1.
    pub line: usize,
    /// The object.
    pub object: Map<String, Value>,
    /// Where the line stands in the file.
    span: Range<usize>,
}

/// One line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BadLine {
    /// The file, as it was labelled.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Why.
    pub reason: String,
    /// The line as it stands; bytes that are not UTF-8 are replaced here, and kept in the sidecar.
    pub text: String,
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

/// What a file had.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadFile {
    /// Lines that hold an object, in order.
    pub records: Vec<Record>,
    /// Lines that do not.
    pub bad: Vec<BadLine>,
    label: String,
    bytes: Vec<u8>,
}

impl ReadFile {
    /// The line of `record` as one that cannot be used after all.
    pub(crate) fn reject(&self, record: &Record, reason: &str) -> BadLine {
        let bytes = self.bytes.get(record.span.clone()).unwrap_or_default();
        BadLine::new(&self.label, record.line, reason, bytes)
    }
}

impl BadLine {
    pub(crate) fn new(file: &str, line: usize, reason: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Self { file: file.to_owned(), line, reason: reason.to_owned(), text, bytes: bytes.to_owned() }
    }
}

/// Reads `path`; `label` is how bad lines name it. Empty lines are skipped.
///
/// # Errors
/// [`InstanceError::Io`] only when the file itself cannot be read.
pub fn read_records(path: &Path, label: &str) -> Result<ReadFile, InstanceError> {
    let bytes = fs::read(path).map_err(InstanceError::io("read", path))?;
    Ok(parse_records(bytes, label))
}

fn parse_records(bytes: Vec<u8>, label: &str) -> ReadFile {
    let mut read = ReadFile { label: label.to_owned(), ..ReadFile::default() };
    let mut start = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let (from, to) = (start, start + line.trim_ascii_end().len());
        start += line.len();
        let ended = line.ends_with(b"\n");
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        let text = if index == 0 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Value>(text) {
            Ok(Value::Object(object)) => read.records.push(Record { line: index + 1, object, span: from..to }),
            Ok(_) => read.bad.push(BadLine::new(label, index + 1, "is not an object", line)),
            Err(_) if !ended => read.bad.push(BadLine::new(label, index + 1, "is torn: it ends in the middle", line)),
            Err(_) => read.bad.push(BadLine::new(label, index + 1, "is not JSON", line)),
        }
    }
    read.bytes = bytes;
    read
}
