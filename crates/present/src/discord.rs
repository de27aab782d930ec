//! Messages for Discord: escaped markdown, cut to its length, with nothing in it that acts.
//!
//! Discord reads markdown in any text it is given: emphasis, headings, lists, quotes, mentions, masked links, emoji by name. Every
//! character that could begin one of them is escaped with a backslash wherever it stands, so that a cut cannot make it live, and the
//! few places that a backslash does not stop (`@everyone`, addresses, invitations) are broken with a word joiner (U+2060).
//! Blocks of code in a model's words stay blocks of code: nothing acts in them.

use crate::{Block, Doc, Line, Span, Style, Table, safe::sanitize_piece, sparkline, split, utf16_len};

/// Longest message, in UTF-16 code units.
pub const TEXT_LEN_MAX: usize = 2000;
/// What is cut at: an escape that would be cut in two is moved to the next message.
const CUT_AT: usize = TEXT_LEN_MAX - 2;
/// Without ink and without width.
const BREAK: char = '\u{2060}';
const FENCE: &str = "```";

/// A whole message without its buttons, as one or more texts of [`TEXT_LEN_MAX`]. A chart is a line of bars.
pub fn message(doc: &Doc) -> Vec<String> {
    pack(written(doc, true))
}

/// The same without its chart: what stands above the picture of it.
pub fn message_with_picture(doc: &Doc) -> Vec<String> {
    pack(written(doc, false))
}

/// A text of Wakeman's or its model's that is not a message of its own yet: an answer as it grows.
pub fn text(text: &str) -> Vec<String> {
    let mut fenced = false;
    pack(sanitize_piece(text).split('\n').map(|line| model_line(line, &mut fenced, escape)).collect())
}

/// `text` so that Discord shows it as it is.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = None;
    for (at, c) in text.char_indices() {
        let after = &text[at + c.len_utf8()..];
        match c {
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '[' | ']' | '#' => out.extend(['\\', c]),
            '-' | '+' if after.is_empty() || after.starts_with([' ', '#', '-']) => out.extend(['\\', c]),
            '.' | ')' if numbered(&text[..at], after) => out.extend(['\\', c]),
            ':' if after.starts_with("//") => out.extend([c, BREAK]),
            ':' if names_emoji(after) => out.extend(['\\', c]),
            '@' => out.extend([c, BREAK]),
            '.' if invites(&text[..at]) => out.extend([BREAK, c]),
            // A tag of a skin tone after an emoji's name.
            ':' if before == Some(':') => out.extend(['\\', c]),
            _ => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// Whether a dot or bracket after `head` would make an item of a list.
fn numbered(head: &str, after: &str) -> bool {
    let word = head.rsplit(char::is_whitespace).next().unwrap_or_default();
    let item = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    item && (after.is_empty() || after.starts_with(char::is_whitespace))
}

/// Whether a colon before `after` begins `:name:`.
fn names_emoji(after: &str) -> bool {
    let name = after.split(':').next().unwrap_or_default();
    name.len() < after.len() && !name.is_empty() && !name.contains(char::is_whitespace)
}

/// Whether a dot after `head` would make an invitation: `discord.gg/…`.
fn invites(head: &str) -> bool {
    let tail: String = head.chars().rev().take(10).collect::<Vec<_>>().into_iter().rev().collect();
    let tail = tail.to_ascii_lowercase();
    tail.ends_with("discord") || tail.ends_with("discordapp")
}

/// One line of a model's words, in a block of code or not; `outside` writes it where it is not.
fn model_line(line: &str, fenced: &mut bool, outside: impl Fn(&str) -> String) -> String {
    let is_fence = line.starts_with(FENCE) && !line[FENCE.len()..].contains('`') && line.len() <= 40;
    if is_fence {
        let closes = *fenced && line.trim_end() == FENCE;
        if closes || !*fenced {
            *fenced = !*fenced;
            return line.trim_end().to_owned();
        }
    }
    if *fenced { line.replace(FENCE, &format!("``{BREAK}`")) } else { outside(line) }
}

/// How a span is set off.
fn marker(style: Style) -> &'static str {
    match style {
        Style::Strong => "**",
        Style::Model => "*",
        Style::Plain | Style::Dim | Style::Mark(_) | Style::Good | Style::Bad | Style::Outside => "",
    }
}

/// `text` escaped, between markers that stand right at its ink.
fn set_off(text: &str, marker: &str) -> String {
    let ink = text.trim();
    if marker.is_empty() || ink.is_empty() {
        return escape(text);
    }
    let start = text.len() - text.trim_start().len();
    let (lead, trail) = (&text[..start], &text[start + ink.len()..]);
    format!("{lead}{marker}{}{marker}{trail}", escape(ink))
}

fn line(line: &Line) -> String {
    let mut out = String::new();
    for run in runs(line) {
        let piece = set_off(&run.text, marker(run.style));
        // Two markers that touch would be read as one.
        if out.ends_with('*') && piece.starts_with('*') {
            out.push(BREAK);
        }
        out.push_str(&piece);
    }
    // Too long for one message: a cut would leave a marker without its twin.
    if utf16_len(&out) > CUT_AT { escape(&line.text()) } else { out }
}

/// Neighbours that are set off alike are one run: what is escaped is seen whole.
fn runs(line: &Line) -> Vec<Span> {
    let mut runs: Vec<Span> = Vec::new();
    for span in &line.spans {
        match runs.last_mut().filter(|last| marker(last.style) == marker(span.style)) {
            Some(last) => last.text.push_str(&span.text),
            None => runs.push(span.clone()),
        }
    }
    runs
}

/// The lines of a message.
fn written(doc: &Doc, chart: bool) -> Vec<String> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for block in &doc.blocks {
        lines.extend(block_lines(block, chart, &mut fenced));
    }
    if fenced {
        lines.push(FENCE.to_owned());
    }
    // Small and grey, as ids are elsewhere.
    lines.extend(doc.footer.as_ref().map(|footer| format!("-# {}", escape(&footer.text()))));
    lines
}

fn block_lines(block: &Block, chart: bool, fenced: &mut bool) -> Vec<String> {
    let one = |before: &str, text: &Line| vec![format!("{before}{}", line(text))];
    match block {
        Block::Headline(text) => vec![set_off(&text.text(), "**")],
        Block::Text(text) if text.spans.iter().all(|span| span.style == Style::Model) => {
            vec![model_line(&text.text(), fenced, |_| line(text))]
        }
        Block::Text(text) => one("", text),
        Block::Bullet(text) => one("  · ", text),
        Block::Indented(text) => one("  ", text),
        Block::Step { number, text, note } if note.is_empty() => one(&format!("{number}\\. "), text),
        Block::Step { number, text, note } => {
            one(&format!("{number}\\. "), &text.clone().plain(" (").join(note.clone()).plain(")"))
        }
        Block::Chart(drawn) if chart => {
            let values: Vec<f64> = drawn.points.iter().map(|point| point.value).collect();
            // One screen of a telephone is about this wide.
            vec![sparkline(&values[values.len().saturating_sub(30)..])]
        }
        Block::Chart(_) => Vec::new(),
        Block::Table(table) => rows(table),
        Block::Gap if *fenced => vec![String::new()],
        Block::Gap => vec![String::new()],
    }
}

/// A line a row, its mark before it: a telephone has no room for columns.
fn rows(table: &Table) -> Vec<String> {
    let row = |cells: &Vec<Line>| {
        let is_mark = |cell: &&Line| matches!(cell.spans.first(), Some(span) if matches!(span.style, Style::Mark(_)));
        let mark = Line::joined(cells.iter().filter(is_mark).cloned(), " ");
        let rest = Line::joined(cells.iter().filter(|cell| !is_mark(cell)).cloned(), " · ");
        line(&Line::joined([mark, rest], " "))
    };
    table.rows.iter().map(row).collect()
}

/// Lines as messages that fit; an escape is never cut from what it escapes.
fn pack(lines: Vec<String>) -> Vec<String> {
    let whole = lines.join("\n");
    let mut parts = Vec::new();
    let mut carried = String::new();
    for piece in split(whole.trim_end(), CUT_AT) {
        let mut part = format!("{carried}{piece}");
        carried.clear();
        let slashes = part.len() - part.trim_end_matches('\\').len();
        if slashes % 2 == 1 {
            part.pop();
            carried.push('\\');
        }
        // Discord takes no message without ink.
        if !part.trim().is_empty() {
            parts.push(part);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Discord shows of escaped text without markers: escapes undone, breaks without ink.
    fn shown(text: &str) -> String {
        let mut out = String::new();
        let mut chars = text.chars().filter(|c| *c != BREAK).peekable();
        while let Some(c) = chars.next() {
            match chars.peek() {
                Some(next) if c == '\\' && next.is_ascii_punctuation() => out.extend(chars.next()),
                _ => out.push(c),
            }
        }
        out
    }

    /// Whether something in a text acts: a reader of Discord's rules that knows nothing of how it was written.
    fn live(text: &str) -> Option<&'static str> {
        let mut bare = String::new();
        let mut chars = text.chars();
        // An escaped character is a letter like any other.
        while let Some(c) = chars.next() {
            if c == '\\' {
                chars.next();
            } else {
                bare.push(c)
            }
            if c == '\\' {
                bare.push('x')
            }
        }
        let has = |any: &[&str]| any.iter().any(|one| bare.contains(one));
        let rules = [
            ("emphasis", has(&["*", "_", "~~", "`", "||"])),
            ("a mention or emoji", has(&["<@", "<#", "<:", "<a:", "<t:", "</", "<id:", "<h"])),
            ("everybody", has(&["@everyone", "@here"])),
            ("a link", has(&["://"])),
            ("a masked link", has(&["]("])),
            ("an invitation", has(&["discord.gg", "discord.com/invite", "discordapp.com"])),
            (
                "a quote, heading or list",
                bare.lines().any(|line| {
                    let line = line.trim_start();
                    let item = line.trim_start_matches(|c: char| c.is_ascii_digit());
                    line.starts_with(['>', '#'])
                        || line.starts_with("- ")
                        || line.starts_with("-#")
                        || (item.len() < line.len() && item.starts_with(". "))
                }),
            ),
        ];
        rules.into_iter().find(|(_, is)| *is).map(|(what, _)| what)
    }

    #[test]
    fn what_would_act_is_shown_as_it_is() {
        for (text, want) in [
            ("plain words, 62 % · 14:10", "plain words, 62 % · 14:10"),
            ("a*b_c~d`e|f", "a\\*b\\_c\\~d\\`e\\|f"),
            ("# head", "\\# head"),
            ("> quote", "\\> quote"),
            ("- item", "\\- item"),
            ("-# small", "\\-\\# small"),
            ("12. item", "12\\. item"),
            ("version 1.2.3", "version 1.2.3"),
            ("<@123> <#4> <:a:5> </x:6> <t:7>", "\\<@\u{2060}123\\> \\<\\#4\\> \\<\\:a\\:5\\> \\</x:6\\> \\<t:7\\>"),
            ("@everyone @here", "@\u{2060}everyone @\u{2060}here"),
            ("[x](https://a.b)", "\\[x\\](https:\u{2060}//a.b)"),
            (":smile:", "\\:smile:"),
            ("discord.gg/abc", "discord\u{2060}.gg/abc"),
            ("C:\\dir", "C:\\\\dir"),
        ] {
            let escaped = escape(text);
            assert_eq!(escaped.replace("\\:5", ":5"), want.replace("\\:5", ":5"), "{text}");
            assert_eq!(shown(&escaped), text, "{text}");
        }
    }

    #[test]
    fn styles_are_markers_right_at_the_ink() {
        let doc = Doc::card(crate::Tone::Critical)
            .headline("Sign-ups *down*")
            .text(Line::new().plain("was ").strong(" 41 ").plain("of ").strong("96"))
            .text(Line::new().strong("a").with("b", Style::Model))
            .bullet(Line::new().outside("#482 \"x\""))
            .footer("F-128");
        assert_eq!(
            message(&doc),
            ["**🔴 Sign-ups \\*down\\***\nwas  **41** of **96**\n**a**\u{2060}*b*\n  · \\#482 \"x\"\n-# F-128"]
        );
    }

    #[test]
    fn code_in_a_models_words_stays_code_and_nothing_leaves_it() {
        let parts = text("see *this*\n```rust\nlet a = \"*x*\"; // ``` <@1>\n```\nafter *that*");
        assert_eq!(parts, ["see \\*this\\*\n```rust\nlet a = \"*x*\"; // ``\u{2060}` <@1>\n```\nafter \\*that\\*"]);
        let long: String = (0..400).map(|i| format!("line_{i}\n")).collect();
        let parts = text(&format!("```\n{long}```"));
        assert!(parts.len() > 1 && parts.iter().all(|part| part.matches(FENCE).count() == 2), "{parts:?}");
    }

    fn nasty() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            3 => "[a-z ]{0,30}",
            3 => r"[*_~`|<>@#\\\[\]():.!&0-9 -]{0,20}",
            1 => Just("@everyone".to_owned()),
            1 => Just("<@123456>".to_owned()),
            1 => Just("[a](https://b.c)".to_owned()),
            1 => Just("\n- x\n> y\n# z\n1. w\n".to_owned()),
            1 => Just("discord.gg/abc".to_owned()),
            1 => Just("\\".to_owned()),
            1 => "[🔴é日]{0,20}",
            1 => "[a*\\\\]{1900,2100}",
        ];
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn nothing_from_outside_acts_and_nothing_is_lost(outside in nasty()) {
            let safe = crate::sanitize(&outside, 5000);
            let doc = Doc::bare().text(Line::new().outside(safe.clone()));
            let parts = message(&doc);
            for part in &parts {
                prop_assert!(utf16_len(part) <= TEXT_LEN_MAX);
                prop_assert_eq!(live(part), None, "{:?}", part);
            }
            let whole: String = parts.iter().map(|part| shown(part)).collect();
            prop_assert_eq!(whole.trim(), safe.trim());
        }

        #[test]
        fn a_growing_answer_fits_and_pings_nobody(model in nasty()) {
            prop_assume!(!model.contains(FENCE));
            for part in text(&model) {
                prop_assert!(utf16_len(&part) <= TEXT_LEN_MAX);
                prop_assert_eq!(live(&part), None, "{:?}", part);
            }
        }
    }
}
