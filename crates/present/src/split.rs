//! Long texts cut into messages of a platform's length, in UTF-16 code units as Telegram and Discord count them.

/// What stands between blocks of code.
pub(crate) const FENCE: &str = "```";
/// A longer line is text, whatever it begins with.
pub(crate) const FENCE_LINE_LEN_MAX: usize = 40;
/// Under this limit fences are cut like any text: what reopens one would leave no room for what is in it.
const FENCE_LIMIT_MIN: usize = 128;
/// `\n` and a closing fence.
const CLOSING_LEN: usize = 4;

/// One message's worth of a longer text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The opening line of a block of code that was cut before this, to be said again; empty if none was.
    pub reopened: &'a str,
    /// Its part of the text. All parts, one after the other, are the text.
    pub text: &'a str,
    /// What closes a block of code that goes on in the next piece; empty if none does.
    pub closing: &'static str,
}

impl Piece<'_> {
    /// The message: a block of code is whole in it.
    pub fn message(&self) -> String {
        [self.reopened, self.text, self.closing].concat()
    }
}

/// `text` as messages of at most `limit` UTF-16 code units. A block of code that is cut is closed and opened again; without what
/// does that, the messages one after the other are `text`. No text: no message.
pub fn split(text: &str, limit: usize) -> Vec<String> {
    pieces(text, limit).iter().map(Piece::message).collect()
}

/// The same with what was added told apart. It cuts after a paragraph, else after a line, else after a word, else between characters.
pub fn pieces(text: &str, limit: usize) -> Vec<Piece<'_>> {
    let fences = limit >= FENCE_LIMIT_MIN;
    let mut rest = text;
    let mut open: Option<&str> = None;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let reopened = open.unwrap_or_default();
        let room = limit - utf16_len(reopened);
        let mut end = rest.len();
        if utf16_len(rest) > room {
            end = cut(rest, if fences { room - CLOSING_LEN } else { room });
            if fences {
                end = around_fences(rest, end, open);
            }
        }
        let (part, after) = rest.split_at(end);
        open = if fences { fence_after(part, open) } else { None };
        let closing = match open {
            Some(_) if after.is_empty() => "",
            Some(_) if part.ends_with('\n') => FENCE,
            Some(_) => "\n```",
            None => "",
        };
        pieces.push(Piece { reopened, text: part, closing });
        rest = after;
    }
    pieces
}

/// Length in UTF-16 code units.
pub fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Where to cut `text` so that what is before has at most `room` units, at least one character.
pub(crate) fn cut(text: &str, room: usize) -> usize {
    let mut units = 0;
    let fits = |(_, c): &(usize, char)| {
        units += c.len_utf16();
        units <= room
    };
    let hard = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    let first = text.chars().next().map_or(0, char::len_utf8);
    let hard = hard.max(first);
    let head = &text[..hard];
    // An end in the first half would make short messages.
    let late = |end: &usize| *end >= hard / 2;
    let after = |pattern: &str| head.rfind(pattern).map(|at| at + pattern.len()).filter(late);
    // The break itself may lie just behind what fits: then everything before it does.
    if text[hard..].starts_with('\n') && !head.ends_with('\r') {
        return after("\n\n").unwrap_or(hard);
    }
    after("\n\n").or_else(|| after("\n")).or_else(|| after(" ")).unwrap_or(hard)
}

/// The lines of `text` with where each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line)
    })
}

fn is_fence(line: &str) -> bool {
    line.starts_with(FENCE) && line.len() <= FENCE_LINE_LEN_MAX
}

/// The opening line of the block of code that `text` ends in, if it begins in `open`.
fn fence_after<'a>(text: &'a str, open: Option<&'a str>) -> Option<&'a str> {
    let turn = |open: Option<&'a str>, line: &'a str| match open {
        Some(_) if line.trim_end() == FENCE => None,
        None if is_fence(line) && line.ends_with('\n') => Some(line),
        _ => open,
    };
    lines(text).fold(open, |open, (_, line)| turn(open, line))
}

/// A cut that does not go through a fence: moved before an opening line, behind a closing one.
fn around_fences(text: &str, end: usize, open: Option<&str>) -> usize {
    let Some((start, line)) = lines(text).take_while(|(start, _)| *start < end).last() else { return end };
    let inside = fence_after(&text[..start], open).is_some();
    let closes = |line: &str| line.trim_end() == FENCE;
    let whole = end == start + line.len();
    match (is_fence(line), inside) {
        // What is kept free for a fence of ours has room for the text's own.
        (true, true) if closes(line) => end.max(start + FENCE.len()),
        (true, true) if whole => end,
        (true, _) if start > 0 => start,
        (false, true) if whole && closes(text[end..].split('\n').next().unwrap_or_default()) => end + FENCE.len(),
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_cuts_where_a_reader_would() {
        for (text, limit, want) in [
            ("", 10, vec![]),
            ("short", 10, vec!["short"]),
            ("one two three", 8, vec!["one two ", "three"]),
            ("first line\nsecond", 12, vec!["first line\n", "second"]),
            ("a b\n\nc d e f", 9, vec!["a b\n\n", "c d e f"]),
            ("abcdefghij", 4, vec!["abcd", "efgh", "ij"]),
            ("🔴🔴🔴", 4, vec!["🔴🔴", "🔴"]),
            ("🔴🔴", 3, vec!["🔴", "🔴"]),
        ] {
            assert_eq!(split(text, limit), want, "{text:?}");
        }
    }

    #[test]
    fn a_block_of_code_is_closed_and_opened_again() {
        let code: String = (0..20).map(|i| format!("let number_{i} = {i};\n")).collect();
        let text = format!("See:\n```rust\n{code}```\nThat is all.");
        let messages = split(&text, 150);
        assert!(messages.len() >= 3);
        assert!(messages[0].starts_with("See:\n```rust\nlet number_0 = 0;\n") && messages[0].ends_with(";\n```"));
        for middle in &messages[1..messages.len() - 1] {
            assert!(middle.starts_with("```rust\nlet number_") && middle.ends_with(";\n```"), "{middle}");
        }
        let last = messages.last().unwrap();
        assert!(last.starts_with("```rust\nlet number_") && last.ends_with("```\nThat is all."), "{last}");
        assert!(messages.iter().all(|message| message.matches(FENCE).count() == 2));
    }

    fn texts() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            4 => "[a-z ]{0,40}",
            2 => Just("\n".to_owned()),
            2 => Just("```\n".to_owned()),
            1 => Just("```rust\n".to_owned()),
            1 => Just("\n```\n".to_owned()),
            1 => Just("```".to_owned()),
            1 => "[🔴é日\u{301}x]{0,30}",
            1 => Just("```a very long line that begins like a fence but is none\n".to_owned()),
            1 => Just("\r\n\n".to_owned()),
        ];
        proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_and_fit(text in texts(), limit in 2usize..300) {
            let pieces = pieces(&text, limit);
            let whole: String = pieces.iter().map(|piece| piece.text).collect();
            prop_assert_eq!(&whole, &text);
            for piece in &pieces {
                prop_assert!(!piece.text.is_empty());
                prop_assert!(utf16_len(&piece.message()) <= limit, "{} > {}: {:?}", utf16_len(&piece.message()), limit, piece);
            }
        }

        #[test]
        fn what_is_reopened_is_what_was_closed(text in texts(), limit in 128usize..300) {
            let pieces = pieces(&text, limit);
            for pair in pieces.windows(2) {
                prop_assert_eq!(pair[0].closing.is_empty(), pair[1].reopened.is_empty());
            }
            prop_assert_eq!(pieces.last().map_or("", |piece| piece.closing), "");
            prop_assert_eq!(pieces.first().map_or("", |piece| piece.reopened), "");
        }
    }
}
