//! What must not leave: anything that looks like a credential. Asked before a payload is shown and again before it is sent.

/// How credentials begin, and how long they are at least, beginning included.
const BEGINNINGS: [(&str, usize); 17] = [
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("ghu_", 30),
    ("github_pat_", 30),
    ("phx_", 20),
    ("phs_", 20),
    ("sk-", 30),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xapp-", 20),
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 30),
    ("glpat-", 20),
    ("npm_", 30),
    ("eyJhbGciOi", 40),
];

/// Refuses a text that holds something like a credential, naming its beginning and no more.
///
/// # Errors
/// Names the field and what kind of credential it looks like.
pub(crate) fn scan(field: &str, text: &str) -> Result<(), String> {
    if text.contains("PRIVATE KEY-----") {
        return Err(format!("{field}: holds a private key; remove it"));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    for token in text.split(|c| !word(c)) {
        for (beginning, length) in BEGINNINGS {
            let Some(at) = token.find(beginning) else { continue };
            let fresh = at == 0 || !token.as_bytes()[at - 1].is_ascii_alphanumeric();
            let rest = &token[at..];
            let random =
                rest[beginning.len()..].bytes().filter(|b| b.is_ascii_digit() || b.is_ascii_uppercase()).count();
            if fresh && rest.len() >= length && random >= 3 {
                return Err(format!("{field}: holds what looks like a credential ({beginning}…); remove it"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::scan;

    #[test]
    fn credentials_are_found_and_ordinary_words_are_not() {
        for text in [
            "token ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "GITHUB_TOKEN=github_pat_11ABCDEFG0abcdefghijkl_x9Y8z7",
            "key: phx_9aKdj28Sjd82kLs01xPq",
            "https://x?y=AKIAIOSFODNN7EXAMPLE&z=1",
            "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "(xoxb-123456789012-ABCDEFGHIJ)",
        ] {
            assert!(
                scan("arguments.body", text).is_err_and(|said| said.starts_with("arguments.body: holds")),
                "{text}"
            );
        }
        for text in [
            "Reverts #482, which broke sign-ups.",
            "the risk-adjusted value of sk-learn and task-oriented-programming-in-practice",
            "see phx_ and ghp_ prefixes",
            "npm_config_registry=https://registry.npmjs.org",
            "wakeman-proposal: acme/P-12/1",
            "9c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(scan("arguments.body", text), Ok(()), "{text}");
        }
    }
}
