//! Where a message goes: a chat, and in it perhaps a topic.

use teloxide_core::types::{ChatId, MessageId, ThreadId};

/// `<chat id>` or `<chat id>/<topic id>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) chat: ChatId,
    pub(crate) topic: Option<ThreadId>,
}

impl Address {
    /// Reads the gateway's name of a chat.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (chat, topic) = match text.split_once('/') {
            Some((chat, topic)) => (chat, Some(ThreadId(MessageId(topic.parse().ok()?)))),
            None => (text, None),
        };
        Some(Self { chat: ChatId(chat.parse().ok()?), topic })
    }

    /// Whether only one person and the bot are there: groups have numbers below zero.
    pub(crate) const fn is_private(self) -> bool {
        self.chat.0 > 0
    }

    /// The gateway's name of a chat.
    pub(crate) fn name(chat: ChatId, topic: Option<ThreadId>) -> String {
        match topic {
            Some(ThreadId(MessageId(topic))) => format!("{}/{topic}", chat.0),
            None => chat.0.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["42", "-1001234/7"] {
            let address = Address::parse(name).unwrap();
            assert_eq!(Address::name(address.chat, address.topic), name);
        }
        assert_eq!(Address::parse("local"), None);
        assert_eq!(Address::parse("42/x"), None);
    }
}
