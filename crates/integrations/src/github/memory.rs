//! What a poll remembers so that the next one need not ask again. All of it can be lost: then it is asked again.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use wakeman_types::{Change, Timestamp};

use super::{answers::Commit, deployments::Settled};

/// Things that are remembered of each sort; a busy repository merges a few dozen times a day.
const REMEMBERED_MAX: usize = 1_000;

/// What polls remember.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Paths of merged pull requests.
    pub(super) files: Bounded<u64, Vec<String>>,
    /// Commits that merged a pull request.
    pub(super) merge_shas: Bounded<String, ()>,
    /// Commits of the default branch that were looked at: the change, if it went there directly.
    pub(super) commits: Bounded<String, Option<Change>>,
    /// Deployments whose status will not change any more.
    pub(super) deployments: Bounded<u64, Settled>,
    /// Merges whose files are still to be read.
    pub(super) files_due: VecDeque<Change>,
    /// Commits that are still to be looked at.
    pub(super) commits_due: VecDeque<Commit>,
    /// How far back the pull requests have been read.
    pub(super) pulls_swept: Option<Sweep>,
    /// How far back the commits have been read.
    pub(super) commits_swept: Option<Sweep>,
}

/// A list that was read from its newest entry back to an instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sweep {
    /// Everything back to here was seen.
    pub(super) back_to: Timestamp,
    /// The newest entry that was seen.
    pub(super) newest: Timestamp,
}

impl Sweep {
    /// How far back to read now: to `since`, or only to what the last sweep saw when that one reached as far.
    pub(super) fn horizon(last: Option<Self>, since: Timestamp) -> Timestamp {
        last.filter(|sweep| sweep.back_to <= since).map_or(since, |sweep| sweep.newest.max(since))
    }

    /// The sweep after a list was read to its horizon.
    pub(super) fn after(last: Option<Self>, since: Timestamp, newest: Option<Timestamp>) -> Option<Self> {
        let back_to = last.map_or(since, |sweep| sweep.back_to.min(since));
        let newest = newest.into_iter().chain(last.map(|sweep| sweep.newest)).max();
        newest.map(|newest| Self { back_to, newest })
    }
}

/// A map that throws out what was put in first.
#[derive(Debug)]
pub(super) struct Bounded<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self { map: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Hash + Eq + Clone, V> Bounded<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.map.contains_key(key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.map.values()
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.map.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > REMEMBERED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.map.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn a_sweep_is_not_repeated_but_extended() {
        assert_eq!(Sweep::horizon(None, at(100)), at(100));
        let first = Sweep::after(None, at(100), Some(at(900)));
        assert_eq!(Sweep::horizon(first, at(500)), at(900), "only what is newer");
        assert_eq!(Sweep::horizon(first, at(50)), at(50), "further back than before");
        let second = Sweep::after(first, at(500), None).expect("a sweep");
        assert_eq!((second.back_to, second.newest), (at(100), at(900)));
        assert!(Sweep::after(None, at(100), None).is_none(), "nothing seen, nothing remembered");
    }

    #[test]
    fn memory_is_bounded() {
        let mut map = Bounded::default();
        for number in 0..5_000 {
            map.insert(number, ());
        }
        assert_eq!(map.values().count(), REMEMBERED_MAX);
        assert!(map.contains(&4_999) && !map.contains(&0));
    }
}
