//! "Did you mean …?"

/// The candidate closest to `word` by edit distance, if it is at most a third of the word away.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(65).map(|c| c.to_ascii_lowercase()).collect();
    if word.len() > 64 {
        return None;
    }
    let limit = (word.len() / 3).max(1);
    candidates
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein (1965), one row at a time; ASCII case does not count.
fn distance(word: &[char], other: &str) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (i, b) in other.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, a) in word.iter().enumerate() {
            let substitute = diagonal + usize::from(*a != b.to_ascii_lowercase());
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[word.len()]
}
