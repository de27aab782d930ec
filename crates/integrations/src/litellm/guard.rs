//! What earlier calls taught: which key is refused, which alias rests. In memory only: a restart asks again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wakeman_types::{MINUTE_MS, Timestamp};

use super::trouble::Trouble;

/// How long nothing is sent after a key was refused: long enough not to hammer, short enough that a mended key works soon.
pub const BREAKER_MS: i64 = 5 * MINUTE_MS;
/// How long the other alias is preferred after one failed.
const COOLDOWN_MS: i64 = 30_000;
/// A rate limit that asks for more is looked at again after this.
const WAIT_MS_MAX: i64 = 15 * MINUTE_MS;

#[derive(Debug, Default)]
struct Rest {
    /// Until then another alias is preferred.
    cool: Option<Timestamp>,
    /// Until then nothing is sent to it, and why.
    closed: Option<(Timestamp, Trouble)>,
}

#[derive(Debug, Default)]
struct Known {
    /// Our key is refused: until when nothing at all is sent, and why.
    key: Option<(Timestamp, Trouble)>,
    aliases: BTreeMap<String, Rest>,
}

/// Shared by all calls of one adapter.
#[derive(Debug, Default)]
pub(super) struct Guard(Mutex<Known>);

impl Guard {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing is sent at all.
    pub(super) fn breaker(&self, now: Timestamp) -> Option<Trouble> {
        self.known().key.as_ref().filter(|(until, _)| now < *until).map(|(_, why)| why.clone())
    }

    /// From when `alias` may be asked, and what it said; `None`: now.
    pub(super) fn closed(&self, alias: &str, now: Timestamp) -> Option<(Timestamp, Trouble)> {
        self.known().aliases.get(alias)?.closed.clone().filter(|(until, _)| now < *until)
    }

    /// Until when another alias is preferred to `alias`, closed or not.
    pub(super) fn rests_until(&self, alias: &str, now: Timestamp) -> Option<Timestamp> {
        let known = self.known();
        let rest = known.aliases.get(alias)?;
        let closed = rest.closed.as_ref().map(|(until, _)| *until);
        rest.cool.max(closed).filter(|until| now < *until)
    }

    /// `alias` answered.
    pub(super) fn worked(&self, alias: &str) {
        let mut known = self.known();
        known.key = None;
        known.aliases.remove(alias);
    }

    /// `alias` failed.
    pub(super) fn failed(&self, alias: &str, trouble: &Trouble, now: Timestamp) {
        let mut known = self.known();
        if let Trouble::Denied { ours: true, .. } = trouble {
            known.key = Some((now.plus_ms(BREAKER_MS), trouble.clone()));
            return;
        }
        let rest = known.aliases.entry(alias.to_owned()).or_default();
        match trouble {
            Trouble::Denied { .. } => rest.closed = Some((now.plus_ms(BREAKER_MS), trouble.clone())),
            Trouble::Limited { wait_ms: Some(wait), .. } => {
                rest.closed = Some((now.plus_ms((*wait).min(WAIT_MS_MAX)), trouble.clone()));
            }
            // The conversation is at fault, not the alias.
            Trouble::TooLong { .. } => return,
            _ => {}
        }
        rest.cool = Some(now.plus_ms(COOLDOWN_MS));
    }
}
