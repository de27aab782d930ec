//! No credential leaves with a message: the instance's own, and what has the shape of one, are taken out, when a message is stored and again when it is sent.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    guard::{Guard, REMOVED},
    shapes,
};

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

/// A row of what came from outside, without credentials in any of its texts.
pub fn cleaned<T: Serialize + DeserializeOwned + Clone>(guard: &Guard, from_outside: &T) -> T {
    let Ok(mut value) = serde_json::to_value(from_outside) else { return from_outside.clone() };
    if scrub(guard, &mut value) == 0 {
        return from_outside.clone();
    }
    serde_json::from_value(value).unwrap_or_else(|_| from_outside.clone())
}

/// The text without the instance's own credentials and without what has the shape of one; `None`: there is none in it.
pub fn without_credentials(guard: &Guard, text: &str) -> Option<String> {
    let own = guard.clean(text);
    scrubbed(own.as_deref().unwrap_or(text)).or(own)
}

/// The text without credentials; `None`: there is none in it.
fn scrubbed(text: &str) -> Option<String> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some((at, _)) = shapes::find(rest) {
        clean.push_str(&rest[..at.start]);
        clean.push_str(REMOVED);
        rest = &rest[at.end..];
    }
    clean.push_str(rest);
    (clean != text).then_some(clean)
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
