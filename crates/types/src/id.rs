//! Identities. Each has a private field, so ids of two kinds never mix.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a {what}; write it like {example}")]
pub struct IdError {
    text: String,
    what: &'static str,
    example: &'static str,
}

macro_rules! numbered_id {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
        #[schemars(with = "String")]
        pub struct $name(u64);

        impl $name {
            /// The id with this number; numbers start at 1 in each instance.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number alone.
            pub const fn number(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "-{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Reads `F-128`, `f-128`, `F128` or `128`: what a thumb types at night.
            fn from_str(text: &str) -> Result<Self, IdError> {
                let trimmed = text.trim();
                let digits = trimmed
                    .strip_prefix($letter)
                    .or_else(|| trimmed.strip_prefix(&$letter.to_lowercase()))
                    .map_or(trimmed, |rest| rest.strip_prefix('-').unwrap_or(rest));
                let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                match digits.parse() {
                    Ok(number) if plain => Ok(Self(number)),
                    _ => Err(IdError {
                        text: text.chars().take(40).collect(),
                        what: $what,
                        example: concat!($letter, "-12"),
                    }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the id as it stands.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

numbered_id!(
    /// A finding, shown as `F-128`.
    FindingId, "F", "finding id"
);
numbered_id!(
    /// A proposal, shown as `P-31`.
    ProposalId, "P", "proposal id"
);
numbered_id!(
    /// A tip, shown as `T-7`.
    TipId, "T", "tip id"
);
text_id!(
    /// A conversation of the instance, e.g. `thread_7f00`.
    ThreadId
);
text_id!(
    /// The folder name of a conversation: `conversation-<utc>-<threadId>`.
    ConversationId
);
text_id!(
    /// One message of a thread.
    MessageId
);
text_id!(
    /// One message owed to one channel.
    DeliveryId
);
text_id!(
    /// A person allowed to talk to the instance, as named in `operators[].id`, or `cli:<uid>`.
    OperatorId
);
text_id!(
    /// A change at its source: `pr:482`, `deploy:77`, `flag:checkout-fast@13`, `commit:9c1e0d4`.
    ChangeId
);
text_id!(
    /// A watched metric: its slug, unique in the instance.
    MetricId
);
text_id!(
    /// A record in the interruption log.
    DecisionId
);
text_id!(
    /// One turn: a message in and what became of it.
    TurnId
);
