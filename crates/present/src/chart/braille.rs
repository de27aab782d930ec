//! The chart in braille: the line, its band, `▲` under each change and their names.

use wakeman_types::Timestamp;

use super::{Chart, ChartMark};

/// Dots of a braille cell across and down.
const CELL_DOTS: (usize, usize) = (2, 4);

/// What a cell of a chart shows; each surface decides how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellRole {
    /// Nothing.
    Empty,
    /// The series inside its band.
    Line,
    /// The series outside its band.
    Outside,
    /// The expected band.
    Band,
    /// Axes and their numbers.
    Axis,
    /// `▲` under a change.
    Mark,
    /// The name of a change.
    Label,
}

/// One character of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChartCell {
    /// The character, one column wide.
    pub ch: char,
    /// What it shows.
    pub role: CellRole,
}

const EMPTY: ChartCell = ChartCell { ch: ' ', role: CellRole::Empty };

/// Draws `chart` in `width` columns, axis included, with `height` rows of braille above the axis.
///
/// Every row has at most `width` cells. Returns no rows when there is no room for a picture (under 24 columns or no height).
pub fn braille_chart(chart: &Chart, width: usize, height: usize) -> Vec<Vec<ChartCell>> {
    let gutter = chart.low_label.chars().count().max(chart.high_label.chars().count()) + 2;
    if width < 24 || width < gutter + 12 || height == 0 || chart.points.len() < 2 {
        return Vec::new();
    }
    let columns = width - gutter;
    let plot = plot(chart, columns, height);
    let mut rows: Vec<Vec<ChartCell>> = Vec::new();
    for (i, cells) in plot.into_iter().enumerate() {
        let label = match i {
            0 => chart.high_label.as_str(),
            _ if i == height - 1 => chart.low_label.as_str(),
            _ => "",
        };
        let tick = if label.is_empty() { '│' } else { '┤' };
        let mut row = text(&format!("{label:>0$} {tick}", gutter - 2), CellRole::Axis);
        row.extend(cells);
        rows.push(row);
    }
    rows.push(axis(chart, gutter, columns));
    rows.extend(label_rows(chart, gutter, columns));
    rows
}

fn text(text: &str, role: CellRole) -> Vec<ChartCell> {
    text.chars().map(|ch| ChartCell { ch, role }).collect()
}

/// The first instant on the axis and its length in milliseconds: points stand at the start of their step.
fn extent(chart: &Chart) -> (Timestamp, f64) {
    (chart.start, chart.end.since(chart.start).saturating_sub(chart.step_ms).max(1) as f64)
}

/// Position of an instant from 0 (left) to 1 (right).
fn position(chart: &Chart, at: Timestamp) -> f64 {
    let (start, length_ms) = extent(chart);
    (at.since(start) as f64 / length_ms).clamp(0.0, 1.0)
}

/// The instant at a position.
fn instant(chart: &Chart, position: f64) -> Timestamp {
    let (start, length_ms) = extent(chart);
    start.plus_ms((position * length_ms).round() as i64)
}

fn plot(chart: &Chart, columns: usize, height: usize) -> Vec<Vec<ChartCell>> {
    let mut canvas = Canvas::new(columns, height);
    let y_of = |value: f64| {
        let part = ((value - chart.low) / (chart.high - chart.low)).clamp(0.0, 1.0);
        ((1.0 - part) * (height * CELL_DOTS.1 - 1) as f64).round() as i64
    };
    let x_of = |at| (position(chart, at) * (columns * CELL_DOTS.0 - 1) as f64).round() as i64;
    for pair in chart.runs().flat_map(|run| run.windows(2)) {
        let role = if Chart::is_outside(&pair[1]) { CellRole::Outside } else { CellRole::Line };
        canvas.line((x_of(pair[0].at), y_of(pair[0].value)), (x_of(pair[1].at), y_of(pair[1].value)), role);
    }
    for column in 0..columns {
        let at = instant(chart, (column as f64 + 0.5) / columns as f64);
        if let Some(point) = chart.point_at(at) {
            canvas.band(column, y_of(point.high), y_of(point.low));
        }
    }
    canvas.cells
}

struct Canvas {
    cells: Vec<Vec<ChartCell>>,
}

impl Canvas {
    fn new(columns: usize, height: usize) -> Self {
        Self { cells: vec![vec![EMPTY; columns]; height] }
    }

    /// Sets one braille dot; dots outside the canvas are dropped. Being outside the band outweighs being inside.
    fn dot(&mut self, x: i64, y: i64, role: CellRole) {
        // Unicode, chapter 21.1: the bit of each dot of a cell, by column and row.
        const BITS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        let cell = self.cells.get_mut(y / CELL_DOTS.1).and_then(|row| row.get_mut(x / CELL_DOTS.0));
        let Some(cell) = cell else { return };
        let bits = if cell.role == CellRole::Empty { 0 } else { u32::from(cell.ch) - 0x2800 };
        cell.ch = char::from_u32(0x2800 + (bits | BITS[x % CELL_DOTS.0][y % CELL_DOTS.1])).unwrap_or(' ');
        if cell.role != CellRole::Outside {
            cell.role = role;
        }
    }

    /// Bresenham (1965).
    fn line(&mut self, from: (i64, i64), to: (i64, i64), role: CellRole) {
        let (dx, dy) = ((to.0 - from.0).abs(), -(to.1 - from.1).abs());
        let (sx, sy) = ((to.0 - from.0).signum(), (to.1 - from.1).signum());
        let (mut x, mut y, mut error) = (from.0, from.1, dx + dy);
        loop {
            self.dot(x, y, role);
            if (x, y) == to {
                return;
            }
            let twice = 2 * error;
            if twice >= dy {
                error += dy;
                x += sx;
            }
            if twice <= dx {
                error += dx;
                y += sy;
            }
        }
    }

    /// Shades the cells of a column whose middle lies between two dot rows, where no line runs.
    fn band(&mut self, column: usize, top: i64, bottom: i64) {
        for (i, row) in self.cells.iter_mut().enumerate() {
            let first = (i * CELL_DOTS.1) as i64;
            let overlaps = first + 2 >= top && first < bottom;
            if overlaps && row[column].role == CellRole::Empty {
                row[column] = ChartCell { ch: '░', role: CellRole::Band };
            }
        }
    }
}

fn mark_column(chart: &Chart, mark: &ChartMark, columns: usize) -> usize {
    (position(chart, mark.at) * (columns - 1) as f64).round() as usize
}

fn axis(chart: &Chart, gutter: usize, columns: usize) -> Vec<ChartCell> {
    let mut row = text(&format!("{:>1$}└", "", gutter - 1), CellRole::Axis);
    row.extend((0..columns).map(|column| {
        // Where nothing is known the axis is broken, so that a missing line does not look like a missing problem.
        let at = instant(chart, (column as f64 + 0.5) / columns as f64);
        ChartCell { ch: if chart.is_known(at) { '─' } else { '╌' }, role: CellRole::Axis }
    }));
    for mark in &chart.marks {
        row[gutter + mark_column(chart, mark, columns)] = ChartCell { ch: '▲', role: CellRole::Mark };
    }
    row
}

/// The name of each change under its mark, the likeliest placed first, and the ends of the axis where there is room left.
fn label_rows(chart: &Chart, gutter: usize, columns: usize) -> Vec<Vec<ChartCell>> {
    const ROWS_MAX: usize = 3;
    let end = gutter + columns;
    let mut rows: Vec<Vec<ChartCell>> = Vec::new();
    for mark in &chart.marks {
        let length = mark.label.chars().count();
        let under = gutter + mark_column(chart, mark, columns);
        let start = under.saturating_sub(length / 2).clamp(gutter, end.saturating_sub(length).max(gutter));
        let free = rows.iter().position(|row| is_free(row, start, length));
        let row = free.unwrap_or(rows.len());
        if row == rows.len() && row < ROWS_MAX {
            rows.push(vec![EMPTY; end]);
        }
        if let Some(row) = rows.get_mut(row) {
            place(row, start, &mark.label, CellRole::Label);
        }
    }
    if rows.is_empty() {
        rows.push(vec![EMPTY; end]);
    }
    for (start, label) in [(gutter, &chart.start_label), (end.saturating_sub(chart.end_label.len()), &chart.end_label)]
    {
        if let Some(row) = rows.iter_mut().find(|row| is_free(row, start, label.len())) {
            place(row, start, label, CellRole::Axis);
        }
    }
    rows
}

/// Whether `length` cells from `start` and one on each side are empty.
fn is_free(row: &[ChartCell], start: usize, length: usize) -> bool {
    let around = row.get(start.saturating_sub(1)..(start + length + 1).min(row.len()));
    start + length <= row.len() && around.is_some_and(|cells| cells.iter().all(|cell| *cell == EMPTY))
}

fn place(row: &mut [ChartCell], start: usize, label: &str, role: CellRole) {
    for (cell, ch) in row.iter_mut().skip(start).zip(label.chars()) {
        *cell = ChartCell { ch, role };
    }
}
