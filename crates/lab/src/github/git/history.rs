//! Questions about the commit graph.

use std::collections::BTreeMap;

use super::object::Oid;
use super::store::Store;

impl Store {
    /// Whether `ancestor` is `of` itself or reachable from it.
    pub(crate) fn is_ancestor(&self, ancestor: Oid, of: Oid) -> bool {
        self.merge_base(ancestor, of) == Some(ancestor)
    }

    /// A best common ancestor: the youngest common commit, which cannot be an ancestor of another common one.
    pub(crate) fn merge_base(&self, a: Oid, b: Oid) -> Option<Oid> {
        let mut walk = Walk::new(self, &[(a, Side::LEFT), (b, Side::RIGHT)]);
        walk.find(|(_, side)| *side == Side::BOTH).map(|(oid, _)| oid)
    }

    /// Commits reachable from `from` and not from `without`, newest first.
    pub(crate) fn log(&self, from: Oid, without: Option<Oid>) -> Vec<Oid> {
        let right = without.map(|oid| (oid, Side::RIGHT));
        let starts: Vec<(Oid, Side)> = [(from, Side::LEFT)].into_iter().chain(right).collect();
        let mut walk = Walk::new(self, &starts);
        let mut found = Vec::new();
        // What is left hidden hides only more of the same.
        while walk.has_left_only() {
            found.extend(walk.next().filter(|(_, side)| *side == Side::LEFT).map(|(oid, _)| oid));
        }
        let date = |oid: &Oid| self.commit(*oid).map_or(0, |commit| commit.committer.at_ms);
        found.sort_by_key(|oid| std::cmp::Reverse((date(oid), self.sequence(*oid))));
        found
    }

    /// Whether a commit changed `path` against each of its parents (so a clean merge did not).
    pub(crate) fn touches(&self, oid: Oid, path: &str) -> bool {
        let Some(commit) = self.commit(oid) else { return false };
        let now = self.at_path(commit.tree, path);
        let then = |parent: &Oid| self.commit(*parent).and_then(|commit| self.at_path(commit.tree, path));
        match commit.parents.as_slice() {
            [] => now.is_some(),
            parents => parents.iter().all(|parent| then(parent) != now),
        }
    }
}

/// From which ends a commit is reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Side(u8);

impl Side {
    const LEFT: Self = Self(1);
    const RIGHT: Self = Self(2);
    const BOTH: Self = Self(3);
}

/// Commits from the youngest to the oldest by creation, each once, with the ends that reach it. Parents are older than
/// their children, so nothing can add an end to a commit that was already passed.
struct Walk<'a> {
    store: &'a Store,
    waiting: BTreeMap<usize, (Oid, Side)>,
}

impl<'a> Walk<'a> {
    fn new(store: &'a Store, starts: &[(Oid, Side)]) -> Self {
        let mut walk = Self { store, waiting: BTreeMap::new() };
        for (oid, side) in starts {
            walk.reach(*oid, *side);
        }
        walk
    }

    fn reach(&mut self, oid: Oid, side: Side) {
        if self.store.commit(oid).is_some() {
            let entry = self.waiting.entry(self.store.sequence(oid)).or_insert((oid, side));
            entry.1 = Side(entry.1.0 | side.0);
        }
    }

    fn has_left_only(&self) -> bool {
        self.waiting.values().any(|(_, side)| *side == Side::LEFT)
    }
}

impl Iterator for Walk<'_> {
    type Item = (Oid, Side);

    fn next(&mut self) -> Option<Self::Item> {
        let (_, (oid, side)) = self.waiting.pop_last()?;
        for parent in self.store.commit(oid).map(|commit| commit.parents.as_slice()).unwrap_or_default() {
            self.reach(*parent, side);
        }
        Some((oid, side))
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::{Commit, Flat, Signature};
    use super::*;

    /// a - b - d, a - c - d, c - e.
    fn graph() -> (Store, [Oid; 5]) {
        let mut store = Store::default();
        let tree = store.put_tree(&Flat::new());
        let mut commit = |message: &str, parents: &[Oid]| {
            let who = Signature { name: "n".into(), email: "e".into(), at_ms: 0 };
            let parents = parents.to_vec();
            store.put_commit(Commit { tree, parents, author: who.clone(), committer: who, message: message.into() })
        };
        let a = commit("a", &[]);
        let b = commit("b", &[a]);
        let c = commit("c", &[a]);
        let d = commit("d", &[b, c]);
        let e = commit("e", &[c]);
        (store, [a, b, c, d, e])
    }

    #[test]
    fn bases_and_logs() {
        let (store, [a, b, c, d, e]) = graph();
        let bases = [(b, c, a), (d, e, c), (d, b, b), (a, e, a), (d, d, d)];
        for (left, right, base) in bases {
            assert_eq!(store.merge_base(left, right), Some(base));
            assert_eq!(store.merge_base(right, left), Some(base));
        }
        assert_eq!(store.log(d, None), [d, c, b, a]);
        assert_eq!(store.log(d, Some(e)), [d, b]);
        assert_eq!(store.log(e, Some(d)), [e]);
        assert_eq!(store.log(b, Some(d)), []);
        assert!(store.is_ancestor(a, e) && !store.is_ancestor(b, e));
    }
}
