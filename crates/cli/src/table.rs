//! Tables: aligned columns where there is room for them, two lines a row where there is not.

use wakeman_present::{Align, Column, Line, Style, Table};

use crate::{
    TermStyle,
    glyph::adapt,
    paint::paint_line,
    wrap::{line_width, truncate, wrap},
};

/// Blank columns between two columns.
const GAP: usize = 2;
/// A growing column narrower than this is not worth a table.
const GROWN_MIN: usize = 28;

/// The rows of a table, painted, at most `width` columns wide.
pub(crate) fn table_rows(table: &Table, width: usize, style: &TermStyle) -> Vec<String> {
    let rows: Vec<Vec<Line>> =
        table.rows.iter().map(|row| row.iter().map(|cell| adapt(cell, style)).collect()).collect();
    let natural = natural_widths(&table.columns, &rows);
    let mut shown: Vec<usize> = (0..table.columns.len()).collect();
    loop {
        if let Some(widths) = fit(&table.columns, &natural, &shown, width) {
            return aligned(&table.columns, &rows, &shown, &widths, style);
        }
        if style.endless {
            return aligned(&table.columns, &rows, &shown, &natural, style);
        }
        match shown.iter().rposition(|&i| table.columns[i].optional) {
            Some(position) => shown.remove(position),
            None => return stacked(&table.columns, &rows, &natural, width, style),
        };
    }
}

fn natural_widths(columns: &[Column], rows: &[Vec<Line>]) -> Vec<usize> {
    let widest = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(line_width).max().unwrap_or(0);
    columns.iter().enumerate().map(|(i, column)| widest(i).max(column.title.chars().count())).collect()
}

/// The width of each shown column, or `None` where the growing one would be squeezed too much.
fn fit(columns: &[Column], natural: &[usize], shown: &[usize], width: usize) -> Option<Vec<usize>> {
    // A column with nothing in it takes no room, not even its gap.
    let filled = shown.iter().filter(|&&i| natural[i] > 0).count();
    let fixed: usize = shown.iter().filter(|&&i| !columns[i].grows).map(|&i| natural[i]).sum();
    let room = width.checked_sub(fixed + GAP * filled.saturating_sub(1))?;
    let wanted: usize = shown.iter().filter(|&&i| columns[i].grows).map(|&i| natural[i]).sum();
    // Rather a column less than a growing one cut; with none left to drop, cut it down to its minimum.
    let may_drop = shown.iter().any(|&i| columns[i].optional);
    if room < if may_drop { wanted } else { wanted.min(GROWN_MIN) } {
        return None;
    }
    Some(shown.iter().map(|&i| if columns[i].grows { natural[i].min(room) } else { natural[i] }).collect())
}

fn aligned(
    columns: &[Column],
    rows: &[Vec<Line>],
    shown: &[usize],
    widths: &[usize],
    style: &TermStyle,
) -> Vec<String> {
    let head: Vec<Line> = columns.iter().map(|column| Line::new().dim(column.title.as_str())).collect();
    let has_head = columns.iter().any(|column| !column.title.is_empty());
    let lines = has_head.then_some(&head).into_iter().chain(rows);
    lines
        .map(|cells| {
            let mut row = Line::new();
            for (&i, &width) in shown.iter().zip(widths).filter(|(_, width)| **width > 0) {
                if !row.is_empty() {
                    row.push(" ".repeat(GAP), Style::Plain);
                }
                row = row.join(pad(&truncate(&cells[i], width, style), width, columns[i].align));
            }
            paint_line(&trim_end(row), style)
        })
        .collect()
}

/// `cell` filled up to `width` columns.
pub(crate) fn pad(cell: &Line, width: usize, align: Align) -> Line {
    let blanks = " ".repeat(width.saturating_sub(line_width(cell)));
    match align {
        Align::Left => cell.clone().plain(blanks),
        Align::Right => Line::new().plain(blanks).join(cell.clone()),
    }
}

/// Without the blanks at its end.
pub(crate) fn trim_end(mut line: Line) -> Line {
    while let Some(last) = line.spans.last_mut() {
        last.text.truncate(last.text.trim_end_matches(' ').len());
        if !last.text.is_empty() {
            break;
        }
        line.spans.pop();
    }
    line
}

/// The columns up to the growing one in a line that wraps, the others under it, set in and dim.
fn stacked(columns: &[Column], rows: &[Vec<Line>], natural: &[usize], width: usize, style: &TermStyle) -> Vec<String> {
    const INDENT: usize = 3;
    let marks = natural.first().copied().unwrap_or(0);
    let split = columns.iter().position(|column| column.grows).map_or(1, |position| position + 1);
    let mut lines = Vec::new();
    for row in rows {
        let (first, rest) = row.split_at(split.min(row.len()));
        let missing_mark = row.first().is_some_and(Line::is_empty) && marks > 0;
        let lead = if missing_mark { " ".repeat(marks + 1) } else { String::new() };
        let head = Line::new().plain(lead).join(Line::joined(first.iter().cloned(), " "));
        lines.extend(wrap(&head, width, if missing_mark { 0 } else { INDENT }));
        let rest = rest.iter().zip(&columns[split.min(columns.len())..]).filter(|(_, column)| !column.optional);
        let separator = if style.unicode { " · " } else { " - " };
        let rest = Line::joined(rest.map(|(cell, _)| cell.clone()), separator);
        if !rest.is_empty() {
            lines.extend(wrap(&Line::new().plain(" ".repeat(INDENT)).join(rest), width, 0));
        }
    }
    lines.iter().map(|line| paint_line(line, style)).collect()
}
