//! The lexer.
//!
//! Source: GraphQL specification, October 2021, section 2.1.

use serde_json::Number;

use super::Fault;

/// A place in the source, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Punctuation; the spread is `'…'`.
    Mark(char),
    Name(String),
    Number(Number),
    Text(String),
}

/// The tokens of a document, each with its place.
pub(super) fn lex(source: &str) -> Result<Vec<(Token, Position)>, Fault> {
    let letters: Vec<char> = source.chars().collect();
    let (mut tokens, mut at, mut place) = (Vec::new(), 0, Position { line: 1, column: 1 });
    while at < letters.len() {
        let start = (at, place);
        let (token, next) = match letters[at] {
            '#' => {
                (None, letters[at..].iter().position(|letter| *letter == '\n').map_or(letters.len(), |end| at + end))
            }
            letter if letter.is_whitespace() || letter == ',' || letter == '\u{feff}' => (None, at + 1),
            '.' if letters[at..].starts_with(&['.', '.', '.']) => (Some(Token::Mark('…')), at + 3),
            letter if "{}()[]:$=!@|&".contains(letter) => (Some(Token::Mark(letter)), at + 1),
            '"' => {
                let (text, next) =
                    lex_text(&letters, at).ok_or_else(|| Fault::new("Parse error: unterminated string", place))?;
                (Some(Token::Text(text)), next)
            }
            letter if letter == '_' || letter.is_ascii_alphabetic() => {
                let word = letters[at..].iter().take_while(|letter| **letter == '_' || letter.is_ascii_alphanumeric());
                let word: String = word.collect();
                let next = at + word.len();
                (Some(Token::Name(word)), next)
            }
            letter if letter == '-' || letter.is_ascii_digit() => {
                let digits: String = letters[at..]
                    .iter()
                    .take_while(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(**letter))
                    .collect();
                let number = digits.parse().map_err(|_| Fault::new(format!("Parse error on \"{digits}\""), place))?;
                (Some(Token::Number(number)), at + digits.len())
            }
            letter => return Err(Fault::new(format!("Parse error on {:?} (error)", letter.to_string()), place)),
        };
        for letter in &letters[at..next] {
            place = if *letter == '\n' {
                Position { line: place.line + 1, column: 1 }
            } else {
                Position { column: place.column + 1, ..place }
            };
        }
        at = next;
        tokens.extend(token.map(|token| (token, start.1)));
    }
    Ok(tokens)
}

/// A string or block string that begins at `at`: its text and where it ends.
fn lex_text(letters: &[char], at: usize) -> Option<(String, usize)> {
    let block = ['"', '"', '"'];
    if letters[at..].starts_with(&block) {
        let length = letters[at + 3..].windows(3).position(|three| three == block)?;
        let text: String = letters[at + 3..at + 3 + length].iter().collect();
        return Some((text.trim().to_owned(), at + length + 6));
    }
    let mut end = at + 1;
    while *letters.get(end)? != '"' {
        end += if letters[end] == '\\' { 2 } else { 1 };
    }
    let quoted: String = letters.get(at..=end)?.iter().collect();
    // The escapes are those of JSON.
    serde_json::from_str(&quoted).ok().map(|text| (text, end + 1))
}
