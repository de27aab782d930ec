//! The cells as the fit sees them: what each says, where it lies, how far to trust it.

use super::cells::Cells;
use super::smoother::position;
use wakeman_types::DAY_MS;

/// Share of its weight that a cell keeps when it is part of an anomaly.
const SUSPECT_WEIGHT: f64 = 1e-3;
/// Anomalous weeks at the same hour that make a pattern, if they are the most.
const RECURS_WEEKS: f64 = 2.0;

/// One cell ready for the passes: where it is, what it says and how well.
pub(super) struct Row {
    pub number: i64,
    /// Amount per exposure; of the misses where those are fitted.
    pub rate: f64,
    pub exposure: f64,
    pub trust: f64,
    pub day_slot: usize,
    pub week_slot: usize,
}

/// How many slots the day and the week have, and whether misses are fitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub day_slots: usize,
    pub week_slots: usize,
    pub of_misses: bool,
}

/// All cells that hold something, oldest first.
pub(super) fn rows(cells: &Cells, layout: Layout) -> Vec<Row> {
    let row = |(number, cell, suspect): (i64, &super::cells::Cell, bool)| {
        let exposure = f64::from(cell.exposure);
        let rate = f64::from(cell.amount) / exposure;
        let middle = number * cells.cell_ms() + cells.cell_ms() / 2;
        (exposure > 0.0).then(|| Row {
            number,
            rate: if layout.of_misses { (1.0 - rate).max(0.0) } else { rate },
            exposure,
            trust: if suspect { SUSPECT_WEIGHT } else { 1.0 },
            day_slot: position(middle, DAY_MS, layout.day_slots) as usize,
            week_slot: position(middle, 7 * DAY_MS, layout.week_slots) as usize,
        })
    };
    let mut rows: Vec<Row> = cells.iter().filter_map(row).collect();
    let cells_per_slot = (7 * DAY_MS / cells.cell_ms()) as f64 / layout.week_slots as f64;
    trust_what_recurs(&mut rows, layout.week_slots, cells_per_slot);
    rows
}

/// What was an anomaly in most weeks at the same hour is none: it is the week's pattern. Quiet weekends are learnt by this.
fn trust_what_recurs(rows: &mut [Row], week_slots: usize, cells_per_slot: f64) {
    let mut seen = vec![(0.0, 0.0); week_slots];
    for row in rows.iter() {
        let (suspect, trusted) = &mut seen[row.week_slot];
        *(if row.trust < 1.0 { suspect } else { trusted }) += 1.0;
    }
    for row in rows {
        let (suspect, trusted) = seen[row.week_slot];
        if suspect >= RECURS_WEEKS * cells_per_slot && suspect > trusted {
            row.trust = 1.0;
        }
    }
}
