//! The instance's own credentials, known again wherever they turn up, without keeping them.
//!
//! Of each credential (and each canary, which is a credential for nothing) only the length and two hashes are kept, of the forms in which
//! it travels: plain, URL-encoded, and base64 at each of its three alignments, so that it is also found in the middle of a larger text that
//! was encoded as a whole. A text is searched with a rolling hash over windows of those lengths; a hit is confirmed with SHA-256.
//!
//! # Source
//! Karp and Rabin (1987), Efficient randomized pattern-matching algorithms; arithmetic modulo 2^64.

use std::{collections::BTreeMap, fmt, ops::Range};

use serde_json::Value;
use wakeman_store::canonical::sha256_hex;

/// A credential shorter than this is found in too many ordinary texts to be looked for.
pub(crate) const BYTES_MIN: usize = 8;
/// What stands in the place of what was taken out.
pub(crate) const REMOVED: &str = "[secret removed]";
/// The base of the rolling hash: odd, with bits everywhere.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// One form of one credential.
#[derive(Clone, PartialEq, Eq)]
struct Needle {
    name: String,
    rolling: u64,
    digest: String,
}

/// Knows the instance's own credentials when it sees them.
#[derive(Clone, Default)]
pub struct Guard {
    by_length: BTreeMap<usize, Vec<Needle>>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forms: usize = self.by_length.values().map(Vec::len).sum();
        write!(f, "Guard({forms} forms)")
    }
}

/// A credential in a text: which, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The name of the variable it came from.
    pub name: String,
    /// Its bytes in the text.
    pub at: Range<usize>,
}

impl Guard {
    /// Of credentials by the name of their variable. Those of fewer than eight bytes are left out.
    pub fn of<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut guard = Self::default();
        for (name, secret) in secrets {
            // A key of several lines is known by each of its longer lines.
            let lines = secret.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
            lines.for_each(|line| guard.learn(name, line.as_bytes()));
        }
        guard
    }

    /// Whether there is nothing it could know again.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_length.is_empty()
    }

    fn learn(&mut self, name: &str, secret: &[u8]) {
        if secret.len() < BYTES_MIN {
            return;
        }
        let mut forms = vec![secret.to_vec(), percent(secret, true), percent(secret, false)];
        for alphabet in [STANDARD, URL_SAFE] {
            forms.extend((0..3).map(|skip| base64_inside(secret, skip, alphabet)));
        }
        for form in forms.into_iter().filter(|form| form.len() >= BYTES_MIN) {
            let rolling = form.iter().fold(0_u64, |hash, byte| roll_in(hash, *byte));
            let needle = Needle { name: name.to_owned(), rolling, digest: sha256_hex(&form) };
            let same_length = self.by_length.entry(form.len()).or_default();
            if !same_length.contains(&needle) {
                same_length.push(needle);
            }
        }
    }

    /// The first credential in `text`, of the longest form that begins first.
    pub fn find(&self, text: &str) -> Option<Hit> {
        let bytes = text.as_bytes();
        let mut first: Option<Hit> = None;
        for (length, needles) in self.by_length.iter().rev() {
            let before = first.as_ref().map_or(bytes.len(), |hit| hit.at.start + length - 1);
            let Some(hit) = search(&bytes[..before.min(bytes.len())], *length, needles) else { continue };
            first = Some(hit);
        }
        first
    }

    /// `text` without credentials; `None`: there is none in it.
    pub fn clean(&self, text: &str) -> Option<String> {
        let mut rest = text;
        let mut out = String::new();
        while let Some(hit) = self.find(rest) {
            // A form is ASCII, but a text may go on in the middle of a character that only looked like one.
            let (Some(head), Some(tail)) = (rest.get(..hit.at.start), rest.get(hit.at.end..)) else { break };
            out.push_str(head);
            out.push_str(REMOVED);
            rest = tail;
        }
        if out.is_empty() {
            return None;
        }
        out.push_str(rest);
        Some(out)
    }

    /// Refuses a value that holds a credential, naming the field and which credential.
    ///
    /// # Errors
    /// `arguments.body: holds this instance's own GITHUB_TOKEN; remove it`
    pub fn check(&self, path: &str, value: &Value) -> Result<(), String> {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match value {
            Value::String(text) => match self.find(text) {
                Some(hit) => Err(format!("{path}: holds this instance's own {}; remove it", hit.name)),
                None => Ok(()),
            },
            Value::Array(items) => {
                items.iter().enumerate().try_for_each(|(at, item)| self.check(&below(&at.to_string()), item))
            }
            Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
                self.find(name)
                    .map_or(Ok(()), |hit| Err(format!("{path}: a name holds this instance's own {}", hit.name)))?;
                self.check(&below(name), field)
            }),
            _ => Ok(()),
        }
    }
}

const fn roll_in(hash: u64, byte: u8) -> u64 {
    // One is added so that leading zero bytes count.
    hash.wrapping_mul(BASE).wrapping_add(byte as u64 + 1)
}

fn search(bytes: &[u8], length: usize, needles: &[Needle]) -> Option<Hit> {
    if bytes.len() < length {
        return None;
    }
    let top = (1..length).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let mut hash = bytes[..length].iter().fold(0_u64, |hash, byte| roll_in(hash, *byte));
    let mut start = 0;
    loop {
        for needle in needles.iter().filter(|needle| needle.rolling == hash) {
            let at = start..start + length;
            if sha256_hex(&bytes[at.clone()]) == needle.digest {
                return Some(Hit { name: needle.name.clone(), at });
            }
        }
        let next = *bytes.get(start + length)?;
        hash = roll_in(hash.wrapping_sub(top.wrapping_mul(u64::from(bytes[start]) + 1)), next);
        start += 1;
    }
}

/// As it stands in a URL.
fn percent(secret: &[u8], upper: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(secret.len());
    for byte in secret {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            _ if upper => out.extend(format!("%{byte:02X}").bytes()),
            _ => out.extend(format!("%{byte:02x}").bytes()),
        }
    }
    out
}

/// The characters of a base64 text that depend on the secret alone when `skip` bytes (modulo three) stand before it and others after it.
fn base64_inside(secret: &[u8], skip: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let mut padded = vec![0_u8; skip];
    padded.extend_from_slice(secret);
    let bits = |at: usize| {
        (at * 6..at * 6 + 6).fold(0_usize, |value, bit| {
            value << 1 | usize::from(padded.get(bit / 8).is_some_and(|byte| byte >> (7 - bit % 8) & 1 == 1))
        })
    };
    let first = (skip * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    (first..end).map(|at| alphabet[bits(at)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{Guard, REMOVED, STANDARD, URL_SAFE, base64_inside, percent};

    const SECRET: &str = "phx_9a/Kdj+28Sjd=82kLs";

    fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
        let mut text = String::from_utf8(base64_inside(bytes, 0, alphabet)).unwrap();
        if !bytes.len().is_multiple_of(3) {
            // The last character holds the bits that are left, then zeros.
            let left = bytes.len() * 8 % 6;
            let last = usize::from(bytes[bytes.len() - 1]) & ((1 << left) - 1);
            text.push(char::from(alphabet[last << (6 - left)]));
        }
        text
    }

    proptest! {
        #[test]
        fn a_credential_is_found_in_every_form_wherever_it_stands(
            before in "[a-zA-Zäö {\"]{0,40}", after in "[ -~é]{0,40}", secret in "[!-~]{12,60}",
        ) {
            prop_assume!(!secret.starts_with("-----"));
            let guard = Guard::of([("TOKEN", secret.as_str())]);
            let whole = format!("{before}{secret}{after}");
            let forms = [
                whole.clone(),
                format!("{before}{}{after}", String::from_utf8(percent(secret.as_bytes(), true)).unwrap()),
                format!("{before}{}{after}", String::from_utf8(percent(secret.as_bytes(), false)).unwrap()),
                base64(whole.as_bytes(), STANDARD),
                base64(whole.as_bytes(), URL_SAFE),
            ];
            for form in forms {
                let clean = guard.clean(&form);
                prop_assert!(clean.as_ref().is_some_and(|clean| clean.contains(REMOVED)), "{form}");
                prop_assert!(!clean.unwrap().contains(&secret));
            }
        }

        #[test]
        fn ordinary_text_is_left_alone(text in "\\PC{0,300}") {
            prop_assert_eq!(Guard::of([("TOKEN", SECRET)]).clean(&text), None);
        }
    }

    #[test]
    fn a_field_with_a_credential_is_named_and_nothing_of_it_is_kept() {
        let guard = Guard::of([("POSTHOG_API_KEY", SECRET), ("SHORT", "lab")]);
        let value = json!({"arguments": {"title": "lab", "files": [{"text": format!("x{SECRET}y")}]}});
        let wanted = "arguments.files.0.text: holds this instance's own POSTHOG_API_KEY; remove it";
        assert_eq!(guard.check("", &value), Err(wanted.to_owned()));
        assert_eq!(guard.check("", &json!({"title": "lab phx_9a"})), Ok(()));
        assert_eq!(format!("{guard:?}"), "Guard(6 forms)");
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQ\n-----END PRIVATE KEY-----";
        let hit = Guard::of([("KEY", pem)]).find("see AASCBKcwggSjAgEAAoIBAQ there").unwrap();
        assert_eq!((hit.name.as_str(), hit.at), ("KEY", 4..26));
        let twice = format!("{SECRET} and {SECRET}");
        assert_eq!(guard.clean(&twice), Some(format!("{REMOVED} and {REMOVED}")));
    }
}
