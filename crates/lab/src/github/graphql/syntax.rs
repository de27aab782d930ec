//! The parser for executable documents.
//!
//! Source: GraphQL specification, October 2021, sections 2.2–2.12.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Fault;
pub(super) use super::lex::Position;
use super::lex::{Token, lex};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Mutation,
}

/// An argument before variables are known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    Plain(Value),
    Variable(String),
    List(Vec<Input>),
    Object(Vec<(String, Input)>),
}

impl Input {
    /// The value with `variables` put in; unknown ones are null.
    pub(super) fn value(&self, variables: &Map<String, Value>) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
            Self::List(items) => items.iter().map(|item| item.value(variables)).collect(),
            Self::Object(members) => members.iter().map(|(name, item)| (name.clone(), item.value(variables))).collect(),
        }
    }
}

type Arguments = Vec<(String, Input)>;

/// A directive such as `@include(if: $x)`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Arguments,
}

/// One entry of a selection set.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Selection {
    Field(Field),
    /// A fragment by name.
    Spread {
        name: String,
        directives: Vec<Directive>,
        at: Position,
    },
    /// An inline fragment, on a type or on the one at hand.
    Inline {
        on: Option<String>,
        directives: Vec<Directive>,
        selections: Vec<Selection>,
        at: Position,
    },
}

/// A field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) alias: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Arguments,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) at: Position,
}

impl Field {
    /// The member of the answer that the field fills.
    pub(super) fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

/// A query or a mutation.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    pub(super) defaults: Vec<(String, Value)>,
    pub(super) selections: Vec<Selection>,
}

/// A named fragment.
#[derive(Clone, Debug)]
pub(super) struct Fragment {
    pub(super) on: String,
    pub(super) selections: Vec<Selection>,
}

/// A document.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    operations: Vec<Operation>,
    pub(super) fragments: BTreeMap<String, Fragment>,
}

impl Document {
    /// The operation of that name, or the only one.
    pub(super) fn operation(&self, name: Option<&str>) -> Option<&Operation> {
        match (name, self.operations.as_slice()) {
            (Some(name), all) => all.iter().find(|operation| operation.name.as_deref() == Some(name)),
            (None, [only]) => Some(only),
            _ => None,
        }
    }
}

/// Deeper documents are refused.
const DEPTH_MAX: usize = 40;

struct Parser {
    tokens: Vec<(Token, Position)>,
    at: usize,
    depth: usize,
}

/// Parses an executable document.
pub(super) fn parse(source: &str) -> Result<Document, Fault> {
    let mut parser = Parser { tokens: lex(source)?, at: 0, depth: 0 };
    let mut document = Document::default();
    while parser.at < parser.tokens.len() {
        if parser.peek_name("fragment") {
            let (name, fragment) = parser.fragment()?;
            document.fragments.insert(name, fragment);
        } else {
            document.operations.push(parser.operation()?);
        }
    }
    if document.operations.is_empty() { parser.unexpected() } else { Ok(document) }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn place(&self) -> Position {
        let here = self.tokens.get(self.at).or(self.tokens.last());
        here.map_or(Position { line: 1, column: 1 }, |(_, place)| *place)
    }

    fn unexpected<T>(&self) -> Result<T, Fault> {
        let at = self.place();
        let message = match self.peek() {
            None => "Unexpected end of document".to_owned(),
            Some(Token::Mark(mark)) => format!("Parse error on {:?} [{}, {}]", mark.to_string(), at.line, at.column),
            Some(Token::Name(name)) => format!("Parse error on {name:?} (IDENTIFIER) at [{}, {}]", at.line, at.column),
            Some(Token::Number(number)) => format!("Parse error on \"{number}\" at [{}, {}]", at.line, at.column),
            Some(Token::Text(text)) => format!("Parse error on {text:?} (STRING) at [{}, {}]", at.line, at.column),
        };
        Err(Fault::new(message, at))
    }

    fn take_mark(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(found);
        found
    }

    fn expect_mark(&mut self, mark: char) -> Result<(), Fault> {
        if self.take_mark(mark) { Ok(()) } else { self.unexpected() }
    }

    fn peek_name(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(found)) if found == name)
    }

    fn name(&mut self) -> Result<String, Fault> {
        match self.peek().cloned() {
            Some(Token::Name(name)) => {
                self.at += 1;
                Ok(name)
            }
            _ => self.unexpected(),
        }
    }

    fn operation(&mut self) -> Result<Operation, Fault> {
        if self.peek() == Some(&Token::Mark('{')) {
            let selections = self.selections()?;
            return Ok(Operation { kind: Kind::Query, name: None, defaults: Vec::new(), selections });
        }
        let kind = match self.peek() {
            Some(Token::Name(word)) if word == "query" => Kind::Query,
            Some(Token::Name(word)) if word == "mutation" => Kind::Mutation,
            _ => return self.unexpected(),
        };
        self.at += 1;
        let name = if matches!(self.peek(), Some(Token::Name(_))) { Some(self.name()?) } else { None };
        let mut defaults = Vec::new();
        if self.take_mark('(') {
            while !self.take_mark(')') {
                defaults.extend(self.variable_definition()?);
            }
        }
        self.directives()?;
        let selections = self.selections()?;
        Ok(Operation { kind, name, defaults, selections })
    }

    /// `$name: Type = default`; the default, if there is one. Types are not checked.
    fn variable_definition(&mut self) -> Result<Option<(String, Value)>, Fault> {
        self.expect_mark('$')?;
        let name = self.name()?;
        self.expect_mark(':')?;
        let lists = std::iter::from_fn(|| self.take_mark('[').then_some(())).count();
        self.name()?;
        self.take_mark('!');
        for _ in 0..lists {
            self.expect_mark(']')?;
            self.take_mark('!');
        }
        let default = if self.take_mark('=') { Some(self.input()?.value(&Map::new())) } else { None };
        self.directives()?;
        Ok(default.map(|default| (name, default)))
    }

    fn fragment(&mut self) -> Result<(String, Fragment), Fault> {
        self.at += 1;
        let name = self.name()?;
        if !self.peek_name("on") {
            return self.unexpected();
        }
        self.at += 1;
        let on = self.name()?;
        self.directives()?;
        Ok((name, Fragment { on, selections: self.selections()? }))
    }

    fn selections(&mut self) -> Result<Vec<Selection>, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::new("The query is nested too deeply", self.place()));
        }
        self.expect_mark('{')?;
        let mut selections = Vec::new();
        while !self.take_mark('}') {
            selections.push(self.selection()?);
        }
        self.depth -= 1;
        if selections.is_empty() { self.unexpected() } else { Ok(selections) }
    }

    fn selection(&mut self) -> Result<Selection, Fault> {
        let at = self.place();
        if self.take_mark('…') {
            if matches!(self.peek(), Some(Token::Name(name)) if name != "on") {
                let name = self.name()?;
                return Ok(Selection::Spread { name, directives: self.directives()?, at });
            }
            let on = if self.peek_name("on") {
                self.at += 1;
                Some(self.name()?)
            } else {
                None
            };
            let directives = self.directives()?;
            return Ok(Selection::Inline { on, directives, selections: self.selections()?, at });
        }
        let first = self.name()?;
        let (alias, name) = if self.take_mark(':') { (Some(first), self.name()?) } else { (None, first) };
        let arguments = self.arguments()?;
        let directives = self.directives()?;
        let nested = self.peek() == Some(&Token::Mark('{'));
        let selections = if nested { self.selections()? } else { Vec::new() };
        Ok(Selection::Field(Field { alias, name, arguments, directives, selections, at }))
    }

    fn arguments(&mut self) -> Result<Arguments, Fault> {
        let mut arguments = Vec::new();
        if self.take_mark('(') {
            while !self.take_mark(')') {
                let name = self.name()?;
                self.expect_mark(':')?;
                arguments.push((name, self.input()?));
            }
        }
        Ok(arguments)
    }

    fn directives(&mut self) -> Result<Vec<Directive>, Fault> {
        let mut directives = Vec::new();
        while self.take_mark('@') {
            directives.push(Directive { name: self.name()?, arguments: self.arguments()? });
        }
        Ok(directives)
    }

    fn input(&mut self) -> Result<Input, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::new("The value is nested too deeply", self.place()));
        }
        let input = self.any_input();
        self.depth -= 1;
        input
    }

    fn any_input(&mut self) -> Result<Input, Fault> {
        let Some(token) = self.peek().cloned() else { return self.unexpected() };
        self.at += 1;
        Ok(match token {
            Token::Mark('$') => Input::Variable(self.name()?),
            Token::Mark('[') => {
                let mut items = Vec::new();
                while !self.take_mark(']') {
                    items.push(self.input()?);
                }
                Input::List(items)
            }
            Token::Mark('{') => {
                let mut members = Vec::new();
                while !self.take_mark('}') {
                    let name = self.name()?;
                    self.expect_mark(':')?;
                    members.push((name, self.input()?));
                }
                Input::Object(members)
            }
            Token::Text(text) => Input::Plain(Value::String(text)),
            Token::Number(number) => Input::Plain(Value::Number(number)),
            Token::Name(word) => Input::Plain(match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                // An enum value travels as its name.
                other => Value::from(other),
            }),
            Token::Mark(_) => {
                self.at -= 1;
                return self.unexpected();
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_with_everything() {
        let source = r#"
            # a comment
            query Q($n: Int! = 3, $list: [String!]) @d {
                a: field(x: $n, y: {z: [1, "t\n", E, true]}) @include(if: $n) { ...F ... on T { b } }
            }
            fragment F on T { c }
        "#;
        let document = parse(source).unwrap();
        let operation = document.operation(Some("Q")).unwrap();
        assert_eq!(operation.defaults, [("n".to_owned(), Value::from(3))]);
        let Selection::Field(field) = &operation.selections[0] else { panic!("a field") };
        assert_eq!((field.key(), field.name.as_str(), field.selections.len()), ("a", "field", 2));
        let value = field.arguments[1].1.value(&Map::new());
        assert_eq!(value, serde_json::json!({"z": [1, "t\n", "E", true]}));
        assert_eq!(document.fragments["F"].on, "T");
    }

    #[test]
    fn mistakes_are_placed() {
        for (source, line) in [("", 1), ("{", 1), ("query {\n a( }", 2), ("{ a }\n%", 2), ("{ a(x: \"b) }", 1)] {
            assert_eq!(parse(source).unwrap_err().at.line, line, "{source:?}");
        }
        let deep = format!("{}{}", "{a".repeat(60), "}".repeat(60));
        assert!(parse(&deep).is_err());
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(source in "[{}()a$:\"\\\\.@!\\[\\] \n0-9#-]{0,40}") {
            let _ = parse(&source);
        }
    }
}
