//! No credential leaves with a message: the instance's own, and what has the shape of one, are taken out, when a message is stored and again when it is sent.

use serde_json::Value;

use crate::guard::{Guard, REMOVED};

/// How tokens of the services around us begin, and how many characters at least follow.
const SHAPES: &[(&str, usize)] = &[
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("phx_", 20),
    ("phs_", 20),
    ("sk-", 20),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("AKIA", 16),
    ("eyJhbGciOi", 20),
];
/// A private key in text begins like this.
const PRIVATE_KEY: &str = "-----BEGIN ";

/// Takes everything that looks like a credential out of every text in `value`. How many texts were changed.
pub fn scrub(guard: &Guard, value: &mut Value) -> usize {
    match value {
        Value::String(text) => match without_credentials(guard, text) {
            Some(clean) => {
                *text = clean;
                1
            }
            None => 0,
        },
        Value::Array(items) => items.iter_mut().map(|item| scrub(guard, item)).sum(),
        Value::Object(fields) => fields.values_mut().map(|field| scrub(guard, field)).sum(),
        _ => 0,
    }
}

/// The text without the instance's own credentials and without what has the shape of one; `None`: there is none in it.
pub fn without_credentials(guard: &Guard, text: &str) -> Option<String> {
    let own = guard.clean(text);
    scrubbed(own.as_deref().unwrap_or(text)).or(own)
}

const fn part_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
}

/// The text without credentials; `None`: there is none in it.
fn scrubbed(text: &str) -> Option<String> {
    if let Some(at) = text.find(PRIVATE_KEY).filter(|at| text[*at..].contains("PRIVATE KEY")) {
        return Some(format!("{}{REMOVED}", &text[..at]));
    }
    let mut clean = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(part_of_token) {
        let end = rest[start..].find(|c| !part_of_token(c)).map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        clean.push_str(&rest[..start]);
        clean.push_str(if is_secret(word) { REMOVED } else { word });
        rest = &rest[end..];
    }
    clean.push_str(rest);
    (clean != text).then_some(clean)
}

fn is_secret(word: &str) -> bool {
    let shaped =
        SHAPES.iter().any(|(start, length)| word.find(start).is_some_and(|at| word.len() >= at + start.len() + length));
    shaped || is_bot_token(word)
}

/// `123456789:AA…`, as Telegram gives them.
fn is_bot_token(word: &str) -> bool {
    word.split_once(':').is_some_and(|(id, key)| {
        (8..=12).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit()) && key.len() >= 30
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::scrub;
    use crate::guard::Guard;

    #[test]
    fn what_looks_like_a_credential_is_taken_out_wherever_it_stands() {
        let twenty = "abcdefghij0123456789";
        for token in [
            format!("ghp_{twenty}"),
            format!("github_pat_{twenty}"),
            format!("phx_{twenty}"),
            format!("sk-{twenty}"),
            format!("123456789:AA{twenty}{twenty}"),
            format!("eyJhbGciOi{twenty}.{twenty}.x"),
        ] {
            let mut view = json!({"a": [format!("before ({token}), after")], "n": 1});
            assert_eq!(scrub(&Guard::default(), &mut view), 1, "{token}");
            let said = view["a"][0].as_str().unwrap();
            assert_eq!(said, "before ([secret removed]), after");
        }
        let mut key = json!("key: -----BEGIN RSA PRIVATE KEY-----\nMIIE");
        assert_eq!((scrub(&Guard::default(), &mut key), key), (1, json!("key: [secret removed]")));
    }

    #[test]
    fn what_is_none_stays_as_it_is() {
        let same = json!({
            "digest": "4f9a1c22e07b4f9a1c22e07b4f9a1c22e07b4f9a1c22e07b4f9a1c22e07b4f9a",
            "text": "ghp_ is how a token begins; task-force sk-1; 12:30, größer als ghp_kurz; web/signup/form.ts",
        });
        let mut view = same.clone();
        assert_eq!((scrub(&Guard::default(), &mut view), view), (0, same));
    }
}
