//! One walk through a parsed query, for everybody who looks for something in it: each type of visitor would be a copy of the code for
//! the whole syntax tree.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, ObjectName, Statement, Visit, Visitor};

/// A part of a query.
pub(in crate::posthog) enum Piece<'a> {
    Expression(&'a Expr),
    /// The name of a table.
    Relation(&'a ObjectName),
    Statement,
}

/// Shows `look` every part of `tree`, inner ones first, until it says that it has found what it wants. True if it did.
pub(in crate::posthog) fn find(tree: &impl Visit, look: &mut dyn FnMut(Piece<'_>) -> bool) -> bool {
    tree.visit(&mut Walk { look }).is_break()
}

struct Walk<'f> {
    look: &'f mut dyn FnMut(Piece<'_>) -> bool,
}

impl Walk<'_> {
    fn show(&mut self, part: Piece<'_>) -> ControlFlow<()> {
        if (self.look)(part) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.show(Piece::Expression(expr))
    }

    fn post_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.show(Piece::Relation(relation))
    }

    fn post_visit_statement(&mut self, _: &Statement) -> ControlFlow<()> {
        self.show(Piece::Statement)
    }
}
