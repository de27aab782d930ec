//! The braille chart in a terminal.

use wakeman_present::{Chart, ChartCell, Tone, braille_chart};

use crate::{
    TermStyle, glyph,
    paint::{cell_code, paint},
};

/// A wider picture shows no more.
const CHART_WIDTH_MAX: usize = 92;
/// From this width on there is room for one more row.
const TALL_FROM: usize = 80;

/// The rows of a chart, painted, at most `width` columns wide; none where there is no room.
pub(crate) fn chart_rows(chart: &Chart, width: usize, tone: Tone, style: &TermStyle) -> Vec<String> {
    let height = if width >= TALL_FROM { 6 } else { 5 };
    let rows = braille_chart(chart, width.min(CHART_WIDTH_MAX), height);
    rows.iter().map(|cells| row(cells, tone, style)).collect()
}

fn row(cells: &[ChartCell], tone: Tone, style: &TermStyle) -> String {
    let end = cells.iter().rposition(|cell| cell.ch != ' ').map_or(0, |last| last + 1);
    let runs = cells[..end].chunk_by(|one, other| cell_code(one.role, tone) == cell_code(other.role, tone));
    let painted = runs.map(|run| {
        let text: String = run.iter().map(|cell| glyph_of(cell.ch, style)).collect();
        paint(&text, cell_code(run[0].role, tone), style)
    });
    painted.collect()
}

fn glyph_of(c: char, style: &TermStyle) -> String {
    if style.unicode || c.is_ascii() {
        return c.to_string();
    }
    // One column each: the picture must not shift.
    glyph::ascii(c).chars().take(1).collect()
}
