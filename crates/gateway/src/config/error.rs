//! What is wrong with a file, and what is merely odd.

use std::fmt;

/// One thing that is wrong: where, what, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, e.g. `approvals.default.expires`; empty when the file as a whole is meant.
    pub key: String,
    /// What is wrong with its value, and the remedy.
    pub text: String,
}

impl Problem {
    pub(crate) fn new(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { key: key.into(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() { f.write_str(&self.text) } else { write!(f, "`{}`: {}", self.key, self.text) }
    }
}

/// A file that cannot be used as it stands. Displays as one line: file, key, remedy; the first problem if there are several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: String,
    first: Problem,
    more: Vec<Problem>,
}

impl ConfigError {
    /// `problems` must not be empty; an empty list still says that the file is wrong.
    pub(crate) fn new(file: &str, problems: Vec<Problem>) -> Self {
        let mut problems = problems.into_iter();
        let first = problems.next().unwrap_or_else(|| Problem::new("", "cannot be used"));
        Self { file: file.to_owned(), first, more: problems.collect() }
    }

    pub(crate) fn one(file: &str, key: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(file, vec![Problem::new(key, text)])
    }

    pub(crate) fn unless_empty(file: &str, problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::new(file, problems)) }
    }

    /// The file, as it was labelled.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Everything that is wrong, in the order of the file's sections.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// One line a problem, each with the file's name.
    pub fn lines(&self) -> Vec<String> {
        self.problems().map(|problem| format!("{}: {problem}", self.file)).collect()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.first)?;
        match self.more.len() {
            0 => Ok(()),
            n => write!(f, " (and {n} more; `wakeman doctor` lists them)"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Something that does not stop the start, but that its author should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file, as it was labelled.
    pub file: String,
    /// The key it is about.
    pub key: String,
    /// What follows the key in the sentence.
    pub text: String,
}

impl Warning {
    pub(crate) fn new(file: &str, key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: file.to_owned(), key: key.into(), text: text.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.file, self.key, self.text)
    }
}

/// A file that could be read, with what is odd about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<T> {
    /// What it says, defaults filled in.
    pub value: T,
    /// Unknown keys and settings that cannot do what they seem to.
    pub warnings: Vec<Warning>,
}
