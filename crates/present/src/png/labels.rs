//! Where the names of the changes go: in rows above the plot, each beside the line that leads down to its time.

use crate::Chart;

use super::font::Font;

/// Height of the letters, in pixels an em.
pub(super) const LABEL_SIZE: f32 = 22.0;
/// More rows leave too little for the plot.
const ROWS_MAX: usize = 3;
/// Between a line and its name, and between two names.
const GAP: f32 = 8.0;

/// The name of a change in its place.
pub(super) struct Placed {
    /// Which of the chart's marks.
    pub mark: usize,
    /// From the top.
    pub row: usize,
    /// Its left end.
    pub left: f32,
    /// What it says.
    pub text: String,
}

/// Places the names of the changes between `left` and `right`, the likeliest first; what finds no room keeps only its line.
pub(super) fn place(chart: &Chart, font: &Font, (left, right): (f32, f32), x_of: impl Fn(usize) -> f32) -> Vec<Placed> {
    let mut taken: Vec<(usize, f32, f32)> = Vec::new();
    let mut placed = Vec::new();
    for (mark, change) in chart.marks.iter().enumerate() {
        let text = readable(&change.label, font);
        let (x, width) = (x_of(mark), font.width(&text, LABEL_SIZE));
        let sides = [x + GAP, x - GAP - width].into_iter().filter(|start| *start >= left && start + width <= right);
        let sides: Vec<f32> = sides.collect();
        let spots = (0..ROWS_MAX).flat_map(|row| sides.iter().map(move |start| (row, *start)));
        let free = |&(row, start): &(usize, f32)| {
            let clash = |&(other, from, to): &(usize, f32, f32)| {
                row == other && start < to + 2.0 * GAP && from < start + width + 2.0 * GAP
            };
            // The lines of those placed before come down through the rows below them.
            let crosses =
                |other: &Placed| other.row < row && (start - GAP..start + width + GAP).contains(&x_of(other.mark));
            !taken.iter().any(clash) && !placed.iter().any(crosses)
        };
        if let Some((row, start)) = spots.clone().find(free) {
            taken.push((row, start, start + width));
            placed.push(Placed { mark, row, left: start, text });
        }
    }
    placed
}

/// The label, or, where the font has no letters for the name, its time alone.
fn readable(label: &str, font: &Font) -> String {
    match label.rsplit_once(' ') {
        Some((_, time)) if !font.shows(label) => time.to_owned(),
        _ => label.to_owned(),
    }
}
