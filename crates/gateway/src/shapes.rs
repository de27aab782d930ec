//! What has the shape of a credential of the services around us. One table for what is taken out of messages and for what no action
//! may send.

use std::ops::Range;

/// How credentials begin, and how long they are at least, beginning included.
const BEGINNINGS: [(&str, usize); 18] = [
    ("ghp_", 24),
    ("gho_", 24),
    ("ghs_", 24),
    ("ghu_", 24),
    ("ghr_", 24),
    ("github_pat_", 30),
    ("phx_", 20),
    ("phs_", 20),
    ("sk-", 23),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xapp-", 16),
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 30),
    ("glpat-", 20),
    ("npm_", 30),
    ("eyJhbGciOi", 30),
];
/// Digits and capitals that a credential holds at least after its beginning; words people write hold fewer.
const RANDOM_MIN: usize = 3;

/// The first credential in `text`: where it is, and what kind.
pub fn find(text: &str) -> Option<(Range<usize>, &'static str)> {
    let key = text.find("-----BEGIN ").filter(|at| text[*at..].contains("PRIVATE KEY"));
    let found = |at: Range<usize>| {
        let (inside, kind) = in_token(&text[at.clone()])?;
        Some((at.start + inside.start..at.start + inside.end, kind))
    };
    let token = tokens(text).find_map(|at| {
        let escaped = escape(text, at.start);
        found(at.clone()).or_else(|| found(at.start + escaped..at.end).filter(|_| escaped > 0))
    });
    match (key, token) {
        (Some(key), token) if token.as_ref().is_none_or(|(at, _)| key <= at.start) => {
            Some((key..text.len(), "a private key"))
        }
        (_, token) => token,
    }
}

/// How many letters at `start` belong to an escape, as in the `\n` of a text that is written in another: a word begins behind them.
fn escape(text: &str, start: usize) -> usize {
    let (before, after) = (text[..start].bytes().last(), &text.as_bytes()[start..]);
    match after {
        [b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'0', ..] if before == Some(b'\\') => 1,
        [b'u', a, b, c, d, ..]
            if before == Some(b'\\') && [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
        {
            5
        }
        _ => 0,
    }
}

const fn part_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
}

fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(part_of_token)?;
        let end = text[start..].find(|c| !part_of_token(c)).map_or(text.len(), |length| start + length);
        from = end;
        Some(start..end)
    })
}

fn in_token(token: &str) -> Option<(Range<usize>, &'static str)> {
    if is_bot_token(token) {
        return Some((0..token.len(), "a bot token"));
    }
    let mut start = 0;
    for part in token.split(':') {
        let found = BEGINNINGS.iter().filter_map(|(beginning, length)| begins(part, beginning, *length)).min();
        if let Some((at, beginning)) = found {
            return Some((start + at..start + part.len(), beginning));
        }
        start += part.len() + 1;
    }
    None
}

/// Where in `part` a credential begins so: at the beginning of a word, long enough, and random enough.
fn begins(part: &str, beginning: &'static str, length: usize) -> Option<(usize, &'static str)> {
    let fresh = |at: &usize| *at == 0 || !part.as_bytes()[at - 1].is_ascii_alphanumeric();
    let random = |at: &usize| {
        let rest = &part.as_bytes()[at + beginning.len()..];
        let dice = rest.iter().filter(|b| b.is_ascii_digit() || b.is_ascii_uppercase()).count();
        beginning.len() + rest.len() >= length && dice >= RANDOM_MIN
    };
    let places = part.match_indices(beginning).map(|(at, _)| at);
    places.filter(fresh).find(random).map(|at| (at, beginning))
}

/// `123456789:AA…`, as Telegram gives them.
fn is_bot_token(word: &str) -> bool {
    word.split_once(':').is_some_and(|(id, key)| {
        (8..=12).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit()) && key.len() >= 30
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn credentials_are_found_and_ordinary_words_are_not() {
        for (text, credential) in [
            ("token ghp_16C7e42F292c6912E7710c838347Ae178B4a.", "ghp_16C7e42F292c6912E7710c838347Ae178B4a."),
            ("GITHUB_TOKEN=github_pat_11ABCDEFG0abcdefghijkl_x9Y8z7", "github_pat_11ABCDEFG0abcdefghijkl_x9Y8z7"),
            ("key:phx_9aKdj28Sjd82kLs01xPq", "phx_9aKdj28Sjd82kLs01xPq"),
            ("https://x?y=AKIAIOSFODNN7EXAMPLE1&z=1", "AKIAIOSFODNN7EXAMPLE1"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl"),
            ("(xoxb-123456789012-ABCDEFGHIJ)", "xoxb-123456789012-ABCDEFGHIJ"),
            ("see sk-learn and sk-abcdefghij0123456789, ok", "sk-abcdefghij0123456789"),
            ("at 123456789:AAabcdefghij0123456789abcdefghij", "123456789:AAabcdefghij0123456789abcdefghij"),
            (r"one\nghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
            (r"one\tphx_9aKdj28Sjd82kLs01xPq", "phx_9aKdj28Sjd82kLs01xPq"),
            (r"one\u000aphx_9aKdj28Sjd82kLs01xPq", "phx_9aKdj28Sjd82kLs01xPq"),
            (r"C:\npm_16C7e42F292c6912E7710c838347Ae178B4a", "npm_16C7e42F292c6912E7710c838347Ae178B4a"),
            (r"one\n123456789:AAabcdefghij0123456789abcdefghij", "123456789:AAabcdefghij0123456789abcdefghij"),
        ] {
            let (at, _) = find(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(&text[at], credential);
        }
        for text in [
            "Reverts #482, which broke sign-ups.",
            "the risk-adjusted value of sk-learn and task-oriented-programming-in-practice",
            "disk-usage-alerts-for-prod-eu-2026 new-desk-layout-with-sidebar-v2 desk-notification-settings.tsx",
            "see phx_ and ghp_ prefixes; 12:30, größer als ghp_kurz",
            "npm_config_registry=https://registry.npmjs.org",
            "wakeman-proposal: acme/P-12/1",
            "4f9a1c22e07b4f9a1c22e07b4f9a1c22e07b4f9a1c22e07b4f9a1c22e07b4f9a",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
