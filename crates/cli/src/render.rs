//! A message as text for a terminal: wrapped, aligned, coloured, with an edge that shows its severity.

use wakeman_present::{Align, Block, Button, Doc, Frame, Line, Style, Tone};

use crate::{
    TermStyle,
    chart::chart_rows,
    glyph::{adapt, ascii},
    paint::{paint, paint_line, tone_code},
    table::{pad, table_rows, trim_end},
    wrap::{line_width, wrap},
};

/// Below this width the edge of a card costs more than it shows.
const EDGE_FROM: usize = 40;
/// Blank columns between a step and its note.
const NOTE_GAP: usize = 3;

/// The message in `style`; every line ends in `\n`, none is wider than [`TermStyle::width`].
pub fn render(doc: &Doc, style: &TermStyle) -> String {
    let style = style.clamped();
    let edge = (doc.frame == Frame::Card && style.width >= EDGE_FROM).then(|| edge(doc.tone, &style));
    let page = Page { tone: doc.tone, width: style.width - if edge.is_some() { 2 } else { 0 }, style };
    let mut rows: Vec<String> = page.blocks(&doc.blocks);
    rows.extend(page.buttons(&doc.buttons));
    if let Some(footer) = &doc.footer {
        rows.extend(page.line(footer, 0));
    }
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    let edge = edge.unwrap_or_default();
    let with_edge = |row: &String| match row.is_empty() {
        true => format!("{}\n", edge.trim_end()),
        false => format!("{edge}{row}\n"),
    };
    rows.iter().map(with_edge).collect()
}

fn edge(tone: Tone, style: &TermStyle) -> String {
    let bar = if style.unicode { "┃" } else { ascii('┃') };
    let code = tone_code(tone);
    format!("{} ", paint(bar, code, style))
}

struct Page {
    tone: Tone,
    width: usize,
    style: TermStyle,
}

impl Page {
    fn blocks(&self, blocks: &[Block]) -> Vec<String> {
        let is_step = |block: &Block| matches!(block, Block::Step { .. });
        let groups = blocks.chunk_by(|one, other| is_step(one) && is_step(other));
        groups.flat_map(|group| if is_step(&group[0]) { self.steps(group) } else { self.block(&group[0]) }).collect()
    }

    fn block(&self, block: &Block) -> Vec<String> {
        match block {
            Block::Headline(line) => self.line(line, self.mark_width(line)),
            Block::Text(line) => self.line(line, 2),
            Block::Bullet(line) => {
                let bullet = Line::new().dim("·").plain(" ").join(line.clone());
                self.set_in(&bullet, 2, 2)
            }
            Block::Indented(line) => self.set_in(line, 2, 0),
            Block::Step { .. } => self.steps(std::slice::from_ref(block)),
            Block::Chart(chart) => chart_rows(chart, self.width, self.tone, &self.style),
            Block::Table(table) => table_rows(table, self.width, &self.style),
            Block::Gap => vec![String::new()],
        }
    }

    fn line(&self, line: &Line, hang: usize) -> Vec<String> {
        let rows = wrap(&adapt(line, &self.style), self.width, hang);
        rows.into_iter().map(|row| paint_line(&trim_end(row), &self.style)).collect()
    }

    fn set_in(&self, line: &Line, indent: usize, hang: usize) -> Vec<String> {
        self.line(&Line::new().plain(" ".repeat(indent)).join(line.clone()), hang)
    }

    /// Rows after the first start under the text, not under the mark.
    fn mark_width(&self, line: &Line) -> usize {
        match adapt(line, &self.style).spans.first() {
            Some(span) if matches!(span.style, Style::Mark(_)) => crate::wrap::width_of(&span.text) + 1,
            _ => 2,
        }
    }

    /// The steps of a plan with their notes in a column of their own, if all fit; else each note under its step.
    fn steps(&self, steps: &[Block]) -> Vec<String> {
        let lines: Vec<(Line, Line)> = steps
            .iter()
            .filter_map(|step| match step {
                Block::Step { number, text, note } => {
                    let text = Line::new().strong(format!("{number}.")).plain(" ").join(text.clone());
                    Some((adapt(&text, &self.style), adapt(note, &self.style)))
                }
                _ => None,
            })
            .collect();
        let left = lines.iter().map(|(text, _)| line_width(text)).max().unwrap_or(0);
        let right = lines.iter().map(|(_, note)| line_width(note)).max().unwrap_or(0);
        let side_by_side = left + NOTE_GAP + right <= self.width;
        lines.iter().flat_map(|(text, note)| self.step(text, note, left, side_by_side)).collect()
    }

    fn step(&self, text: &Line, note: &Line, left: usize, side_by_side: bool) -> Vec<String> {
        const INDENT: usize = 3;
        if side_by_side {
            let row = pad(text, left + NOTE_GAP, Align::Left).join(note.clone());
            return vec![paint_line(&trim_end(row), &self.style)];
        }
        let mut rows = self.line(text, INDENT);
        if !note.is_empty() {
            rows.extend(self.set_in(note, INDENT, 0));
        }
        rows
    }

    fn buttons(&self, buttons: &[Button]) -> Vec<String> {
        let mut rows: Vec<String> = Vec::new();
        let mut used = self.width;
        for button in buttons {
            let label = adapt(&button.label.as_str().into(), &self.style).text();
            let width = line_width(&label.as_str().into()) + 4;
            let painted = format!("{} {} {}", self.dim("["), self.label(&label, button.key), self.dim("]"));
            match rows.last_mut() {
                Some(row) if used + 1 + width <= self.width => {
                    row.push_str(&format!(" {painted}"));
                    used += 1 + width;
                }
                _ => {
                    rows.push(painted);
                    used = width;
                }
            }
        }
        rows
    }

    fn dim(&self, text: &str) -> String {
        paint(text, "2", &self.style)
    }

    /// The label with the letter it answers to underlined.
    fn label(&self, label: &str, key: char) -> String {
        let Some((at, letter)) = label.char_indices().find(|(_, c)| c.to_ascii_lowercase() == key) else {
            return paint(label, "1", &self.style);
        };
        let (before, after) = (&label[..at], &label[at + letter.len_utf8()..]);
        let letter = letter.to_string();
        [(before, "1"), (&letter, "1;4"), (after, "1")].map(|(text, code)| paint(text, code, &self.style)).concat()
    }
}
