//! Messages for Telegram: plain text with entities, cut to its length, with nothing in it that acts.
//!
//! Telegram itself looks for links, mentions, commands and tags in any text it is given; no option turns that off. So every place
//! that it would find is broken with a word joiner (U+2060), in our words as in others': only buttons act. A joiner of the other kind
//! (U+200D) would not do, Telegram takes it for a letter of a host name. In a block of code it finds nothing and nothing is broken: what
//! is copied from there is what was written.

use crate::{
    Block, Doc, Line, Span, Style, Table, sanitize_piece, sparkline,
    split::{FENCE, FENCE_LINE_LEN_MAX, cut},
    utf16_len,
};

/// Longest message, in UTF-16 code units.
pub const TEXT_LEN_MAX: usize = 4096;
/// Longest text under a picture, in UTF-16 code units.
pub const CAPTION_LEN_MAX: usize = 1024;
/// Without ink and without width; ends a word for Telegram.
const BREAK: char = '\u{2060}';

/// How a part of a text is shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// What the eye should find first.
    Bold,
    /// Secondary text, and a model's words.
    Italic,
    /// Of one width, for drawings made of characters.
    Pre,
    /// A block of code, whose fences are no part of the text.
    Code {
        /// Its language, empty if none was named.
        language: String,
    },
}

/// A part of a text that is shown in a way of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// How.
    pub kind: EntityKind,
    /// Where it begins, in UTF-16 code units.
    pub offset_utf16: usize,
    /// How long it is, in UTF-16 code units; never 0.
    pub length_utf16: usize,
}

/// One message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TelegramText {
    /// Its text.
    pub text: String,
    /// How parts of it are shown, in order, none in another.
    pub entities: Vec<Entity>,
}

/// A whole message without its buttons, as one or more texts of [`TEXT_LEN_MAX`]. A chart is a line of bars.
pub fn message(doc: &Doc) -> Vec<TelegramText> {
    parts(&written(doc, true), TEXT_LEN_MAX)
}

/// What stands under the picture of a message's chart, shortened to [`CAPTION_LEN_MAX`], and whether that is all of it.
pub fn caption(doc: &Doc) -> (TelegramText, bool) {
    let whole = written(doc, false);
    if utf16_len(&whole.text) <= CAPTION_LEN_MAX {
        return (whole, true);
    }
    let mut short = part(&whole, 0, cut(&whole.text, CAPTION_LEN_MAX - 1));
    short.text.push('…');
    (short, false)
}

/// A text of Wakeman's or its model's that is not a message of its own yet: an answer as it grows.
pub fn text(text: &str) -> Vec<TelegramText> {
    let mut writer = Writer::default();
    for line in sanitize_piece(text).split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if !writer.fence(line) {
            writer.push(line, None);
            writer.push(end, None);
        }
    }
    writer.close();
    parts(&break_live(&writer.done), TEXT_LEN_MAX)
}

/// A text of ours as it is sent without entities: what was code may act now, so it is broken too.
pub fn bare(text: &str) -> String {
    break_live(&TelegramText { text: text.to_owned(), entities: Vec::new() }).text
}

/// Whether `c` between `before` and `after` makes something live.
///
/// # Source
/// tdlib, `MessageEntity.cpp`: its matchers for mentions, commands, tags, URLs, addresses and telephone numbers. This is true a
/// little more often than they match.
fn acts(before: Option<char>, c: char, after: &str) -> bool {
    let Some(next) = after.chars().next() else { return false };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    match c {
        '@' => is_word(next),
        '/' => is_word(next) && !before.is_some_and(|c| c.is_ascii_alphanumeric()),
        // "#482" is no tag: one needs a letter.
        '#' => after
            .chars()
            .take_while(|c| is_word(*c) || matches!(c, '·' | '\u{200c}' | '@'))
            .any(|c| !c.is_ascii_digit()),
        '$' => next.is_ascii_alphabetic(),
        ':' => after.starts_with("//"),
        '+' => next.is_ascii_digit() || next == '(',
        '.' if before.is_none_or(char::is_whitespace) => false,
        '.' => host_like(next, after),
        '。' | '．' | '｡' => is_word(next),
        _ => false,
    }
}

/// Whether a dot may be one of a host name or of an address in numbers. `0.41` and `v1.2.3` are none.
fn host_like(next: char, after: &str) -> bool {
    if !next.is_ascii_digit() {
        return next.is_alphanumeric() || (!next.is_ascii() && !next.is_whitespace());
    }
    let number = after.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
    number.split('.').filter(|part| !part.is_empty()).count() >= 3
}

/// Writes a text and remembers where what is.
#[derive(Default)]
struct Writer {
    done: TelegramText,
    units: usize,
    /// The language of the block of code that it is in, and where that begins.
    code: Option<(String, usize)>,
}

impl Writer {
    /// Whether `line` is a fence: the block of code that it opens or closes is told by an entity in its place.
    fn fence(&mut self, line: &str) -> bool {
        let line = line.trim_end();
        if self.code.is_some() {
            if line == FENCE {
                self.close();
                return true;
            }
            return false;
        }
        let Some(info) = line.strip_prefix(FENCE).filter(|info| !info.contains('`')) else { return false };
        if line.len() >= FENCE_LINE_LEN_MAX {
            return false;
        }
        let word = info.split_whitespace().next().unwrap_or_default();
        let named = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#' | '_' | '.'));
        self.code = Some((if named { word.to_owned() } else { String::new() }, self.units));
        true
    }

    /// Ends a block of code before the break that the last of its lines ends with.
    fn close(&mut self) {
        let Some((language, from)) = self.code.take() else { return };
        let end = self.units - usize::from(self.done.text.ends_with('\n'));
        if end > from {
            let kind = EntityKind::Code { language };
            self.done.entities.push(Entity { kind, offset_utf16: from, length_utf16: end - from });
        }
    }

    fn push(&mut self, text: &str, kind: Option<EntityKind>) {
        let length = utf16_len(text);
        self.done.text.push_str(text);
        if let Some(kind) = kind.filter(|_| length > 0 && self.code.is_none()) {
            let last = self.done.entities.last_mut();
            match last.filter(|last| last.kind == kind && last.offset_utf16 + last.length_utf16 == self.units) {
                Some(last) => last.length_utf16 += length,
                None => self.done.entities.push(Entity { kind, offset_utf16: self.units, length_utf16: length }),
            }
        }
        self.units += length;
    }

    fn line(&mut self, before: &str, line: &Line, after: &str) {
        self.push(before, None);
        for Span { text, style } in &line.spans {
            let kind = match style {
                Style::Strong => Some(EntityKind::Bold),
                Style::Dim | Style::Model => Some(EntityKind::Italic),
                Style::Plain | Style::Mark(_) | Style::Good | Style::Bad | Style::Outside => None,
            };
            self.push(text, kind);
        }
        self.push(after, None);
        self.push("\n", None);
    }

    fn block(&mut self, block: &Block, chart: bool) {
        match block {
            Block::Text(line) if is_written(line) && self.fence(&line.text()) => {}
            Block::Headline(line) | Block::Text(line) => self.line("", line, ""),
            Block::Bullet(line) => self.line("  · ", line, ""),
            Block::Indented(line) => self.line("  ", line, ""),
            Block::Step { number, text, note } if note.is_empty() => self.line(&format!("{number}. "), text, ""),
            Block::Step { number, text, note } => {
                let text = text.clone().plain(" (").join(note.clone()).plain(")");
                self.line(&format!("{number}. "), &text, "");
            }
            Block::Chart(drawn) if chart => {
                let values: Vec<f64> = drawn.points.iter().map(|point| point.value).collect();
                // One screen of a telephone is about this wide in letters of one width.
                let newest = &values[values.len().saturating_sub(30)..];
                self.push(&sparkline(newest), Some(EntityKind::Pre));
                self.push("\n", None);
            }
            Block::Chart(_) => {}
            Block::Table(table) => self.table(table),
            Block::Gap => self.push("\n", None),
        }
    }

    /// A line a row, its mark before it: a telephone has no room for columns.
    fn table(&mut self, table: &Table) {
        for cells in &table.rows {
            let is_mark =
                |cell: &&Line| matches!(cell.spans.first(), Some(span) if matches!(span.style, Style::Mark(_)));
            let mark = Line::joined(cells.iter().filter(is_mark).cloned(), " ");
            let rest = Line::joined(cells.iter().filter(|cell| !is_mark(cell)).cloned(), " · ");
            self.line("", &Line::joined([mark, rest], " "), "");
        }
    }
}

/// Whether nothing in a line is from outside: nobody else opens a block of code in our messages.
fn is_written(line: &Line) -> bool {
    matches!(line.spans.as_slice(), [Span { style: Style::Plain | Style::Model, .. }])
}

fn written(doc: &Doc, chart: bool) -> TelegramText {
    let mut writer = Writer::default();
    doc.blocks.iter().for_each(|block| writer.block(block, chart));
    writer.close();
    if let Some(footer) = &doc.footer {
        writer.line("", footer, "");
    }
    let all = writer.done;
    let end = all.text.trim_end().len();
    break_live(&part(&all, 0, end))
}

/// Whether the unit before `end` is in a block of code.
fn is_code(text: &TelegramText, end: usize) -> bool {
    let holds = |entity: &Entity| entity.offset_utf16 < end && end <= entity.offset_utf16 + entity.length_utf16;
    text.entities.iter().any(|entity| matches!(entity.kind, EntityKind::Code { .. }) && holds(entity))
}

/// The same text with breaks in it, and the entities where they were.
///
/// Over the whole text and not span by span: a name in one span and an `@` in the one before it are a mention too.
fn break_live(plain: &TelegramText) -> TelegramText {
    let mut out = TelegramText { text: String::with_capacity(plain.text.len() + 16), entities: plain.entities.clone() };
    let (mut before, mut units, mut added) = (None, 0, Vec::new());
    for (at, c) in plain.text.char_indices() {
        out.text.push(c);
        units += c.len_utf16();
        if !is_code(plain, units) && acts(before, c, &plain.text[at + c.len_utf8()..]) {
            out.text.push(BREAK);
            added.push(units);
        }
        before = Some(c);
    }
    for entity in &mut out.entities {
        let end = entity.offset_utf16 + entity.length_utf16;
        let moved = |to: usize| added.iter().filter(|at| **at <= to).count();
        let (from, to) =
            (entity.offset_utf16 + moved(entity.offset_utf16), end + added.iter().filter(|at| **at < end).count());
        (entity.offset_utf16, entity.length_utf16) = (from, to - from);
    }
    out
}

/// Entities are cut with the text, so a block of code that goes on in the next part is one there too.
fn parts(whole: &TelegramText, limit: usize) -> Vec<TelegramText> {
    let mut at = 0;
    let mut out = Vec::new();
    while at < whole.text.len() {
        let rest = &whole.text[at..];
        let mut end = if utf16_len(rest) <= limit { rest.len() } else { cut(rest, limit - 1) };
        // The second half of a path would be a command.
        if rest[end..].starts_with('/') {
            end += 1;
        }
        out.push(part(whole, at, at + end));
        at += end;
    }
    out
}

/// The bytes from `from` to `to` of a text with what of its entities lies in them.
fn part(whole: &TelegramText, from: usize, to: usize) -> TelegramText {
    let text = whole.text[from..to].to_owned();
    let (start, end) = (utf16_len(&whole.text[..from]), utf16_len(&whole.text[..to]));
    let inside = |entity: &Entity| {
        let first = entity.offset_utf16.max(start);
        let last = (entity.offset_utf16 + entity.length_utf16).min(end);
        (first < last).then(|| Entity {
            kind: entity.kind.clone(),
            offset_utf16: first - start,
            length_utf16: last - first,
        })
    };
    TelegramText { text, entities: whole.entities.iter().filter_map(inside).collect() }
}
