//! Pieces of an address. Branch names and query values come from settings and from GitHub itself: they are always encoded.

/// Percent-encodes everything but the unreserved characters; slashes stay, they separate in ref names too.
pub(super) fn path(text: &str) -> String {
    encode(text, b"-._~/")
}

/// Percent-encodes a query value.
pub(super) fn value(text: &str) -> String {
    encode(text, b"-._~")
}

fn encode(text: &str, plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place_in_an_address() {
        assert_eq!(path("wakeman/P-31"), "wakeman/P-31");
        assert_eq!(path("a?b#c d"), "a%3Fb%23c%20d");
        assert_eq!(value("acme:wakeman/P-31&x=1"), "acme%3Awakeman%2FP-31%26x%3D1");
        assert_eq!(value("é"), "%C3%A9");
    }
}
