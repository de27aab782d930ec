//! The `.env` of an instance.

use std::collections::BTreeMap;

/// `NAME=value` lines; `export`, quotes and `#` comments as in a shell, and no expansion. The error is the number of
/// the line that is none of these.
pub(super) fn parse_env_file(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let mut values = BTreeMap::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let assignment = line.split_once('=').map(|(name, value)| (name.trim(), unquote(value.trim())));
        match assignment {
            Some((name, Some(value))) if is_name(name) => {
                if !value.trim().is_empty() {
                    values.insert(name.to_owned(), value);
                }
            }
            _ => return Err(index + 1),
        }
    }
    Ok(values)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `None`: a quote that does not end.
fn unquote(value: &str) -> Option<String> {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (inside, after) = value[1..].rsplit_once(quote)?;
            let after = after.trim_start();
            (after.is_empty() || after.starts_with('#')).then(|| inside.to_owned())
        }
        _ => Some(value.split(" #").next().unwrap_or_default().trim_end().to_owned()),
    }
}
