//! What is wrong with a prompt file, and why a prompt cannot be had.

use std::fmt;

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PromptProblem {
    /// The file, as messages name it.
    pub file: String,
    /// The line, from 1, where it can be said.
    pub line: Option<usize>,
    /// What is wrong, and the remedy.
    pub text: String,
}

impl fmt::Display for PromptProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

/// Why a prompt cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// There is none with this id.
    #[error("there is no prompt \"{id}\"; there are {known}")]
    UnknownId {
        /// What was asked for, shortened.
        id: String,
        /// The ids there are.
        known: String,
    },
    /// It has no such version.
    #[error("prompt {id} has no version \"{version}\"; there are {known}")]
    UnknownVersion {
        /// The prompt.
        id: String,
        /// What was asked for, shortened.
        version: String,
        /// The versions there are.
        known: String,
    },
    /// Its template does not take what it was given.
    #[error("{file}: {reason}; `wakeman prompts check` names what is wrong")]
    Render {
        /// The file.
        file: String,
        /// What happened.
        reason: String,
    },
}
