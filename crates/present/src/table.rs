//! Rows with aligned columns, before any surface gave them a width.

use crate::Line;

/// Which side of its column a cell leans to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers and times.
    Right,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading; a table whose headings are all empty has no heading line.
    pub title: String,
    /// Which side its cells lean to.
    pub align: Align,
    /// Whether it takes the room that is left, and gives way first when there is none.
    pub grows: bool,
    /// Whether a narrow surface may leave it out.
    pub optional: bool,
}

impl Column {
    /// A column as wide as its widest cell.
    pub fn new(title: impl Into<String>, align: Align) -> Self {
        Self { title: title.into(), align, grows: false, optional: false }
    }

    /// The same column, taking the room that is left.
    pub fn growing(mut self) -> Self {
        self.grows = true;
        self
    }

    /// The same column, left out where there is no room.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// Rows with aligned columns. Every row has as many cells as there are columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The columns, left to right.
    pub columns: Vec<Column>,
    /// The rows, top to bottom.
    pub rows: Vec<Vec<Line>>,
}
