//! How a command ends: the exit code and the one line that says the thing and the remedy.

use std::fmt;

use wakeman_types::{ErrorKind, GatewayError};

/// Done.
pub const DONE: u8 = 0;

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// It failed (1).
    pub fn failed(message: impl fmt::Display) -> Self {
        Self { code: 1, message: message.to_string() }
    }

    /// The request or the configuration is wrong (2).
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { code: 2, message: message.to_string() }
    }

    /// Policy refused, or nobody approved (3).
    pub fn refused(message: impl fmt::Display) -> Self {
        Self { code: 3, message: message.to_string() }
    }

    /// Something outside does not answer (4).
    pub fn unavailable(message: impl fmt::Display) -> Self {
        Self { code: 4, message: message.to_string() }
    }

    /// Interrupted (130).
    pub fn interrupted() -> Self {
        Self { code: 130, message: "interrupted".to_owned() }
    }

    /// The process's exit code.
    pub const fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        match error.kind {
            ErrorKind::Invalid => Self::usage(error.message),
            ErrorKind::Forbidden
            | ErrorKind::AlreadyDecided
            | ErrorKind::Expired
            | ErrorKind::DigestMismatch
            | ErrorKind::Refused => Self::refused(error.message),
            ErrorKind::Unavailable => Self::unavailable(error.message),
            ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Storage => Self::failed(error.message),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::Interrupted => Self::interrupted(),
            _ => Self::failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_refusal_has_its_exit_code() {
        for (kind, code) in [
            (ErrorKind::NotFound, 1),
            (ErrorKind::Conflict, 1),
            (ErrorKind::Storage, 1),
            (ErrorKind::Invalid, 2),
            (ErrorKind::Forbidden, 3),
            (ErrorKind::AlreadyDecided, 3),
            (ErrorKind::Expired, 3),
            (ErrorKind::DigestMismatch, 3),
            (ErrorKind::Refused, 3),
            (ErrorKind::Unavailable, 4),
        ] {
            assert_eq!(Failure::from(GatewayError::new(kind, "…")).code(), code, "{kind:?}");
        }
        assert_eq!(Failure::interrupted().code(), 130);
    }
}
