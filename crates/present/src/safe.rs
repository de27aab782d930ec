//! Outside text made safe to show on any surface.
//!
//! Titles, names, files, error messages and chat text are written by people we do not know. They may hold terminal commands,
//! characters that reorder or hide text, our own severity marks, links. Nothing of that is acted on: it is made visible.

use unicode_width::UnicodeWidthChar;

/// Combining marks kept on one character; living scripts need no more.
const COMBINING_MAX: usize = 3;
/// Hidden characters spelled out one by one; a longer run is counted instead.
const HIDDEN_RUN_MAX: usize = 3;

/// Whether our severity marks may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    /// In what Wakeman wrote.
    Keep,
    /// In anything else: shown as what they are, so that nobody wears them.
    Show,
}

/// What becomes of one character.
enum Fate {
    Keep,
    Space,
    Break,
    Drop,
    Show(char),
    Hidden,
}

/// Makes one line of `text`: at most `max` characters, no control, bidirectional, invisible or private characters, no line
/// breaks, no live links, none of our marks. What was there stays visible (`␛`, `⟨U+202E⟩`, ` ⏎ `). Idempotent.
pub fn sanitize(text: &str, max: usize) -> String {
    one_line(text, max, Marks::Show)
}

fn one_line(text: &str, max: usize, marks: Marks) -> String {
    let flat = fold_spaces(&spell_out(text, marks));
    // "://" is what makes every surface turn a text into a live link.
    cap(&flat.replace("://", "[:]//"), max)
}

/// Makes safe lines of a text that may have several: at most `lines` of at most `max` characters; the last says what was cut.
pub fn sanitize_lines(text: &str, lines: usize, max: usize) -> Vec<String> {
    several(text, lines, max, Marks::Show)
}

/// Text of any length with everything that hides, reorders or commands made visible, and nothing else changed: lines, tabs and
/// runs of spaces stay, so that code stays code, and so do our marks and links. For a model to read, not for a surface to show.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        for (j, part) in line.strip_suffix('\r').unwrap_or(line).split('\t').enumerate() {
            if j > 0 {
                out.push('\t');
            }
            out.push_str(&spell_out(part, Marks::Keep));
        }
    }
    out
}

/// A piece of a longer text of Wakeman's or its model's, as it arrives: line breaks and spaces stay, nothing else in it can act on a
/// terminal.
pub fn sanitize_piece(text: &str) -> String {
    visible(text).replace("://", "[:]//")
}

/// Writes out JSON whole, as one line that means exactly the same and nothing else: everything that nobody sees, that reorders what is
/// seen or that could be taken for a mark of ours stands as its escape. For what is approved, of which nothing may be cut, folded or
/// left out.
pub fn exact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut combining = 0;
    for c in json.chars() {
        let kept = c == ' ' || matches!(fate(c), Fate::Keep);
        combining = if kept && c.width() == Some(0) { combining + 1 } else { 0 };
        if kept && combining <= COMBINING_MAX {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out.replace("://", r":\/\/")
}

/// The same for text that Wakeman wrote and stored: its marks stay.
pub(crate) fn own_lines(text: &str, lines: usize, max: usize) -> Vec<String> {
    several(text, lines, max, Marks::Keep)
}

fn several(text: &str, lines: usize, max: usize, marks: Marks) -> Vec<String> {
    let all: Vec<&str> = text.trim_end().split('\n').collect();
    let shown = all.iter().take(lines);
    let mut safe: Vec<String> = shown.map(|line| one_line(line.trim_end_matches('\r'), max, marks)).collect();
    if all.len() > lines {
        safe.push(format!("… {} more lines", all.len() - lines));
    }
    safe
}

/// Outside text in quotation marks that it cannot close.
pub(crate) fn quoted(text: &str, max: usize) -> String {
    format!("\"{}\"", sanitize(text, max).replace('"', "'"))
}

fn spell_out(text: &str, marks: Marks) -> String {
    let mut out = String::with_capacity(text.len().min(4096));
    let mut hidden: Vec<char> = Vec::new();
    let mut combining = 0;
    let mut chars = text.chars().peekable();
    // What a joiner would join.
    let mut before = None;
    while let Some(c) = chars.next() {
        if joins(before, c, chars.peek().copied()) {
            out.push(c);
            continue;
        }
        let fate = if marks == Marks::Keep && is_ours(c) { Fate::Keep } else { fate(c) };
        if matches!(fate, Fate::Hidden) {
            before = None;
            hidden.push(c);
            continue;
        }
        if !matches!(fate, Fate::Drop) {
            before = matches!(fate, Fate::Keep).then_some(c);
        }
        flush(&mut hidden, &mut out);
        match fate {
            Fate::Keep if c.width() == Some(0) => {
                combining += 1;
                if combining <= COMBINING_MAX {
                    out.push(c);
                }
                continue;
            }
            Fate::Keep => out.push(c),
            Fate::Show(shown) => out.push(shown),
            Fate::Space => out.push(' '),
            // CR LF is one break.
            Fate::Break if c == '\r' && chars.peek() == Some(&'\n') => {}
            Fate::Break => out.push_str(" ⏎ "),
            Fate::Drop | Fate::Hidden => continue,
        }
        combining = 0;
    }
    flush(&mut hidden, &mut out);
    out
}

fn flush(hidden: &mut Vec<char>, out: &mut String) {
    if hidden.len() > HIDDEN_RUN_MAX {
        out.push_str(&format!("⟨{} hidden characters⟩", hidden.len()));
    } else {
        hidden.iter().for_each(|c| out.push_str(&format!("⟨U+{:04X}⟩", u32::from(*c))));
    }
    hidden.clear();
}

fn fate(c: char) -> Fate {
    match c {
        '\n' | '\r' => Fate::Break,
        '\t' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{2800}' => {
            Fate::Space
        }
        // The control pictures stand 0x2400 above the controls they picture.
        '\0'..='\u{1f}' => Fate::Show(char::from_u32(0x2400 + u32::from(c)).unwrap_or('␀')),
        '\u{7f}' => Fate::Show('␡'),
        // Only choose between two looks of one character.
        '\u{fe0e}' | '\u{fe0f}' => Fate::Drop,
        _ if is_hidden(c) || is_ours(c) => Fate::Hidden,
        _ => Fate::Keep,
    }
}

/// Controls, bidirectional overrides and isolates, characters without ink, tags, private use, non-characters.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Whether `c` is a joiner or a non-joiner where people write one: between letters of one script that is written joined, as in Persian and
/// Hindi, or between two pictures that make one. Anywhere else it only hides.
fn joins(before: Option<char>, c: char, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    match c {
        '\u{200c}' | '\u{200d}' if script(before).is_some() => {
            script(before) == script(after) && after.is_alphabetic() && after.width() != Some(0)
        }
        '\u{200d}' => is_picture(before) && is_picture(after) && !is_tone(after),
        _ => false,
    }
}

/// The script of a letter that is written joined, by its block; of a mark that binds two of them too.
fn script(c: char) -> Option<u32> {
    // Each Indic script has its virama at the same place in its block; Sinhala's is elsewhere.
    let binds = matches!(u32::from(c), 0x900..=0xd7f if u32::from(c) & 0x7f == 0x4d) || c == '\u{dca}';
    match u32::from(c) {
        _ if !c.is_alphabetic() && !binds => None,
        0x600..=0x6ff | 0x750..=0x77f | 0x8a0..=0x8ff => Some(0),
        block @ 0x900..=0xdff => Some(block & !0x7f),
        _ => None,
    }
}

/// Whether it is a pictograph, or the tone of one.
fn is_picture(c: char) -> bool {
    let picture =
        matches!(c, '\u{2194}' | '\u{2195}' | '\u{2600}'..='\u{27bf}' | '\u{2b1b}' | '\u{1f300}'..='\u{1faff}');
    picture && !is_ours(c)
}

fn is_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// The severity marks are ours alone: outside text must not wear them.
fn is_ours(c: char) -> bool {
    matches!(c, '🔴' | '🟠' | '🟢' | '⚪' | '⏳')
}

fn fold_spaces(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn cap(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    // Nor may a joiner be the last: there is nothing left to join.
    format!("{}…", kept.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200c}' | '\u{200d}')))
}
