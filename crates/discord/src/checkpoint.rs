//! How far the adapter is: stored with what it brought, so that a new process goes on there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Channels whose newest message is remembered, for what is missed while away.
const CHANNELS_MAX: usize = 200;

/// A session of the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// Where to come back to.
    pub(crate) url: String,
    /// The last event that was taken.
    pub(crate) seq: u64,
}

/// A channel that somebody spoke to us in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The newest message that was taken.
    pub(crate) message: u64,
    /// Whom we are alone with there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) with: Option<u64>,
}

/// How far the adapter is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    #[serde(default)]
    pub(crate) session: Option<Session>,
    /// By channel.
    #[serde(default)]
    pub(crate) seen: BTreeMap<u64, Seen>,
    /// Channels whose messages after this one are still to be fetched.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) behind: BTreeMap<u64, u64>,
}

impl Checkpoint {
    /// Reads what an earlier process left; what cannot be read is a beginning.
    pub(crate) fn read(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::default() };
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::warn!(%error, "discord: the checkpoint cannot be read; what was missed is not known");
            Self::default()
        })
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Everything after what was taken last has to be fetched; what was behind before stays as far behind.
    pub(crate) fn fall_behind(&mut self) {
        for (channel, seen) in self.seen.iter().filter(|(_, seen)| seen.message > 0) {
            self.behind.entry(*channel).or_insert(seen.message);
        }
    }

    /// A channel is out of reach.
    pub(crate) fn forget(&mut self, channel: u64) {
        self.seen.remove(&channel);
        self.behind.remove(&channel);
    }

    /// Notes a message of a channel.
    pub(crate) fn saw(&mut self, channel: u64, message: u64, with: Option<u64>) {
        let seen = self.seen.entry(channel).or_insert(Seen { message, with });
        seen.message = seen.message.max(message);
        seen.with = seen.with.or(with);
        while self.seen.len() > CHANNELS_MAX {
            let oldest = self.seen.iter().min_by_key(|(_, seen)| seen.message).map(|(channel, _)| *channel);
            oldest.map(|channel| self.seen.remove(&channel));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_quietest_channels_are_forgotten() {
        let session = Some(Session { id: "s".into(), url: "wss://x".into(), seq: 7 });
        let mut checkpoint = Checkpoint { session, ..Checkpoint::default() };
        (0..300).for_each(|n| checkpoint.saw(n, 1_000 + n, (n % 2 == 0).then_some(n)));
        checkpoint.saw(299, 5, None);
        assert_eq!(Checkpoint::read(Some(&checkpoint.text())), checkpoint);
        assert_eq!((checkpoint.seen.len(), checkpoint.seen.contains_key(&99)), (CHANNELS_MAX, false));
        assert_eq!(checkpoint.seen[&299].message, 1_299);
        assert_eq!(Checkpoint::read(Some("{")), Checkpoint::default());
    }
}
