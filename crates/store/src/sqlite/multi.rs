//! Statements over many rows at once, in few enough sizes that the statement cache holds every one.

use std::{
    iter,
    sync::{Arc, OnceLock},
};

use sqlx::{AssertSqlSafe, Sqlite, query::Query, sqlite::SqliteArguments};

/// How many rows one statement takes.
const SIZES: [usize; 6] = [32, 16, 8, 4, 2, 1];

/// A statement whose middle part is repeated once for each row.
pub(super) struct Multi {
    head: &'static str,
    row: &'static str,
    tail: &'static str,
    texts: [OnceLock<Arc<str>>; SIZES.len()],
}

impl Multi {
    pub const fn new(head: &'static str, row: &'static str, tail: &'static str) -> Self {
        Self { head, row, tail, texts: [const { OnceLock::new() }; SIZES.len()] }
    }

    fn query(&'static self, size: usize) -> Query<'static, Sqlite, SqliteArguments> {
        let text = self.texts[size].get_or_init(|| {
            let rows: Vec<_> = iter::repeat_n(self.row, SIZES[size]).collect();
            format!("{}{}{}", self.head, rows.join(","), self.tail).into()
        });
        sqlx::query(AssertSqlSafe(Arc::clone(text)))
    }

    /// Statements that together take each of `items` exactly once, in order.
    pub fn each<'i, T>(
        &'static self,
        mut items: &'i [T],
    ) -> impl Iterator<Item = (Query<'static, Sqlite, SqliteArguments>, &'i [T])> {
        iter::from_fn(move || {
            let size = SIZES.iter().position(|size| *size <= items.len())?;
            let (now, later) = items.split_at(SIZES[size]);
            items = later;
            Some((self.query(size), now))
        })
    }

    /// Few statements that together take all of `items`, some more than once: for look-ups.
    pub fn covering<T: Copy>(
        &'static self,
        items: &[T],
    ) -> impl Iterator<Item = (Query<'static, Sqlite, SqliteArguments>, impl Iterator<Item = T>)> {
        items.chunks(SIZES[0]).map(|chunk| {
            let size = SIZES.iter().rposition(|size| *size >= chunk.len()).unwrap_or(0);
            let rows = chunk.iter().chain(iter::repeat(&chunk[chunk.len() - 1])).take(SIZES[size]).copied();
            (self.query(size), rows)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Execute;

    static PAIRS: Multi = Multi::new("VALUES ", "(?,?)", "");

    #[test]
    fn each_takes_every_item_once_and_covering_pads() {
        for n in 0..100 {
            let items: Vec<usize> = (0..n).collect();
            let taken: Vec<usize> = PAIRS.each(&items).flat_map(|(_, rows)| rows.to_vec()).collect();
            assert_eq!(taken, items);
            let mut covered: Vec<usize> = PAIRS.covering(&items).flat_map(|(_, rows)| rows).collect();
            covered.dedup();
            assert_eq!(covered, items);
        }
    }

    #[test]
    fn a_statement_has_as_many_places_as_rows() {
        for (query, rows) in PAIRS.each(&[0u8; 63]) {
            assert_eq!(query.sql().as_str().matches("(?,?)").count(), rows.len());
        }
        for (query, rows) in PAIRS.covering(&[0u8; 37]) {
            assert_eq!(query.sql().as_str().matches("(?,?)").count(), rows.count());
        }
    }
}
