//! The scalar functions of the supported part of HogQL, found by name without regard to case.

mod logic;
mod numbers;
mod texts;
mod times;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(crate) use times::{grain_ms, is_instant_wrapper, unit_span};

use super::QueryError;
use super::value::Value;

/// A scalar function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    least: usize,
    most: usize,
    /// Whether it looks at NULLs itself; otherwise any NULL argument makes the result NULL.
    sees_nulls: bool,
    run: fn(&[Value]) -> Result<Value, String>,
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl Function {
    const fn new(
        name: &'static str,
        least: usize,
        most: usize,
        run: fn(&[Value]) -> Result<Value, String>,
    ) -> Function {
        Function { name, least, most, sees_nulls: false, run }
    }

    const fn nullable(
        name: &'static str,
        least: usize,
        most: usize,
        run: fn(&[Value]) -> Result<Value, String>,
    ) -> Function {
        Function { name, least, most, sees_nulls: true, run }
    }

    /// Whether it may be called with so many arguments.
    pub(crate) fn check_arguments(&self, given: usize) -> Result<(), QueryError> {
        if (self.least..=self.most).contains(&given) {
            return Ok(());
        }
        let wanted =
            if self.least == self.most { format!("{}", self.least) } else { format!("{}–{}", self.least, self.most) };
        Err(QueryError::query(format!("Function '{}' expects {wanted} arguments, found {given}", self.name)))
    }

    pub(crate) fn apply(&self, arguments: &[Value]) -> Result<Value, QueryError> {
        if !self.sees_nulls && arguments.iter().any(Value::is_null) {
            return Ok(Value::Null);
        }
        (self.run)(arguments).map_err(|problem| QueryError::query(format!("in function {}: {problem}", self.name)))
    }
}

/// More arguments than anybody writes.
const MANY: usize = 10_000;

static BY_NAME: LazyLock<HashMap<String, &'static Function>> = LazyLock::new(|| {
    let all = numbers::FUNCTIONS.iter().chain(logic::FUNCTIONS).chain(texts::FUNCTIONS).chain(times::FUNCTIONS);
    all.map(|function| (function.name.to_lowercase(), function)).collect()
});

/// The function of that name.
pub(crate) fn named(name: &str) -> Option<&'static Function> {
    BY_NAME.get(name.to_lowercase().as_str()).copied()
}

/// The function a part of the syntax stands for.
pub(crate) fn built_in(name: &'static str) -> &'static Function {
    named(name).expect("invariant: the syntax maps to functions of the tables")
}

fn number(value: &Value) -> Result<f64, String> {
    value.number().ok_or_else(|| format!("{} is not a number", value.type_name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posthog::hogql::aggregate::kind_of;

    #[test]
    fn every_function_stands_in_the_documents_table() {
        let table = include_str!("../../../../../../docs/lab.md");
        let named: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
        let missing: Vec<&str> =
            BY_NAME.values().map(|function| function.name).filter(|name| !named.contains(name)).collect();
        assert!(missing.is_empty(), "docs/lab.md does not name {missing:?}");
        let row = |head: &str| table.lines().find(|line| line.starts_with(&format!("| {head} |"))).unwrap().split('`');
        for part in ["logic and lists", "numbers", "texts", "times"] {
            for name in row(part).skip(1).step_by(2) {
                assert!(named_function(name), "docs/lab.md names {name}, which there is not");
            }
        }
        for name in row("aggregates").skip(1).step_by(2).filter(|name| !name.contains('…') && !name.contains(' ')) {
            let name = name.split('(').next().unwrap_or(name).to_lowercase();
            assert!(kind_of(&name, None).is_some(), "docs/lab.md names {name}, which there is not");
        }
    }

    fn named_function(name: &str) -> bool {
        super::named(name).is_some()
    }
}
