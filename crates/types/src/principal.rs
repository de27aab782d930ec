//! Who speaks, and what they may do.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::OperatorId;

/// Where a message comes from or goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A Telegram chat.
    Telegram,
    /// A Discord direct message or guild channel.
    Discord,
    /// A terminal on the instance's machine.
    Cli,
    /// The web page.
    Web,
    /// The HTTP API.
    Api,
    /// Wakeman itself.
    System,
}

impl Channel {
    /// Every channel, for tables and help texts.
    pub const ALL: [Self; 6] = [Self::Telegram, Self::Discord, Self::Cli, Self::Web, Self::Api, Self::System];

    /// The lower-case name used in files and routes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Discord => "discord",
            Self::Cli => "cli",
            Self::Web => "web",
            Self::Api => "api",
            Self::System => "system",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that does not name a channel or a principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// The channel part is not one we know.
    #[error("\"{0}\" is not a channel; write one of telegram, discord, cli, web, api, system")]
    Channel(String),
    /// There is no `channel:id` in it.
    #[error("\"{0}\" is not a principal; write it like \"telegram:123456789\" (channel, colon, numeric id)")]
    Shape(String),
}

impl FromStr for Channel {
    type Err = PrincipalError;

    /// `tui` is the older name of the terminal that other programs of this instance contract still write.
    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        if text == "tui" {
            return Ok(Self::Cli);
        }
        Self::ALL.into_iter().find(|c| c.name() == text).ok_or_else(|| PrincipalError::Channel(text.to_owned()))
    }
}

/// Who is speaking as the transport proves it: a channel and the numeric id there, never a user name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Principal {
    channel: Channel,
    id: String,
}

impl Principal {
    /// A principal on `channel`; `id` is the numeric id there.
    pub fn new(channel: Channel, id: impl Into<String>) -> Self {
        Self { channel, id: id.into() }
    }

    /// Wakeman itself: schedules and watchers act as this; it can approve nothing.
    pub fn system() -> Self {
        Self::new(Channel::System, "0")
    }

    /// The channel that proves it.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// The id on that channel.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.channel, self.id)
    }
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        let (channel, id) = text.split_once(':').ok_or_else(|| PrincipalError::Shape(text.to_owned()))?;
        let numeric = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        if !numeric {
            return Err(PrincipalError::Shape(text.to_owned()));
        }
        Ok(Self::new(channel.parse()?, id))
    }
}

impl Serialize for Principal {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What an operator may do; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads, acknowledges and snoozes.
    Viewer,
    /// Also decides proposals.
    Approver,
    /// Also changes modes and resumes after a halt.
    Owner,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Owner => "owner",
        })
    }
}

/// A principal that was recognised: which operator it is and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// As the transport proved it.
    pub principal: Principal,
    /// The operator that lists this principal.
    pub operator: OperatorId,
    /// Their role.
    pub role: Role,
}
