//! What is set at run time over the settings: the mode, a halt, mutes.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Entity, FindingId, OperatorId, Principal, Timestamp};

/// What Wakeman may do by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionMode {
    /// Report only.
    Observe,
    /// Report, and stage proposals for approval.
    #[default]
    Propose,
    /// Also run the classes named in `execute.classes` without asking.
    Execute,
}

/// A word that names no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a mode; write observe, propose or execute")]
pub struct ModeError(pub String);

impl ExecutionMode {
    /// Every mode, the most careful first.
    pub const ALL: [Self; 3] = [Self::Observe, Self::Propose, Self::Execute];

    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Propose => "propose",
            Self::Execute => "execute",
        }
    }
}

impl fmt::Display for ExecutionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ExecutionMode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| ModeError(text.to_owned()))
    }
}

/// A mode that an owner set at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeSet {
    /// The mode.
    pub mode: ExecutionMode,
    /// Who set it.
    pub by: OperatorId,
    /// As whom the transport proved them.
    pub principal: Principal,
    /// When.
    pub at: Timestamp,
}

/// All execution is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HaltSet {
    /// Who stopped it.
    pub by: OperatorId,
    /// As whom the transport proved them.
    pub principal: Principal,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// What people set at run time over the settings. One row; every intent is committed only if it still has the version that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    /// The mode, if an owner set one.
    #[serde(default)]
    pub mode: Option<ModeSet>,
    /// Set while everything is stopped.
    #[serde(default)]
    pub halt: Option<HaltSet>,
}

impl Entity for Control {
    const KIND: &'static str = "control";

    fn entity_id(&self) -> String {
        "instance".to_owned()
    }

    fn state_name(&self) -> &str {
        if self.halt.is_some() { "halted" } else { "running" }
    }

    fn parent_id(&self) -> Option<String> {
        None
    }

    fn sort_key(&self) -> i64 {
        0
    }
}

/// A subject nobody wants to hear of for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mute {
    /// What is muted: the fingerprint that its findings share.
    pub fingerprint: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The finding at which it was asked for.
    pub finding: FindingId,
    /// Who asked.
    pub by: OperatorId,
    /// As whom the transport proved them.
    pub principal: Principal,
    /// Since when.
    pub at: Timestamp,
    /// Until when; `None`: until it is lifted.
    pub until: Option<Timestamp>,
}

impl Mute {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Entity for Mute {
    const KIND: &'static str = "mute";

    fn entity_id(&self) -> String {
        self.fingerprint.clone()
    }

    fn state_name(&self) -> &str {
        "muted"
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.finding.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// How the instance stands: what it may do, who said so, what is muted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlView {
    /// The mode that holds.
    pub mode: ExecutionMode,
    /// The mode of the settings.
    pub configured: ExecutionMode,
    /// Who set another one at run time; `None`: the settings' holds.
    pub set: Option<ModeSet>,
    /// Set while everything is stopped.
    pub halt: Option<HaltSet>,
    /// Classes that run unattended in mode `execute`.
    pub classes: Vec<String>,
    /// How many of a class may do so in an hour.
    pub per_hour: u32,
    /// What is muted.
    pub mutes: Vec<Mute>,
    /// Who may set the mode and resume.
    #[serde(default)]
    pub owners: Vec<OperatorId>,
}

impl ControlView {
    /// What holds an approved proposal back now; `None`: nothing does.
    pub fn held(&self) -> Option<HeldView> {
        let observe = self.mode == ExecutionMode::Observe;
        let held = observe || self.halt.is_some();
        held.then(|| HeldView { observe, halt: self.halt.clone(), owners: self.owners.clone() })
    }
}

/// Why nothing that was approved is run now, and whose word changes that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldView {
    /// Whether the mode is observe.
    pub observe: bool,
    /// Set while everything is stopped.
    pub halt: Option<HaltSet>,
    /// Who may set the mode and resume.
    pub owners: Vec<OperatorId>,
}
