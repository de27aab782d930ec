//! The rows of a bucket answer, read straight into numbers: a page has tens of thousands of them and lives only while it is absorbed.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

/// One page.
#[derive(Debug, Deserialize)]
pub(super) struct Rows {
    pub(super) results: Table,
    #[serde(default, rename = "hasMore")]
    pub(super) has_more: Option<bool>,
}

/// Rows with their names apart, each name once.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// The newest time any row tells, Unix seconds. `None`: there is no row.
    pub(super) server_now: Option<i64>,
}

/// A row; what is null there is NaN here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Index into the names.
    pub(super) name: u16,
    /// Start of the bucket, Unix seconds.
    pub(super) bucket: i64,
    pub(super) value: f64,
    pub(super) weight: f64,
}

/// `metric, bucket, value, weight, server_now`, as it is sent.
#[derive(Deserialize)]
struct Sent(String, i64, Option<f64>, Option<f64>, i64);

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(Tables)
    }
}

struct Tables;

impl<'de> Visitor<'de> for Tables {
    type Value = Table;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Table, A::Error> {
        let mut table = Table::default();
        let mut places: HashMap<String, u16> = HashMap::new();
        while let Some(Sent(name, bucket, value, weight, server_now)) = seq.next_element()? {
            let place = match places.get(&name) {
                Some(place) => *place,
                None => {
                    let place = u16::try_from(table.names.len()).map_err(|_| A::Error::custom("too many names"))?;
                    table.names.push(name.clone());
                    places.insert(name, place);
                    place
                }
            };
            table.server_now = table.server_now.max(Some(server_now));
            let number = |sent: Option<f64>| sent.unwrap_or(f64::NAN);
            table.rows.push(Row { name: place, bucket, value: number(value), weight: number(weight) });
        }
        Ok(table)
    }
}
