//! "Did you mean …?"

use super::{
    error::Warning,
    hints::hint,
    keys::{Key, KeyPath, below},
};

/// Below this likeness (0–1, Damerau-Levenshtein) two words are unrelated.
const LIKENESS_MIN: f64 = 0.6;

/// The word of `known` that `given` is most likely a slip of.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::normalized_damerau_levenshtein(&given, &word.to_lowercase()), word))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, word)| word)
}

/// The warning that `key` is none of `keys`, with the one that was likely meant.
pub(crate) fn unknown_key(file: &str, key: &KeyPath, keys: &[Key]) -> Warning {
    let text = match (suggestion(key, keys), hint(&key.to_string())) {
        (Some(meant), _) => format!("is not a setting; did you mean {meant}?"),
        (None, Some(instead)) => format!("is not a setting; it is ignored: {instead}"),
        (None, None) => "is not a setting; it is ignored".to_owned(),
    };
    Warning::new(file, key.to_string(), text)
}

/// A sibling with a similar name, else a key elsewhere that ends in the same name.
fn suggestion(key: &KeyPath, keys: &[Key]) -> Option<String> {
    let (name, parent) = key.0.split_last()?;
    let parent = KeyPath(parent.to_vec());
    let siblings = below(keys, &parent).into_iter().filter_map(|(rest, _)| {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        rest.split(['.', '[']).next().filter(|name| !matches!(*name, "" | "*"))
    });
    if let Some(near) = nearest(name, siblings) {
        return Some(parent.name(near).to_string());
    }
    let last = |pattern: &'static str| pattern.rsplit('.').next().unwrap_or(pattern);
    let elsewhere = keys.iter().find(|(pattern, _)| last(pattern) == name && !pattern.contains(['*', '[']));
    elsewhere.map(|(pattern, _)| (*pattern).to_owned())
}
