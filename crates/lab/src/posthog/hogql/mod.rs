//! HogQL over the world's events: the part of the language that `docs/lab.md` lists, evaluated over counts per step.
//!
//! `syntax` parses, `resolve` gives names their meaning, `select` runs one SELECT, `scan` reads the events. Whole
//! steps are read as counts wherever the query allows it and single events are made up only where it does not.
//! What is not supported gets the error PostHog gives for a query it does not accept.

mod aggregate;
mod expr;
mod functions;
mod need;
mod query;
mod resolve;
mod scan;
mod select;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use serde_json::Value as Json;

use crate::World;
pub(crate) use query::Table;

/// Why a query gets a 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct QueryError {
    /// PostHog's code.
    pub(crate) code: &'static str,
    /// PostHog's explanation.
    pub(crate) detail: String,
}

impl QueryError {
    fn syntax(detail: impl Into<String>) -> QueryError {
        QueryError { code: "hogql_syntax_error", detail: detail.into() }
    }

    fn query(detail: impl Into<String>) -> QueryError {
        QueryError { code: "hogql_query_error", detail: detail.into() }
    }
}

/// Runs a query as of `now_ms`, with the values for its `{placeholders}`.
pub(crate) fn run(world: &World, now_ms: i64, text: &str, values: &Json) -> Result<Table, QueryError> {
    let query = syntax::parse(text, values)?;
    let engine = query::Engine { world, now_ms };
    engine.top(&query)
}
