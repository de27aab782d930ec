//! Words that two names share, and whether two paths are the same file.

use std::collections::BTreeSet;

/// Words that say nothing about what a change is for.
const EMPTY_WORDS: &[&str] = &[
    "add",
    "and",
    "app",
    "apps",
    "build",
    "bump",
    "change",
    "chore",
    "client",
    "code",
    "com",
    "component",
    "config",
    "count",
    "css",
    "default",
    "docs",
    "event",
    "feat",
    "feature",
    "file",
    "fix",
    "for",
    "from",
    "html",
    "index",
    "into",
    "lib",
    "main",
    "make",
    "merge",
    "metric",
    "mod",
    "more",
    "new",
    "not",
    "page",
    "per",
    "pull",
    "rate",
    "refactor",
    "remove",
    "request",
    "revert",
    "server",
    "service",
    "src",
    "test",
    "tests",
    "that",
    "the",
    "this",
    "total",
    "tsx",
    "update",
    "use",
    "user",
    "users",
    "web",
    "with",
];

/// The telling words of a text: lower case, plural and past endings off, pairs of neighbours joined too
/// ("sign-ups", "signed_up" and "signup" all give "signup").
pub(crate) fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in texts {
        let parts: Vec<String> = split(text).iter().map(|part| stem(part)).collect();
        let may_join = |part: &String| !is_number(part) && !is_empty_word(part);
        let pairs = parts.windows(2).filter(|pair| pair.iter().all(may_join)).map(|pair| pair.concat());
        found.extend(parts.iter().cloned().chain(pairs).filter(|word| is_telling(word)));
    }
    found
}

fn is_telling(word: &str) -> bool {
    word.chars().count() >= 3 && !is_number(word) && !is_empty_word(word)
}

fn is_number(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_digit())
}

fn is_empty_word(word: &str) -> bool {
    EMPTY_WORDS.binary_search(&word).is_ok()
}

/// At everything that is no letter or digit, and before a capital inside a word.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut lower_before = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower_before) {
            parts.push(String::new());
        }
        if c.is_alphanumeric() {
            parts.last_mut().expect("invariant: starts with one part").extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn stem(word: &str) -> String {
    let cut = |ending: &str, rest: usize| word.strip_suffix(ending).filter(|w| w.len() >= rest);
    cut("ing", 4)
        .or_else(|| cut("ed", 4))
        .or_else(|| cut("s", 2).filter(|w| !w.ends_with('s')))
        .unwrap_or(word)
        .to_owned()
}

/// Whether a frame's path and a repository's path are the same file: equal from the end for at least two parts, or as long as
/// the shorter one is.
pub(crate) fn same_file(frame: &str, file: &str) -> bool {
    let parts = |path: &str| -> Vec<String> {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        path.rsplit(['/', '\\']).filter(|p| !p.is_empty() && *p != "." && *p != "~").map(|p| p.to_owned()).collect()
    };
    let (frame, file) = (parts(strip_position(frame)), parts(file));
    let shared = frame.iter().zip(&file).take_while(|(a, b)| a == b).count();
    shared > 0 && (shared >= 2 || shared == frame.len().min(file.len()))
}

/// Takes ":12:5" off the end.
fn strip_position(path: &str) -> &str {
    path.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_empty_words_is_sorted() {
        assert!(EMPTY_WORDS.is_sorted());
    }

    #[test]
    fn spellings_of_one_thing_meet() {
        for text in ["Sign-ups", "signed_up", "web/signup/form.ts", "SignUp", "signup: new form"] {
            assert!(words([text]).contains("signup"), "{text}: {:?}", words([text]));
        }
        assert!(words(["checkoutCompleted"]).contains("checkout"));
        assert!(words(["new test for the app", "v2 #482"]).is_empty());
    }

    #[test]
    fn frames_find_their_files() {
        let table = [
            ("webpack:///./web/signup/form.ts:12:5", "web/signup/form.ts", true),
            ("web/signup/form.ts", "web/signup/form.ts", true),
            ("form.ts", "web/signup/form.ts", true),
            ("/srv/app/web/signup/form.ts", "web/signup/form.ts", true),
            ("web/checkout/form.ts", "web/signup/form.ts", false),
            ("node_modules/x/index.js", "web/index.js", false),
            ("", "web/index.js", false),
        ];
        for (frame, file, want) in table {
            assert_eq!(same_file(frame, file), want, "{frame} {file}");
        }
    }
}
