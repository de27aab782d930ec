//! HogQL: quoting, and turning a monitor's trailing-window query into buckets.
//!
//! The text of a query is never patched as text: it is parsed, checked against the few forms that can be bucketed, and printed again.

mod parse;
mod peel;
mod quote;
mod rewrite;
#[cfg(test)]
mod tests;
mod walk;

pub(super) use parse::parse;
pub(super) use quote::{float, instant, quoted, start_of};
pub(super) use rewrite::{Part, kind_of, rewrite};
pub(super) use walk::{Piece, find};

use std::any::TypeId;

use sqlparser::dialect::{ClickHouseDialect, Dialect};

/// HogQL as the parser should read it: ClickHouse's dialect, and `$` in names (`properties.$browser`).
#[derive(Debug)]
pub(super) struct HogQl;

impl Dialect for HogQl {
    fn dialect(&self) -> TypeId {
        TypeId::of::<ClickHouseDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_' || ch == '$'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.is_identifier_start(ch) || ch.is_ascii_digit()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('`')
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    fn supports_limit_by(&self) -> bool {
        true
    }

    fn supports_prewhere(&self) -> bool {
        true
    }

    fn supports_settings(&self) -> bool {
        true
    }

    fn supports_select_format(&self) -> bool {
        true
    }
}
