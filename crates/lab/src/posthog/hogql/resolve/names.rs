//! What a name means: an alias, a column, a property.

use sqlparser::ast::{self, AccessExpr, Subscript};

use super::super::QueryError;
use super::super::expr::{Column, Expr};
use super::super::value::Value;
use super::{Prefer, Resolved, Resolver, Shape};

impl<'q> Resolver<'q> {
    pub(super) fn bare(&mut self, name: &str, prefer: Prefer) -> Resolved {
        let alias = self.aliases.iter().find(|(alias, _)| alias == name).map(|(_, expr)| *expr);
        let usable = alias.filter(|_| !self.open.iter().any(|open| open == name));
        if prefer == Prefer::Alias
            && let Some(expr) = usable
        {
            return self.alias(name, expr);
        }
        match (self.column(std::slice::from_ref(&name.to_owned())), usable) {
            (Some(column), _) => Ok(column),
            (None, Some(expr)) => self.alias(name, expr),
            (None, None) => Err(QueryError::query(format!("Unable to resolve field: {name}"))),
        }
    }

    fn alias(&mut self, name: &str, expr: &'q ast::Expr) -> Resolved {
        self.open.push(name.to_owned());
        let resolved = self.expr(expr, Prefer::Column);
        self.open.pop();
        resolved
    }

    pub(super) fn path(&mut self, parts: &[String]) -> Resolved {
        self.column(parts).ok_or_else(|| QueryError::query(format!("Unable to resolve field: {}", parts.join("."))))
    }

    fn column(&mut self, parts: &[String]) -> Option<Expr> {
        match &self.shape {
            Shape::Nothing => None,
            Shape::Rows(columns, alias) => {
                let rest = match parts {
                    [first, rest @ ..] if !rest.is_empty() && alias.as_ref() == Some(first) => rest,
                    all => all,
                };
                let [name] = rest else { return None };
                columns.iter().position(|column| column == name).map(|at| Expr::Column(Column::Field(at)))
            }
            Shape::Events(aliases) => {
                let rest = match parts {
                    [first, rest @ ..] if !rest.is_empty() && aliases.contains(first) => rest,
                    all => all,
                };
                self.event_column(rest)
            }
        }
    }

    fn event_column(&mut self, parts: &[String]) -> Option<Expr> {
        let words: Vec<&str> = parts.iter().map(String::as_str).collect();
        Some(Expr::Column(match words.as_slice() {
            ["event"] => Column::Event,
            ["timestamp" | "created_at" | "inserted_at"] => Column::Timestamp,
            ["distinct_id"] => Column::DistinctId,
            ["person_id"] | ["person", "id"] => Column::PersonId,
            ["uuid"] => Column::Uuid,
            ["properties"] => Column::Properties,
            ["issue_id"] => self.property("$exception_issue_id"),
            ["$session_id"] => self.property("$session_id"),
            ["properties", key] => self.property(key),
            ["properties", ..] | ["person", "properties", ..] => return Some(Expr::Const(Value::Null)),
            ["elements_chain"] => return Some(Expr::Const(Value::text(""))),
            ["team_id"] => return Some(Expr::Const(Value::Int(1))),
            _ => return None,
        }))
    }

    fn property(&mut self, key: &str) -> Column {
        let known = self.properties.iter().position(|known| &**known == key);
        Column::Property(known.unwrap_or_else(|| {
            self.properties.push(key.into());
            self.properties.len() - 1
        }))
    }

    /// `properties['key']`, `e.properties.key`, `list[1]`.
    pub(super) fn access(&mut self, root: &'q ast::Expr, chain: &'q [AccessExpr], prefer: Prefer) -> Resolved {
        let mut path = match root {
            ast::Expr::Identifier(name) => vec![name.value.clone()],
            ast::Expr::CompoundIdentifier(parts) => parts.iter().map(|part| part.value.clone()).collect(),
            _ => Vec::new(),
        };
        let known = path.len();
        for step in chain {
            match step {
                AccessExpr::Dot(ast::Expr::Identifier(name)) => path.push(name.value.clone()),
                AccessExpr::Subscript(Subscript::Index { index: ast::Expr::Value(value) }) => {
                    let key = value.value.clone().into_string();
                    path.extend(key);
                }
                _ => {}
            }
        }
        if known > 0 && path.len() == known + chain.len() {
            return self.path(&path);
        }
        let [AccessExpr::Subscript(Subscript::Index { index })] = chain else {
            return Err(QueryError::query("Unsupported access to a field"));
        };
        self.call("arrayElement", &[root, index], prefer)
    }
}
