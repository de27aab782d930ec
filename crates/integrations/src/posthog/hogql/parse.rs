//! Reading a query, with a bound on how deep its tree can be.

use sqlparser::{
    ast::Statement,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};

use super::HogQl;
use crate::http::short;

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 40;
/// Most operators that are read. `1 + 1 + …` nests nothing, and yet its tree is as deep as it is long: walking, printing and dropping it
/// take the stack's depth, so what nobody writes by hand is not read.
const OPERATORS_MAX: usize = 300;
/// Words of the language that cannot join two parts into one: clauses, units, and what is also a name. Every other may be an operator in
/// some dialect (`ILIKE`, `REGEXP`, `AT TIME ZONE`, `MINUS`, …) and is counted as one, known or not.
const NO_OPERATORS: [Keyword; 27] = [
    Keyword::SELECT,
    Keyword::ALL,
    Keyword::DISTINCT,
    Keyword::AS,
    Keyword::FROM,
    Keyword::WHERE,
    Keyword::GROUP,
    Keyword::ORDER,
    Keyword::BY,
    Keyword::ASC,
    Keyword::DESC,
    Keyword::HAVING,
    Keyword::LIMIT,
    Keyword::OFFSET,
    Keyword::WITH,
    Keyword::TRUE,
    Keyword::FALSE,
    Keyword::NULL,
    Keyword::INTERVAL,
    Keyword::DAY,
    Keyword::HOUR,
    Keyword::MINUTE,
    Keyword::COUNT,
    Keyword::IF,
    Keyword::EVENT,
    Keyword::TIMESTAMP,
    Keyword::DATE,
];

/// The statements of `text`. Literals keep their escapes as they are written, so printing them again cannot change where they end.
///
/// # Errors
/// Why it cannot be read, in words for who wrote it.
pub(in crate::posthog) fn parse(text: &str) -> Result<Vec<Statement>, String> {
    let unread = |error: &dyn std::fmt::Display| format!("not a query that can be read: {}", short(&error.to_string()));
    let text = text.trim().trim_end_matches(';');
    let tokens = Tokenizer::new(&HogQl, text).with_unescape(false).tokenize_with_location();
    let tokens = tokens.map_err(|error| unread(&error))?;
    let operators = tokens.iter().filter(|token| is_operator(&token.token)).count();
    if operators > OPERATORS_MAX {
        return Err(format!("it has {operators} operators; at most {OPERATORS_MAX} are read"));
    }
    let mut parser = Parser::new(&HogQl).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens);
    parser.parse_statements().map_err(|error| unread(&error))
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword && !NO_OPERATORS.contains(&word.keyword),
        Token::Whitespace(_)
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::SemiColon
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::EOF => false,
        _ => true,
    }
}
