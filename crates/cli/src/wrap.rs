//! Lines broken to a width in columns, at the places a reader would break them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use wakeman_present::{Line, Style};

use crate::TermStyle;

type Letters = Vec<(char, Style)>;

/// Columns of a text in a terminal.
pub(crate) fn width_of(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Columns of a line.
pub(crate) fn line_width(line: &Line) -> usize {
    line.spans.iter().map(|span| width_of(&span.text)).sum()
}

fn letters_width(letters: &[(char, Style)]) -> usize {
    letters.iter().map(|(c, _)| c.width().unwrap_or(0)).sum()
}

/// Breaks `line` into rows of at most `width` columns; rows after the first are set in by `hang`.
///
/// A number stays with its unit. Where a line is a list with ` · ` or a chain with ` → `, whole items move to the next row if
/// they fit there. A word longer than a row is cut.
pub(crate) fn wrap(line: &Line, width: usize, hang: usize) -> Vec<Line> {
    let letters: Letters = line.spans.iter().flat_map(|s| s.text.chars().map(|c| (c, s.style))).collect();
    let lead = letters.iter().take_while(|(c, _)| *c == ' ').count().min(width / 2);
    let hang = (hang + lead).min(width / 2);
    let mut rows = Rows { rows: vec![vec![(' ', Style::Plain); lead]], width, hang, fresh: true };
    for item in items(words(&letters)) {
        rows.item(item);
    }
    rows.rows.into_iter().map(to_line).collect()
}

fn words(letters: &[(char, Style)]) -> Vec<Letters> {
    let mut words: Vec<Letters> = Vec::new();
    for word in letters.split(|(c, _)| *c == ' ').filter(|word| !word.is_empty()) {
        match words.last_mut() {
            Some(last) if belongs_to(last, word) => {
                last.push(space_between(last, word));
                last.extend_from_slice(word);
            }
            _ => words.push(word.to_vec()),
        }
    }
    words
}

/// Whether `word` must not begin a row after `last`: a unit after its number, a separator, what an arrow or bracket leads to.
fn belongs_to(last: &Letters, word: &[(char, Style)]) -> bool {
    let text: String = word.iter().map(|(c, _)| *c).filter(|c| !matches!(c, ')' | ',' | ';' | '.' | ':')).collect();
    let after_number = last.last().is_some_and(|(c, _)| c.is_ascii_digit());
    let is_unit = matches!(text.as_str(), "%" | "ms" | "s" | "min" | "h" | "days");
    let opens = matches!(last.last(), Some(('[', _))) || is_arrow(last);
    is_separator(word) || text == "]" || opens || (after_number && is_unit)
}

/// ` · `, or ` - ` where there is only ASCII.
fn is_separator(word: &[(char, Style)]) -> bool {
    matches!(word, [('·' | '-', _)])
}

/// `→`, or `->` where there is only ASCII.
fn is_arrow(word: &[(char, Style)]) -> bool {
    matches!(word, [('→', _)] | [('-', _), ('>', _)])
}

fn space_between(before: &[(char, Style)], after: &[(char, Style)]) -> (char, Style) {
    let style = match (before.last(), after.first()) {
        (Some((_, one)), Some((_, other))) if one == other => *one,
        _ => Style::Plain,
    };
    (' ', style)
}

/// Words grouped into the items of a list or the links of a chain.
fn items(words: Vec<Letters>) -> Vec<Vec<Letters>> {
    let mut items: Vec<Vec<Letters>> = Vec::new();
    let mut closed = true;
    for word in words {
        let ends = is_separator(last_piece(&word));
        let begins = is_arrow(first_piece(&word));
        match items.last_mut() {
            Some(item) if !closed && !begins => item.push(word),
            _ => items.push(vec![word]),
        }
        closed = ends;
    }
    items
}

fn first_piece(word: &[(char, Style)]) -> &[(char, Style)] {
    word.split(|(c, _)| *c == ' ').next().unwrap_or(word)
}

fn last_piece(word: &[(char, Style)]) -> &[(char, Style)] {
    word.rsplit(|(c, _)| *c == ' ').next().unwrap_or(word)
}

struct Rows {
    rows: Vec<Letters>,
    width: usize,
    hang: usize,
    /// Nothing but indentation is in the last row.
    fresh: bool,
}

impl Rows {
    fn used(&self) -> usize {
        self.rows.last().map_or(0, |row| letters_width(row))
    }

    fn fits(&self, columns: usize) -> bool {
        self.used() + usize::from(!self.fresh) + columns <= self.width
    }

    fn item(&mut self, item: Vec<Letters>) {
        let whole = item.iter().map(|word| letters_width(word) + 1).sum::<usize>() - 1;
        if !self.fresh && !self.fits(whole) && self.hang + whole <= self.width {
            self.new_row();
        }
        for word in item {
            self.word(word);
        }
    }

    fn word(&mut self, word: Letters) {
        if !self.fresh && !self.fits(letters_width(&word)) {
            self.new_row();
        }
        if self.fits(letters_width(&word)) {
            return self.append(word);
        }
        for letter in word {
            if !self.fresh && self.used() + letter.0.width().unwrap_or(0) > self.width {
                self.new_row();
            }
            if let Some(row) = self.rows.last_mut() {
                row.push(letter);
            }
            self.fresh = false;
        }
    }

    fn append(&mut self, word: Letters) {
        let fresh = std::mem::replace(&mut self.fresh, false);
        if let Some(row) = self.rows.last_mut() {
            if !fresh {
                let space = space_between(row, &word);
                row.push(space);
            }
            row.extend(word);
        }
    }

    /// Begins a row; a separator at the end of the one before has nothing left to separate.
    fn new_row(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            // Alone in its row it separates nothing: it is a piece of a long word that was cut.
            let alone = row.iter().filter(|(c, _)| *c != ' ').count() == 1;
            let separated = is_separator(last_piece(row)) && !alone;
            row.truncate(row.len() - if separated { 2.min(row.len()) } else { 0 });
        }
        self.rows.push(vec![(' ', Style::Plain); self.hang]);
        self.fresh = true;
    }
}

fn to_line(letters: Letters) -> Line {
    let mut line = Line::new();
    for (c, style) in letters {
        match line.spans.last_mut() {
            Some(span) if span.style == style => span.text.push(c),
            _ => line.push(c.to_string(), style),
        }
    }
    line
}

/// The first `width` columns of `line`, the last of them `…` if something was cut (`~` where there is only ASCII).
pub(crate) fn truncate(line: &Line, width: usize, terminal: &TermStyle) -> Line {
    if line_width(line) <= width {
        return line.clone();
    }
    let mut kept: Letters = Vec::new();
    let mut used = 1;
    for (c, style) in line.spans.iter().flat_map(|s| s.text.chars().map(|c| (c, s.style))) {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push((c, style));
    }
    while kept.last().is_some_and(|(c, _)| *c == ' ') {
        kept.pop();
    }
    let style = kept.last().map_or(Style::Plain, |(_, style)| *style);
    if width > 0 {
        kept.push((if terminal.unicode { '…' } else { '~' }, style));
    }
    to_line(kept)
}
