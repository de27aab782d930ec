//! Three-way merges of files and of trees.

use super::diff::{Hunk, hunks, lines};
use super::object::{Flat, Leaf};
use super::store::Store;

/// Both sides changed the same place in different ways.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} was changed on both sides; resolve it by hand and push the result")]
pub(crate) struct Conflict {
    /// The first file in which it happened.
    pub(crate) path: String,
}

/// Merges two descendants of one file by lines; `None` on a conflict.
///
/// Changes that overlap or touch conflict unless they are the same, as with git.
pub(crate) fn merge_files(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let (base, ours, theirs) = (lines(base), lines(ours), lines(theirs));
    let (mut left, mut right) = (Side::new(&base, &ours), Side::new(&base, &theirs));
    let mut merged: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    while let Some(start) = left.next_start().into_iter().chain(right.next_start()).min() {
        let (mut end, mut grown) = (start, true);
        let (left_from, right_from) = (left.used, right.used);
        while grown {
            grown = left.take_until(&mut end) | right.take_until(&mut end);
        }
        merged.extend_from_slice(&base[at..start]);
        let (mine, yours) = (left.text(left_from, start..end), right.text(right_from, start..end));
        let (mine_changed, yours_changed) = (left.used > left_from, right.used > right_from);
        if mine_changed && yours_changed && mine != yours {
            return None;
        }
        merged.extend(if mine_changed { mine } else { yours });
        at = end;
    }
    merged.extend_from_slice(&base[at..]);
    Some(merged.concat())
}

/// One side of a merge: its changes against the base, and how many of them were used up.
struct Side<'a> {
    base: &'a [&'a [u8]],
    lines: &'a [&'a [u8]],
    hunks: Vec<Hunk>,
    used: usize,
}

impl<'a> Side<'a> {
    fn new(base: &'a [&'a [u8]], lines: &'a [&'a [u8]]) -> Self {
        Self { base, lines, hunks: hunks(base, lines), used: 0 }
    }

    fn next_start(&self) -> Option<usize> {
        self.hunks.get(self.used).map(|hunk| hunk.old.start)
    }

    /// Takes every hunk that starts at or before `end` and moves `end` along.
    fn take_until(&mut self, end: &mut usize) -> bool {
        let before = self.used;
        while let Some(hunk) = self.hunks.get(self.used).filter(|hunk| hunk.old.start <= *end) {
            *end = (*end).max(hunk.old.end);
            self.used += 1;
        }
        self.used > before
    }

    /// This side's lines for the base region `range`, with the hunks from `from` on applied.
    fn text(&self, from: usize, range: std::ops::Range<usize>) -> Vec<&'a [u8]> {
        let (mut text, mut at) = (Vec::new(), range.start);
        for hunk in &self.hunks[from..self.used] {
            text.extend_from_slice(&self.base[at..hunk.old.start]);
            text.extend_from_slice(&self.lines[hunk.new.clone()]);
            at = hunk.old.end;
        }
        text.extend_from_slice(&self.base[at..range.end]);
        text
    }
}

/// Merges two descendants of one tree; new blobs go into the store.
pub(crate) fn merge_trees(store: &mut Store, base: &Flat, ours: &Flat, theirs: &Flat) -> Result<Flat, Conflict> {
    let mut merged = ours.clone();
    for change in Store::changes(base, theirs) {
        let path = change.path;
        let (was, mine, yours) = (base.get(&path).copied(), ours.get(&path).copied(), theirs.get(&path).copied());
        let result = if mine == was || mine == yours {
            yours
        } else {
            match (was, mine, yours) {
                (Some(was), Some(mine), Some(yours)) => {
                    let texts = [was, mine, yours].map(|leaf| store.bytes(Some(leaf)));
                    let Some(text) = merge_files(&texts[0], &texts[1], &texts[2]) else {
                        return Err(Conflict { path });
                    };
                    let mode = if mine.mode == was.mode { yours.mode } else { mine.mode };
                    Some(Leaf { mode, blob: store.put_blob(&text) })
                }
                _ => return Err(Conflict { path }),
            }
        };
        match result {
            Some(leaf) => merged.insert(path, leaf),
            None => merged.remove(&path),
        };
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
        merge_files(base.as_bytes(), ours.as_bytes(), theirs.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn merges_by_lines() {
        let table = [
            ("a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n", Some("A\nb\nc\nD\n")),
            ("a\nb\nc\n", "A\nb\nc\n", "X\nb\nc\n", None),
            ("a\nb\nc\n", "A\nb\nc\n", "A\nb\nc\n", Some("A\nb\nc\n")),
            ("a\nb\n", "a\nB\n", "a\nb\n", Some("a\nB\n")),
            ("a\nb\n", "A\nb\n", "a\nB\n", None),
            ("a\nb\n", "a\nb\nc\n", "a\nb\nd\n", None),
            ("a\nb\nc\n", "", "a\nb\nc\n", Some("")),
        ];
        for (base, ours, theirs, want) in table {
            assert_eq!(merged(base, ours, theirs).as_deref(), want, "{base:?} {ours:?} {theirs:?}");
        }
    }

    #[test]
    fn trees_conflict_when_a_changed_file_was_deleted() {
        let mut store = Store::default();
        let mut leaf =
            |text: &str| Leaf { mode: super::super::FileMode::Regular, blob: store.put_blob(text.as_bytes()) };
        let base = Flat::from([("f".to_owned(), leaf("1\n"))]);
        let theirs = Flat::from([("f".to_owned(), leaf("2\n"))]);
        let ours = Flat::new();
        assert_eq!(merge_trees(&mut store, &base, &ours, &theirs), Err(Conflict { path: "f".into() }));
        assert_eq!(merge_trees(&mut store, &base, &base, &ours), Ok(Flat::new()));
    }

    proptest::proptest! {
        #[test]
        fn a_side_that_did_nothing_changes_nothing(base in "[abc\n]{0,30}", other in "[abc\n]{0,30}") {
            proptest::prop_assert_eq!(merged(&base, &other, &base), Some(other.clone()));
            proptest::prop_assert_eq!(merged(&base, &base, &other), Some(other.clone()));
            proptest::prop_assert_eq!(merged(&base, &other, &other), Some(other.clone()));
        }
    }
}
