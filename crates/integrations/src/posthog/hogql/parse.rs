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
/// The words that are operators.
const WORDS: [Keyword; 11] = [
    Keyword::AND,
    Keyword::OR,
    Keyword::XOR,
    Keyword::NOT,
    Keyword::IS,
    Keyword::IN,
    Keyword::LIKE,
    Keyword::BETWEEN,
    Keyword::UNION,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
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
        Token::Word(word) => WORDS.contains(&word.keyword),
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
