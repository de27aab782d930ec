//! A file of contexts with the reward of every arm.

use std::collections::BTreeSet;

/// Contexts `x_*` and rewards `r_<arm>`, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardTable {
    /// The arms, in the file's order.
    pub arms: Vec<String>,
    dimension: usize,
    contexts: Vec<f64>,
    rewards: Vec<f64>,
}

/// What is wrong with a file of numbers. `line` counts from 1, the header included.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A column that must be there is not.
    #[error("line 1: there is no column {wanted}; the header needs {needs}")]
    MissingColumn {
        /// What was looked for.
        wanted: String,
        /// What a header looks like.
        needs: &'static str,
    },
    /// Two columns of one name.
    #[error("line 1: the column `{name}` is there twice; rename one")]
    TwiceColumn {
        /// Its name.
        name: String,
    },
    /// A row with more or fewer fields than the header.
    #[error("line {line}: {got} fields where the header has {expected}; complete the row or remove it")]
    Ragged {
        /// Which line.
        line: usize,
        /// Fields of the header.
        expected: usize,
        /// Fields of the row.
        got: usize,
    },
    /// A field that is no finite number.
    #[error("line {line}: `{column}` is \"{value}\"; give a finite number")]
    NotANumber {
        /// Which line.
        line: usize,
        /// Which column.
        column: String,
        /// What stands there.
        value: String,
    },
    /// A number that cannot be in its column.
    #[error("line {line}: `{column}` is {value}; {remedy}")]
    OutOfRange {
        /// Which line.
        line: usize,
        /// Which column.
        column: String,
        /// What stands there.
        value: String,
        /// What would do.
        remedy: &'static str,
    },
    /// One row, which says nothing of how much rows differ.
    #[error("line {line}: there is only one row; give at least two below the header")]
    One {
        /// The last line there is.
        line: usize,
    },
    /// A header, and nothing below it; or not even that.
    #[error("line {line}: there are no rows; give at least one below the header")]
    Empty {
        /// The last line there is.
        line: usize,
    },
}

/// The columns of a file, by name.
pub(crate) struct Header<'a> {
    names: Vec<&'a str>,
}

impl<'a> Header<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, TableError> {
        let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
        if first.trim().is_empty() {
            return Err(TableError::Empty { line: 1 });
        }
        let names: Vec<&str> = first.split(',').map(bare).collect();
        let mut seen = BTreeSet::new();
        match names.iter().find(|name| !seen.insert(**name)) {
            Some(name) => Err(TableError::TwiceColumn { name: (*name).to_owned() }),
            None => Ok(Self { names }),
        }
    }

    /// The places of the columns whose names start so, and what follows.
    pub(crate) fn starting(&self, prefix: &str) -> (Vec<usize>, Vec<String>) {
        let found = self.names.iter().enumerate();
        found.filter_map(|(at, name)| Some((at, name.strip_prefix(prefix)?.to_owned()))).unzip()
    }

    /// The place of one column.
    pub(crate) fn place(&self, name: &str, needs: &'static str) -> Result<usize, TableError> {
        let missing = || TableError::MissingColumn { wanted: name.to_owned(), needs };
        self.names.iter().position(|known| *known == name).ok_or_else(missing)
    }

    /// The rows below the header, with their line numbers; blank lines are none.
    pub(crate) fn rows(&'a self, text: &'a str) -> impl Iterator<Item = Result<Row<'a>, TableError>> {
        let lines = text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(at, line)| {
            let fields: Vec<&str> = line.split(',').map(bare).collect();
            let (expected, got) = (self.names.len(), fields.len());
            if got == expected {
                Ok(Row { header: self, line: at + 1, fields })
            } else {
                Err(TableError::Ragged { line: at + 1, expected, got })
            }
        })
    }
}

/// One row.
pub(crate) struct Row<'a> {
    header: &'a Header<'a>,
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Its fields.
    pub(crate) fields: Vec<&'a str>,
}

impl Row<'_> {
    /// The number at a place.
    pub(crate) fn number(&self, at: usize) -> Result<f64, TableError> {
        let text = self.fields[at];
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(TableError::NotANumber {
                line: self.line,
                column: self.header.names[at].to_owned(),
                value: text.chars().take(40).collect(),
            }),
        }
    }

    /// The number at a place, if `sound` finds it so.
    pub(crate) fn number_if(
        &self,
        at: usize,
        remedy: &'static str,
        sound: impl Fn(f64) -> bool,
    ) -> Result<f64, TableError> {
        let value = self.number(at)?;
        if sound(value) { Ok(value) } else { Err(self.out_of_range(at, remedy)) }
    }

    /// The error for what stands at a place.
    pub(crate) fn out_of_range(&self, at: usize, remedy: &'static str) -> TableError {
        let (column, value) = (self.header.names[at].to_owned(), self.fields[at].chars().take(40).collect());
        TableError::OutOfRange { line: self.line, column, value, remedy }
    }
}

/// A field without blanks and quotes around it.
fn bare(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(field)
}

impl RewardTable {
    /// Reads a CSV: context columns `x_*`, a reward column `r_<arm>` for each arm, rewards from 0 to 1; other columns are left alone.
    /// At most `rows_max` rows, the first ones.
    ///
    /// # Errors
    /// [`TableError`] names the line and the remedy.
    pub fn parse(text: &str, rows_max: usize) -> Result<Self, TableError> {
        const NEEDS: &str = "context columns x_* and a reward column r_<arm> for each arm";
        let header = Header::parse(text)?;
        let (xs, _) = header.starting("x_");
        let (rs, arms) = header.starting("r_");
        for (places, wanted) in [(&xs, "x_*"), (&rs, "r_<arm>")] {
            if places.is_empty() {
                return Err(TableError::MissingColumn { wanted: wanted.to_owned(), needs: NEEDS });
            }
        }
        let mut table = Self { arms, dimension: xs.len(), contexts: Vec::new(), rewards: Vec::new() };
        for row in header.rows(text).take(rows_max) {
            let row = row?;
            for &at in &xs {
                table.contexts.push(row.number(at)?);
            }
            for &at in &rs {
                let sound = |reward| (0.0..=1.0).contains(&reward);
                table.rewards.push(row.number_if(at, "scale rewards to lie from 0 to 1", sound)?);
            }
        }
        if table.rewards.is_empty() { Err(TableError::Empty { line: text.lines().count().max(1) }) } else { Ok(table) }
    }

    /// A table from numbers, row by row; `None` unless there is a whole number of rows, at least one, of both.
    pub fn new(arms: Vec<String>, dimension: usize, contexts: Vec<f64>, rewards: Vec<f64>) -> Option<Self> {
        let rows = rewards.len().checked_div(arms.len())?;
        let fits = rows > 0 && rows * arms.len() == rewards.len() && rows * dimension == contexts.len();
        fits.then_some(Self { arms, dimension, contexts, rewards })
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rewards.len() / self.arms.len()
    }

    /// How many coordinates a context has.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The context of a row.
    pub fn context(&self, row: usize) -> &[f64] {
        &self.contexts[row * self.dimension..(row + 1) * self.dimension]
    }

    /// The rewards of a row, one for each arm.
    pub fn rewards(&self, row: usize) -> &[f64] {
        &self.rewards[row * self.arms.len()..(row + 1) * self.arms.len()]
    }

    /// The arm that brings most when always chosen, and what it brings on average.
    pub fn best_constant(&self) -> (usize, f64) {
        let mean = |arm: usize| (0..self.rows()).map(|row| self.rewards(row)[arm]).sum::<f64>() / self.rows() as f64;
        let best = |best: (usize, f64), next: (usize, f64)| if next.1 > best.1 { next } else { best };
        (0..self.arms.len()).map(|arm| (arm, mean(arm))).fold((0, f64::NEG_INFINITY), best)
    }
}
