//! Letting a person in from a chat: a code an owner hands over, and what it bound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Entity, OperatorId, Principal, Role, Timestamp};

/// What an owner asks a code for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairRequest {
    /// Whose account it will be; `None`: the owner's own.
    #[serde(default)]
    pub operator: Option<OperatorId>,
    /// What they may do there. `None`: as much as settings say of the operator, else as a viewer; never more than settings say.
    #[serde(default)]
    pub role: Option<Role>,
}

/// What an owner ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnpairRequest {
    /// The account, as `status` names it: `telegram:99`.
    pub principal: Principal,
}

/// A code that was just made. It is kept nowhere in this form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PairCode {
    /// What the person sends as `/pair CODE` in a direct chat.
    pub code: String,
    /// Whose account it will be.
    pub operator: OperatorId,
    /// What they may do there.
    pub role: Role,
    /// Until when it can be used, once.
    pub expires_at: Timestamp,
}

/// An account in a chat that was bound to an operator at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pairing {
    /// The account, as the transport proves it.
    pub principal: Principal,
    /// Whose it is.
    pub operator: OperatorId,
    /// What they may do there.
    pub role: Role,
    /// Settings named the operator then. It ends when they no longer do.
    pub listed: bool,
    /// What the account called itself.
    pub name: String,
    /// The owner who made the code.
    pub by: OperatorId,
    /// When it was bound.
    pub at: Timestamp,
}

impl Entity for Pairing {
    const KIND: &'static str = "pairing";

    fn entity_id(&self) -> String {
        self.principal.to_string()
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.operator.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}
