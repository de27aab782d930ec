//! Canonical JSON and digests, one definition for the journal, proposals and cards.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The canonical text of `value`: RFC 8785 (JCS), UTF-8.
///
/// Numbers are doubles there: an integer beyond 2^53 loses digits, so write such ids as strings.
///
/// # Source
/// RFC 8785, JSON Canonicalization Scheme.
pub fn to_canonical_json(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).expect("invariant: a JSON value has string keys and finite numbers")
}

/// SHA-256 of `bytes` as 64 lower-case hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// SHA-256 over the canonical text of `value`, as 64 lower-case hex digits.
pub fn digest_of(value: &Value) -> String {
    sha256_hex(to_canonical_json(value).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_numbers_shortest() {
        let value = json!({"b": 1.0, "a": [true, null, "\u{20ac}\n"], "A": 1e21});
        assert_eq!(to_canonical_json(&value), "{\"A\":1e+21,\"a\":[true,null,\"\u{20ac}\\n\"],\"b\":1}");
    }

    #[test]
    fn digests_are_lower_case_hex() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest_of(&json!({"b": 2, "a": 1})), sha256_hex(br#"{"a":1,"b":2}"#));
    }
}
