//! Parts of a text: those a bot names, checked, and those Telegram finds by itself.

use serde_json::{Value, json};

use super::error::Refusal;

/// Kinds that a bot may name.
const KINDS: [&str; 13] = [
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "code",
    "pre",
    "blockquote",
    "expandable_blockquote",
    "text_link",
    "text_mention",
    "custom_emoji",
    "url",
];

/// A text as it is kept: trimmed, with the entities that hold in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Text {
    pub(super) text: String,
    /// Those the bot named.
    pub(super) entities: Vec<Value>,
}

pub(super) fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

impl Text {
    /// Checks and trims.
    pub(super) fn new(text: &str, entities: Option<Value>) -> Result<Self, Refusal> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let starts = text.len() - text.trim_start().len();
        let cut = utf16_len(&text[..starts]);
        let kept = text.trim();
        let length = utf16_len(kept);
        let mut checked = Vec::new();
        for entity in entities.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let (offset, end) = within(entity, &units)?;
            let (from, to) = (offset.max(cut) - cut, end.clamp(cut, cut + length) - cut);
            if from < to {
                let mut entity = entity.clone();
                (entity["offset"], entity["length"]) = (json!(from), json!(to - from));
                checked.push(entity);
            }
        }
        Ok(Self { text: kept.to_owned(), entities: checked })
    }

    /// Everything that is shown in a way of its own, what was found by itself too.
    pub(super) fn all(&self) -> Vec<Value> {
        let closed = |entity: &&Value| matches!(entity["type"].as_str(), Some("pre" | "code" | "text_link"));
        let span = |entity: &Value| {
            let from = entity["offset"].as_u64().unwrap_or(0) as usize;
            (from, from + entity["length"].as_u64().unwrap_or(0) as usize)
        };
        let closed: Vec<(usize, usize)> = self.entities.iter().filter(closed).map(span).collect();
        let free = |(_, from, length): &(&str, usize, usize)| {
            closed.iter().all(|(first, last)| from + length <= *first || from >= last)
        };
        let found = found(&self.text).into_iter().filter(free);
        let found = found.map(|(kind, offset, length)| json!({"type": kind, "offset": offset, "length": length}));
        let mut all: Vec<Value> = self.entities.iter().cloned().chain(found).collect();
        all.sort_by_key(|entity| entity["offset"].as_u64());
        all
    }
}

/// First and last unit of an entity, refused as Telegram does.
fn within(entity: &Value, units: &[u16]) -> Result<(usize, usize), Refusal> {
    let kind = entity["type"].as_str().unwrap_or_default();
    if !KINDS.contains(&kind) {
        return Err(Refusal::bad("can't parse MessageEntity: Unsupported type specified"));
    }
    let whole = |key: &str| entity[key].as_i64();
    let (Some(offset), Some(length)) = (whole("offset"), whole("length")) else {
        return Err(Refusal::bad("can't parse MessageEntity: Can't find field \"offset\""));
    };
    let (Ok(offset), Ok(length)) = (usize::try_from(offset), usize::try_from(length)) else {
        return Err(Refusal::bad(format!("Receive an entity with incorrect offset {offset}")));
    };
    if length == 0 {
        return Err(Refusal::bad(format!("Receive an entity with incorrect length {length}")));
    }
    let end = offset + length;
    if end > units.len() {
        return Err(Refusal::bad(format!(
            "entity beginning at UTF-16 offset {offset} ends after the end of the text at UTF-16 offset {end}"
        )));
    }
    let low = |at: usize| units.get(at).is_some_and(|unit| (0xdc00..0xe000).contains(unit));
    if low(offset) {
        return Err(Refusal::bad(format!("entity begins in a middle of a UTF-16 symbol at UTF-16 offset {offset}")));
    }
    if low(end) {
        return Err(Refusal::bad(format!(
            "entity beginning at UTF-16 offset {offset} ends in a middle of a UTF-16 symbol at UTF-16 offset {end}"
        )));
    }
    Ok((offset, end))
}

/// What becomes live by itself: kind, offset and length in UTF-16 code units. Any two letters after a dot count as a top-level
/// domain here, of which Telegram has a list.
fn found(text: &str) -> Vec<(&'static str, usize, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    let mut units = 0;
    while at < chars.len() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let hit = mention(&chars, at, before)
            .or_else(|| command(&chars, at, before))
            .or_else(|| tag(&chars, at, before))
            .or_else(|| url(&chars, at, before));
        let (kind, length) = hit.unwrap_or(("", 1));
        let taken: usize = chars[at..at + length].iter().map(|c| c.len_utf16()).sum();
        if !kind.is_empty() {
            out.push((kind, units, taken));
        }
        at += length;
        units += taken;
    }
    out
}

type Hit = Option<(&'static str, usize)>;

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn run(chars: &[char], from: usize, is: impl Fn(char) -> bool) -> usize {
    chars.get(from..).unwrap_or_default().iter().take_while(|c| is(**c)).count()
}

fn ascii_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn mention(chars: &[char], at: usize, before: Option<char>) -> Hit {
    let length = run(chars, at + 1, ascii_word);
    let ends = chars.get(at + 1 + length).is_none_or(|c| !is_word(*c));
    (chars[at] == '@' && !before.is_some_and(is_word) && (2..=32).contains(&length) && ends)
        .then_some(("mention", length + 1))
}

fn command(chars: &[char], at: usize, before: Option<char>) -> Hit {
    let free = !before.is_some_and(|c| is_word(c) || matches!(c, '/' | '<' | '>'));
    let length = run(chars, at + 1, ascii_word);
    if chars[at] != '/' || !free || !(1..=64).contains(&length) {
        return None;
    }
    let mut end = at + 1 + length;
    if chars.get(end) == Some(&'@') {
        let name = run(chars, end + 1, ascii_word);
        end += if (3..=32).contains(&name) { name + 1 } else { 0 };
    }
    let goes_on = chars.get(end).is_some_and(|c| is_word(*c) || matches!(c, '/' | '<' | '>'));
    (!goes_on).then_some(("bot_command", end - at))
}

fn tag(chars: &[char], at: usize, before: Option<char>) -> Hit {
    let letter = |c: char| is_word(c) || matches!(c, '\u{200c}' | '·');
    let length = run(chars, at + 1, letter);
    let free = !before.is_some_and(letter);
    match chars[at] {
        '#' if free && chars[at + 1..at + 1 + length].iter().any(|c| !c.is_ascii_digit()) => {
            Some(("hashtag", length + 1))
        }
        '$' if free
            && (1..=8).contains(&length)
            && chars[at + 1..at + 1 + length].iter().all(char::is_ascii_uppercase) =>
        {
            Some(("cashtag", length + 1))
        }
        _ => None,
    }
}

/// tdlib, `is_url_unicode_symbol`: general punctuation ends a host name, but for the joiners and dashes.
fn host_letter(c: char) -> bool {
    match c {
        '\u{200c}' | '\u{200d}' | '\u{2010}'..='\u{2015}' | '-' | '_' | '~' => true,
        '\u{2000}'..='\u{206f}' => false,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => !c.is_whitespace(),
    }
}

fn url(chars: &[char], at: usize, before: Option<char>) -> Hit {
    if before.is_some_and(|c| host_letter(c) || matches!(c, '.' | '@')) || !host_letter(chars[at]) {
        return None;
    }
    let scheme = run(chars, at, |c| c.is_ascii_alphabetic());
    let has_scheme = scheme > 0 && chars[at + scheme..].starts_with(&[':', '/', '/']);
    let start = if has_scheme { at + scheme + 3 } else { at };
    let length = run(chars, start, |c| host_letter(c) || matches!(c, '.' | '@'));
    let host: String = chars[start..start + length].iter().collect();
    let host = host.trim_end_matches('.');
    let (name, domain) = host.rsplit_once('@').map_or((None, host), |(name, domain)| (Some(name), domain));
    let parts: Vec<&str> = domain.split('.').collect();
    let last = parts.last().copied().unwrap_or_default();
    let numbers = parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok());
    let named = parts.len() > 1 && last.chars().count() > 1 && last.chars().all(|c| c.is_alphabetic() || !c.is_ascii());
    if parts.iter().any(|part| part.is_empty()) || !(named || numbers || has_scheme) {
        return None;
    }
    let end = start + host.chars().count();
    let path = if chars.get(end).is_some_and(|c| matches!(c, '/' | '?' | '#' | ':')) {
        run(chars, end, |c| !c.is_whitespace() && !matches!(c, '<' | '>' | '"' | '«' | '»'))
    } else {
        0
    };
    Some((if name.is_some() && !has_scheme { "email" } else { "url" }, end + path - at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_telegram_makes_live_is_found() {
        for (text, want) in [
            ("hi @ada_l!", vec![("mention", 3, 6)]),
            ("🔴 /status@watch_bot now", vec![("bot_command", 3, 17)]),
            ("web/signup is no command, #482 no tag", vec![]),
            ("#now $USD", vec![("hashtag", 0, 4), ("cashtag", 5, 4)]),
            ("see evil.example.", vec![("url", 4, 12)]),
            ("https://x/y?z and a@b.cd", vec![("url", 0, 13), ("email", 18, 6)]),
            ("1.2.3.4 but not 0.41", vec![("url", 0, 7)]),
            ("evil.\u{2060}com @\u{2060}ada /\u{2060}stop", vec![]),
            ("evil\u{200d}.com", vec![("url", 0, 9)]),
        ] {
            assert_eq!(found(text), want, "{text:?}");
        }
    }

    #[test]
    fn a_text_is_trimmed_with_its_entities_and_wrong_ones_are_refused() {
        let bold = |offset: i64, length: i64| Some(json!([{"type": "bold", "offset": offset, "length": length}]));
        let kept = Text::new("  🔴 x ", bold(1, 4)).unwrap();
        assert_eq!((kept.text.as_str(), kept.entities[0]["offset"].as_u64()), ("🔴 x", Some(0)));
        assert_eq!(kept.entities[0]["length"], 3);
        for (offset, length) in [(0, 0), (-1, 2), (0, 9), (3, 1), (2, 1)] {
            assert!(Text::new("  🔴 x ", bold(offset, length)).is_err(), "{offset} {length}");
        }
        let pre = json!([{"type": "pre", "offset": 0, "length": 4}]);
        assert_eq!(Text::new("@ada @ada", Some(pre)).unwrap().all().len(), 2);
    }
}
