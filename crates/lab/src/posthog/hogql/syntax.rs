//! From text to a syntax tree: ClickHouse's dialect with HogQL's identifiers and placeholders.

use std::any::TypeId;
use std::borrow::Cow;

use serde_json::Value as Json;
use sqlparser::ast::{Query, Statement};
use sqlparser::dialect::{ClickHouseDialect, Dialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::QueryError;

/// Queries longer than this are refused.
const QUERY_BYTES_MAX: usize = 1 << 20;
/// The placeholder that stands for a dashboard's filters; without any it holds for every event.
const FILTERS: &str = "filters";
/// Nesting beyond this is refused.
const DEPTH_MAX: usize = 80;
/// Operators in a row, and set operations, beyond this are refused.
const CHAIN_MAX: usize = 400;
/// The words that put two SELECTs together; they chain like operators.
const SETS: [Keyword; 4] = [Keyword::UNION, Keyword::EXCEPT, Keyword::INTERSECT, Keyword::MINUS];
/// Words that are no operators wherever they stand.
const CLAUSES: [Keyword; 10] = [
    Keyword::SELECT,
    Keyword::ALL,
    Keyword::AS,
    Keyword::FROM,
    Keyword::WHERE,
    Keyword::GROUP,
    Keyword::BY,
    Keyword::HAVING,
    Keyword::ORDER,
    Keyword::LIMIT,
];

/// ClickHouse's dialect, with `$` in identifiers (`$pageview`, `$feature`) and intervals as texts.
#[derive(Debug, Default)]
struct HogQl(ClickHouseDialect);

impl Dialect for HogQl {
    fn dialect(&self) -> TypeId {
        self.0.dialect()
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        letter == '$' || self.0.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        letter == '$' || self.0.is_identifier_part(letter)
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        false
    }

    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }
}

/// Whether the tree would be too deep without any nesting: `1 + 1 + …` is as deep as it is long. Operators are counted between commas, for
/// each level of brackets. Nothing else begins anew: the words of clauses may be names as well.
fn is_too_long(tokens: &[TokenWithSpan]) -> bool {
    let (mut levels, mut sets) = (vec![0_usize], 0);
    let more = |levels: &mut Vec<usize>| levels.last_mut().into_iter().for_each(|run| *run += 1);
    for token in tokens {
        match &token.token {
            Token::LParen => levels.push(0),
            Token::LBracket | Token::LBrace => {
                more(&mut levels);
                levels.push(0);
            }
            Token::RParen | Token::RBracket | Token::RBrace if levels.len() > 1 => drop(levels.pop()),
            Token::Comma => levels.last_mut().into_iter().for_each(|run| *run = 0),
            Token::Word(word) if SETS.contains(&word.keyword) => sets += 1,
            Token::Word(word) if word.keyword == Keyword::NoKeyword || CLAUSES.contains(&word.keyword) => {}
            Token::Whitespace(_) | Token::Period | Token::Number(..) | Token::SingleQuotedString(_) => {}
            _ => more(&mut levels),
        }
        if sets > CHAIN_MAX || levels.last().is_some_and(|run| *run > CHAIN_MAX) {
            return true;
        }
    }
    false
}

/// Parses one SELECT or a union of them.
pub(super) fn parse(text: &str, values: &Json) -> Result<Query, QueryError> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(QueryError::syntax("the query is too long"));
    }
    let text = with_values(text.trim().trim_end_matches(';'), values)?;
    let dialect = HogQl::default();
    let unread =
        |error: &dyn std::fmt::Display| QueryError::syntax(error.to_string().replace("sql parser error: ", ""));
    let tokens = Tokenizer::new(&dialect, &text).tokenize_with_location().map_err(|error| unread(&error))?;
    if is_too_long(&tokens) {
        return Err(QueryError::syntax("the query has too many operators in a row"));
    }
    let mut parser = Parser::new(&dialect).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| unread(&error))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => Ok(*query),
        (Some(other), true) => {
            let word = other.to_string().split_whitespace().next().unwrap_or_default().to_owned();
            Err(QueryError::syntax(format!("mismatched input '{word}' expecting {{SELECT, WITH, '{{', '(', '<'}}")))
        }
        (None, _) => Err(QueryError::syntax("mismatched input '<EOF>' expecting {SELECT, WITH, '{', '(', '<'}")),
        _ => Err(QueryError::syntax("extraneous input ';' expecting <EOF>")),
    }
}

/// Replaces `{name}` outside quotes by the value given for it.
fn with_values<'t>(text: &'t str, values: &Json) -> Result<Cow<'t, str>, QueryError> {
    if !text.contains('{') {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (letter, quote) {
            ('\\', Some(_)) => {
                out.push(letter);
                out.extend(letters.next().map(|(_, escaped)| escaped));
                continue;
            }
            ('\'' | '"' | '`', None) => quote = Some(letter),
            (end, Some(open)) if end == open => quote = None,
            ('{', None) => {
                let rest = &text[at + 1..];
                let end =
                    rest.find('}').ok_or_else(|| QueryError::syntax("a placeholder is not closed; write {name}"))?;
                out.push_str(&literal_of(rest[..end].trim(), values)?);
                let last = at + 1 + end;
                letters.by_ref().find(|(place, _)| *place == last);
                continue;
            }
            _ => {}
        }
        out.push(letter);
    }
    Ok(Cow::Owned(out))
}

fn literal_of(name: &str, values: &Json) -> Result<String, QueryError> {
    let found = name.split('.').try_fold(values, |within, key| within.get(key));
    if found.is_none() && name == FILTERS {
        return Ok("true".to_owned());
    }
    let found = found.ok_or_else(|| QueryError::query(format!("Unresolved placeholder: {{{name}}}")))?;
    literal(found)
        .ok_or_else(|| QueryError::query(format!("Placeholder {{{name}}} has a value of an unsupported type")))
}

fn literal(value: &Json) -> Option<String> {
    Some(match value {
        Json::Null => "NULL".to_owned(),
        Json::Bool(yes) => yes.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Json::Array(items) => format!("({})", items.iter().map(literal).collect::<Option<Vec<_>>>()?.join(", ")),
        Json::Object(_) => return None,
    })
}
