//! Ideas that say what is there already are dropped: by meaning when the embedder answers, by their words otherwise.

use std::collections::BTreeSet;

/// Cosine from which two texts say the same.
const SAME_MEANING: f64 = 0.9;
/// Share of common words (of all words of both) from which two texts say the same.
const SAME_WORDS: f64 = 0.8;

/// The places of the texts, from `known` on, that repeat none before them. `vectors` belong to all texts, or there are none.
pub(super) fn fresh(texts: &[String], known: usize, vectors: Option<&[Vec<f32>]>) -> Vec<usize> {
    let vectors = vectors.filter(|vectors| vectors.len() == texts.len());
    let words: Vec<BTreeSet<String>> = texts.iter().map(|text| words(text)).collect();
    let same = |a: usize, b: usize| match vectors {
        Some(vectors) => cosine(&vectors[a], &vectors[b]) >= SAME_MEANING,
        None => common(&words[a], &words[b]) >= SAME_WORDS,
    };
    let mut kept: Vec<usize> = (0..known.min(texts.len())).collect();
    for place in known..texts.len() {
        if !kept.iter().any(|other| same(*other, place)) {
            kept.push(place);
        }
    }
    kept.retain(|place| *place >= known);
    kept
}

/// The words of a text, in small letters, without what is between them.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn common(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f64 {
    let (both, all) = (a.intersection(b).count(), a.union(b).count());
    if all == 0 { 1.0 } else { both as f64 / all as f64 }
}

/// The cosine of the angle; 0 for vectors that have none.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let scale = (dot(a, a) * dot(b, b)).sqrt();
    if a.len() == b.len() && scale > 0.0 && scale.is_finite() { dot(a, b) / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_found_by_words_and_by_meaning() {
        let texts = ["Merge #482 now", "merge  482, NOW", "Close the old flag", "Retire the stale switch"];
        let texts = texts.map(str::to_owned);
        assert_eq!(fresh(&texts, 1, None), [2, 3]);
        let vectors = [vec![1.0, 0.0], vec![0.6, 0.8], vec![0.0, 1.0], vec![0.1, 1.0]];
        assert_eq!(fresh(&texts, 1, Some(&vectors)), [1, 2], "the last means what the third does");
        assert_eq!(fresh(&texts, 1, Some(&vectors[..2])), [2, 3], "vectors of another number are no vectors");
        assert_eq!(fresh(&texts, 9, None), Vec::<usize>::new());
        assert_eq!(cosine(&[0.0], &[0.0]), 0.0);
        assert_eq!(cosine(&[f32::NAN], &[1.0]), 0.0);
    }
}
