//! A message as plain text: what a conversation stores, and the ground every other rendering agrees with.

use crate::{Block, Doc, Line, Style, Table};

/// The words of a message without colour, chart or layout; lines end in `\n` except the last.
pub fn plain(doc: &Doc) -> String {
    let mut lines: Vec<String> = doc.blocks.iter().flat_map(block).collect();
    if !doc.buttons.is_empty() {
        let labels: Vec<String> = doc.buttons.iter().map(|button| format!("[ {} ]", button.label)).collect();
        lines.push(labels.join(" "));
    }
    lines.extend(doc.footer.as_ref().map(Line::text));
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n")
}

fn block(block: &Block) -> Vec<String> {
    match block {
        Block::Headline(line) | Block::Text(line) => vec![line.text()],
        Block::Bullet(line) => vec![format!("  · {}", line.text())],
        Block::Indented(line) => vec![format!("  {}", line.text())],
        Block::Step { number, text, note } if note.is_empty() => vec![format!("{number}. {}", text.text())],
        Block::Step { number, text, note } => vec![format!("{number}. {} ({})", text.text(), note.text())],
        Block::Chart(_) => Vec::new(),
        Block::Table(table) => rows(table),
        Block::Gap => vec![String::new()],
    }
}

/// One line a row, its mark before it: a chat has no columns.
fn rows(table: &Table) -> Vec<String> {
    let row = |cells: &Vec<Line>| {
        let is_mark = |line: &&Line| matches!(line.spans.first(), Some(span) if matches!(span.style, Style::Mark(_)));
        let mark = Line::joined(cells.iter().filter(is_mark).cloned(), " ");
        let rest = Line::joined(cells.iter().filter(|cell| !is_mark(cell)).cloned(), " · ");
        Line::joined([mark, rest], " ").text()
    };
    table.rows.iter().map(row).collect()
}
