//! Line diffs: changed regions, and their unified form.

use std::ops::Range;

/// One changed region: lines `old` became lines `new`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// A unified diff with its line counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    /// `None` for binary files.
    pub(crate) text: Option<String>,
    pub(crate) additions: usize,
    pub(crate) deletions: usize,
}

/// Past this many cells the table is not built: the whole middle counts as replaced.
const TABLE_CELLS_MAX: usize = 4_000_000;
/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;

/// The lines of a file, each with its line end.
pub(super) fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The regions in which `old` and `new` differ, by a longest common subsequence.
pub(super) fn hunks(old: &[&[u8]], new: &[&[u8]]) -> Vec<Hunk> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);
    let mut found: Vec<Hunk> = Vec::new();
    let mut add = |i: Range<usize>, j: Range<usize>| match found.last_mut() {
        Some(last) if last.old.end == head + i.start && last.new.end == head + j.start => {
            last.old.end = head + i.end;
            last.new.end = head + j.end;
        }
        _ => found.push(Hunk { old: head + i.start..head + i.end, new: head + j.start..head + j.end }),
    };
    if a.len() * b.len() > TABLE_CELLS_MAX {
        add(0..a.len(), 0..b.len());
        return found;
    }
    let table = common_lengths(a, b);
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && table[i + 1][j] >= table[i][j + 1]) {
            add(i..i + 1, j..j);
            i += 1;
        } else {
            add(i..i, j..j + 1);
            j += 1;
        }
    }
    found
}

/// `table[i][j]`: the length of the longest common subsequence of `a[i..]` and `b[j..]`.
fn common_lengths(a: &[&[u8]], b: &[&[u8]]) -> Vec<Vec<u32>> {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            table[i][j] = if a[i] == b[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    table
}

/// The unified diff of two files, as GitHub's `patch` has it (no file header).
pub(crate) fn unified_patch(old: &[u8], new: &[u8]) -> Patch {
    let (a, b) = (lines(old), lines(new));
    let found = hunks(&a, &b);
    let additions = found.iter().map(|hunk| hunk.new.len()).sum();
    let deletions = found.iter().map(|hunk| hunk.old.len()).sum();
    if std::str::from_utf8(old).is_err() || std::str::from_utf8(new).is_err() {
        return Patch { text: None, additions: 0, deletions: 0 };
    }
    let mut text = String::new();
    let mut rest = found.as_slice();
    while !rest.is_empty() {
        let near = |pair: &[Hunk]| pair[1].old.start <= pair[0].old.end + 2 * CONTEXT;
        let group = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
        write_group(&mut text, &a, &b, &rest[..group]);
        rest = &rest[group..];
    }
    if text.ends_with('\n') {
        text.pop();
    }
    Patch { text: Some(text), additions, deletions }
}

fn write_group(text: &mut String, a: &[&[u8]], b: &[&[u8]], group: &[Hunk]) {
    let (first, last) = (&group[0], &group[group.len() - 1]);
    let lead = first.old.start.min(CONTEXT);
    let trail = (a.len() - last.old.end).min(CONTEXT);
    let old = first.old.start - lead..last.old.end + trail;
    let new = first.new.start - lead..last.new.end + trail;
    let start = |range: &Range<usize>| if range.is_empty() { range.start } else { range.start + 1 };
    text.push_str(&format!("@@ -{},{} +{},{} @@\n", start(&old), old.len(), start(&new), new.len()));
    let mut at = old.start;
    for hunk in group {
        write_lines(text, ' ', &a[at..hunk.old.start]);
        write_lines(text, '-', &a[hunk.old.clone()]);
        write_lines(text, '+', &b[hunk.new.clone()]);
        at = hunk.old.end;
    }
    write_lines(text, ' ', &a[at..old.end]);
}

fn write_lines(text: &mut String, mark: char, lines: &[&[u8]]) {
    for line in lines {
        text.push(mark);
        text.push_str(&String::from_utf8_lossy(line));
        if !line.ends_with(b"\n") {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_has_counts_and_context() {
        let patch = unified_patch(b"a\nb\nc\nd\ne\n", b"a\nb\nC\nd\ne\nf\n");
        assert_eq!((patch.additions, patch.deletions), (2, 1));
        assert_eq!(patch.text.as_deref(), Some("@@ -1,5 +1,6 @@\n a\n b\n-c\n+C\n d\n e\n+f"));
    }

    #[test]
    fn a_new_file_and_a_missing_line_end() {
        let patch = unified_patch(b"", b"x");
        assert_eq!(patch.text.as_deref(), Some("@@ -0,0 +1,1 @@\n+x\n\\ No newline at end of file"));
    }

    #[test]
    fn binary_files_have_no_patch() {
        assert_eq!(unified_patch(b"a", &[0xff, 0xfe]).text, None);
    }

    proptest::proptest! {
        #[test]
        fn hunks_turn_old_into_new(old in "[ab\n]{0,40}", new in "[ab\n]{0,40}") {
            let (a, b) = (lines(old.as_bytes()), lines(new.as_bytes()));
            let (mut built, mut at) = (Vec::new(), 0);
            for hunk in hunks(&a, &b) {
                built.extend_from_slice(&a[at..hunk.old.start]);
                built.extend_from_slice(&b[hunk.new.clone()]);
                at = hunk.old.end;
            }
            built.extend_from_slice(&a[at..]);
            proptest::prop_assert_eq!(built, b);
        }
    }
}
