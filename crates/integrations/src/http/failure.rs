//! How one call can fail, before it is known whether it was a read or an effect.

use std::time::Duration;

use wakeman_gateway::ports::{HandsError, SourceError};
use wakeman_types::Timestamp;

/// How one call failed. What that means depends on whether the call has an effect: see [`Failure::reading`] and
/// [`Failure::writing`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    /// Nothing was sent.
    NotSent { reason: String },
    /// It was sent, and no whole answer came back.
    Lost { reason: String },
    /// It was refused for now: the request did nothing.
    Limited { reason: String, wait_ms: Option<i64> },
    /// The service failed on its own (5xx): it may have done its work before.
    Faulty { reason: String },
    /// The credential is not accepted.
    Denied { reason: String, remedy: String },
    /// The request is not accepted.
    Refused { status: u16, code: String, reason: String, remedy: String },
    /// A success was answered in words we do not know.
    Shape { reason: String },
}

impl Failure {
    /// What became of a call that ended without a whole answer. Only before the connection stands is it certain that nothing was sent.
    pub(crate) fn of_wire(error: &reqwest::Error, timeout: Duration) -> Self {
        let reason = if error.is_connect() {
            return Self::NotSent { reason: "no connection".to_owned() };
        } else if error.is_builder() {
            return Self::NotSent { reason: "the request could not be built".to_owned() };
        } else if error.is_timeout() {
            format!("no answer within {} s", timeout.as_secs_f64())
        } else {
            "the connection broke before the whole answer was there".to_owned()
        };
        Self::Lost { reason }
    }

    /// Whether the thing that was asked for is not there (any more).
    pub(crate) const fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404 | 409 | 410 | 422, .. })
    }

    /// As a source's error.
    pub(crate) fn source(self) -> SourceError {
        match self {
            Self::NotSent { reason } | Self::Lost { reason } | Self::Faulty { reason } => {
                SourceError::Unavailable { reason }
            }
            Self::Limited { reason, wait_ms } => SourceError::Limited { reason, wait_ms },
            Self::Denied { reason, remedy } => SourceError::Denied { reason, remedy },
            Self::Refused { reason, remedy, .. } => SourceError::Rejected { reason, remedy },
            Self::Shape { reason } => SourceError::Shape { reason },
        }
    }

    /// As the end of a read that an action needs: the action has not begun.
    pub(crate) fn reading(self, what: &str, now: Timestamp) -> HandsError {
        match self {
            Self::Limited { reason, wait_ms } => HandsError::NotDone {
                reason: format!("{what}: {reason}"),
                not_before: wait_ms.map(|wait| now.plus_ms(wait)),
            },
            Self::Refused { reason, remedy, .. } => {
                HandsError::Permanent { reason: format!("{what}: {reason}; {remedy}") }
            }
            Self::Denied { reason, remedy } => {
                HandsError::NotDone { reason: format!("{what}: {reason}; {remedy}"), not_before: None }
            }
            Self::NotSent { reason } | Self::Lost { reason } | Self::Faulty { reason } | Self::Shape { reason } => {
                HandsError::NotDone { reason: format!("{what}: {reason}"), not_before: None }
            }
        }
    }

    /// As the end of a call with an effect.
    pub(crate) fn writing(self, what: &str, now: Timestamp) -> HandsError {
        match self {
            Self::Lost { reason } | Self::Faulty { reason } | Self::Shape { reason } => {
                HandsError::InDoubt { reason: format!("{what}: {reason}") }
            }
            Self::Denied { reason, remedy } => HandsError::Permanent { reason: format!("{what}: {reason}; {remedy}") },
            other => other.reading(what, now),
        }
    }

    /// The same failure with every occurrence of `secret` blacked out.
    pub(crate) fn scrubbed(mut self, secret: &str) -> Self {
        let scrub = |text: &mut String| {
            if !secret.is_empty() && text.contains(secret) {
                *text = text.replace(secret, "[credential]");
            }
        };
        match &mut self {
            Self::NotSent { reason }
            | Self::Lost { reason }
            | Self::Limited { reason, .. }
            | Self::Faulty { reason }
            | Self::Denied { reason, .. }
            | Self::Refused { reason, .. }
            | Self::Shape { reason } => scrub(reason),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Vec<(Failure, &'static str, &'static str, &'static str)> {
        let text = |word: &str| word.to_owned();
        vec![
            (Failure::NotSent { reason: text("x") }, "Unavailable", "NotDone", "NotDone"),
            (Failure::Lost { reason: text("x") }, "Unavailable", "NotDone", "InDoubt"),
            (Failure::Limited { reason: text("x"), wait_ms: Some(5) }, "Limited", "NotDone", "NotDone"),
            (Failure::Faulty { reason: text("x") }, "Unavailable", "NotDone", "InDoubt"),
            (Failure::Denied { reason: text("x"), remedy: text("y") }, "Denied", "NotDone", "Permanent"),
            (
                Failure::Refused { status: 404, code: text(""), reason: text("x"), remedy: text("y") },
                "Rejected",
                "Permanent",
                "Permanent",
            ),
            (Failure::Shape { reason: text("x") }, "Shape", "NotDone", "InDoubt"),
        ]
    }

    #[test]
    fn only_a_call_that_may_have_worked_is_in_doubt() {
        let now = Timestamp::from_ms(1000);
        for (failure, source, reading, writing) in cases() {
            assert!(format!("{:?}", failure.clone().source()).starts_with(source), "{failure:?}");
            assert!(format!("{:?}", failure.clone().reading("it", now)).starts_with(reading), "{failure:?}");
            assert!(format!("{:?}", failure.clone().writing("it", now)).starts_with(writing), "{failure:?}");
        }
    }

    #[test]
    fn a_wait_becomes_an_instant() {
        let limited = Failure::Limited { reason: "429".into(), wait_ms: Some(5_000) };
        let HandsError::NotDone { not_before, .. } = limited.writing("it", Timestamp::from_ms(1_000)) else {
            panic!("a limited call was not done")
        };
        assert_eq!(not_before, Some(Timestamp::from_ms(6_000)));
    }

    #[test]
    fn a_credential_never_reaches_an_error_text() {
        let failure = Failure::Lost { reason: "could not send Bearer phx_secret".into() }.scrubbed("phx_secret");
        assert_eq!(failure, Failure::Lost { reason: "could not send Bearer [credential]".into() });
    }
}
