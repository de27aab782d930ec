//! What a chat platform tells an adapter, and what an adapter is told besides what is owed.

use futures_core::stream::BoxStream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Principal, Timestamp};

/// One thing a chat platform told an adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inbound {
    /// The platform's own id: Telegram `u:<update_id>`, Discord `m:<message id>`, `i:<interaction id>`, `r:…`. Taken once.
    pub id: String,
    /// Who it is from, as the platform proves it. `None`: nobody in particular (an anonymous admin, a channel's post); it decides
    /// nothing.
    pub from: Option<Principal>,
    /// What they call themselves: for telling an owner who knocked, never identity.
    pub name: String,
    /// Telegram `<chat id>` or `<chat id>/<topic id>`; Discord `<channel id>`, a direct message `dm:<user id>`.
    pub chat: String,
    /// Only they and we are there.
    pub direct: bool,
    /// The platform's time.
    pub at: Timestamp,
    /// What it is.
    pub said: Said,
}

/// What was said or done in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "said", rename_all = "snake_case")]
pub enum Said {
    /// A message.
    Text {
        /// Its words.
        text: String,
        /// Its reference: the platform's message id as text.
        message: String,
        /// The reference of the message it answers.
        reply_to: Option<String>,
        /// A mention, a command with our name, or a reply to us. Always true if direct.
        addressed: bool,
        /// Somebody else's words, passed on.
        forwarded: bool,
        /// A message that was there before, in other words.
        edited: bool,
    },
    /// A button.
    Press {
        /// The button's data: [`CardButton::reference`].
        reference: String,
        /// The reference of the message it is on.
        message: Option<String>,
        /// A form's text: the reason of a rejection.
        note: Option<String>,
    },
    /// A reaction to a message.
    Reaction {
        /// The reference of the message.
        message: String,
        /// 👍 or 👎; `None`: taken back.
        useful: Option<bool>,
    },
    /// Not understood: kept and ended as ignored.
    Other {
        /// What the platform calls it.
        kind: String,
    },
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// Taken for the first time.
    pub new: u32,
    /// Taken before; nothing happens again.
    pub repeated: u32,
}

/// What makes a chat feel alive. Not durable: who does not listen misses it, and nothing is lost by that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "live", rename_all = "snake_case")]
pub enum LiveEvent {
    /// An answer is being worked on; told again every few seconds while that is so.
    Typing {
        /// Where.
        chat: String,
    },
    /// The whole text of an answer so far: the message `key` of `chat` is sent once and edited from then on.
    Text {
        /// Where.
        chat: String,
        /// Which message.
        key: String,
        /// The reference of the message it answers.
        reply_to: Option<String>,
        /// All of it so far.
        text: String,
    },
    /// The short answer to a press (Telegram's `answerCallbackQuery`, Discord's ephemeral follow-up).
    Answer {
        /// [`Inbound::id`] of the press.
        inbound: String,
        /// The words; may be empty.
        text: String,
        /// Worth a window of its own: a refusal.
        alert: bool,
    },
}

/// Live events of one channel, from the moment it was asked for.
pub type LiveStream = BoxStream<'static, LiveEvent>;

/// What an adapter says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrontendHealth {
    /// Whether the platform answers it.
    pub ok: bool,
    /// What a person should know.
    pub detail: String,
    /// When the next report is due at the latest, in milliseconds from now.
    pub within_ms: i64,
}

/// A button of a delivery as a chat platform gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardButton {
    /// What it says.
    pub label: String,
    /// What a press hands back: 128 random bits, base64url, 22 characters. Only its hash is kept. Each operator's decision by it
    /// counts once.
    pub reference: String,
    /// How it looks.
    pub style: ButtonStyle,
    /// Whether a reason is asked for, where the platform can.
    pub asks_reason: bool,
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ButtonStyle {
    /// As any other.
    Plain,
    /// It says yes to an effect.
    Yes,
    /// It says no.
    No,
}
