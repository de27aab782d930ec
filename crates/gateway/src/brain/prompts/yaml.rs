//! The part of YAML that front matter needs: mappings, lists and scalars, as JSON. No anchors, no tags, no second document.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use serde_json::{Map, Number, Value};

/// Nesting deeper than this is no prompt file.
const DEPTH_MAX: usize = 24;

/// What is wrong, and on which line of the text, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub line: usize,
    pub text: String,
}

/// One key of the outermost mapping.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub line: usize,
    pub value: Value,
}

/// Reads a mapping. An empty text is an empty one.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, YamlError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), line: 1 };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) => {}
            Event::StreamEnd => return Ok(Vec::new()),
            Event::Scalar(text, ..) if text.is_empty() => {}
            Event::MappingStart(anchor, tag) => {
                reader.plain(anchor, tag.is_some())?;
                let entries = reader.entries(0)?;
                reader.end()?;
                return Ok(entries);
            }
            _ => return Err(reader.wrong("is not a mapping; write lines like `alias: chat`")),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let span: Span = span;
                self.line = span.start.line().max(1);
                Ok(event)
            }
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok(Event::StreamEnd),
        }
    }

    fn wrong(&self, text: impl Into<String>) -> YamlError {
        YamlError { line: self.line, text: text.into() }
    }

    /// Anchors could repeat a value without end, tags could change what it is.
    fn plain(&self, anchor: usize, tagged: bool) -> Result<(), YamlError> {
        if anchor != 0 || tagged {
            return Err(self.wrong("has an anchor or a tag; write the value itself"));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        loop {
            match self.next()? {
                Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(()),
                _ => return Err(self.wrong("begins a second document; keep one")),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, YamlError> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => return Ok(entries),
                Event::Scalar(text, _, anchor, tag) => {
                    self.plain(anchor, tag.is_some())?;
                    text.into_owned()
                }
                _ => return Err(self.wrong("has a key that is no word; write `key: value`")),
            };
            let line = self.line;
            if entries.iter().any(|entry| entry.key == key) {
                return Err(self.wrong(format!("`{key}` is there twice; keep one")));
            }
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            entries.push(Entry { key, line, value });
        }
    }

    fn value(&mut self, event: Event<'a>, depth: usize) -> Result<Value, YamlError> {
        if depth > DEPTH_MAX {
            return Err(self.wrong(format!("is nested more than {DEPTH_MAX} deep; write it flatter")));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain(anchor, tag.is_some())?;
                Ok(scalar(text, style))
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain(anchor, tag.is_some())?;
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => return Ok(Value::Array(items)),
                        event => items.push(self.value(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, tag) => {
                self.plain(anchor, tag.is_some())?;
                let members = self.entries(depth)?.into_iter().map(|entry| (entry.key, entry.value));
                Ok(Value::Object(members.collect::<Map<_, _>>()))
            }
            _ => Err(self.wrong("refers to another place of the file; write the value itself")),
        }
    }
}

fn syntax(error: &ScanError) -> YamlError {
    YamlError { line: error.marker().line().max(1), text: format!("is no YAML ({}); correct it there", error.info()) }
}

/// The core schema of YAML 1.2: quoted is text, plain may be null, true, false or a number.
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        word => number(word).map_or_else(|| Value::String(word.to_owned()), Value::Number),
    }
}

fn number(word: &str) -> Option<Number> {
    let numeric = word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if !numeric || !word.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    word.parse::<i64>().ok().map(Number::from).or_else(|| word.parse::<f64>().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        read(text).unwrap().into_iter().map(|entry| (entry.key, entry.value)).collect::<Map<_, _>>().into()
    }

    fn wrong(text: &str) -> String {
        let error = read(text).unwrap_err();
        format!("line {}: {}", error.line, error.text)
    }

    #[test]
    fn front_matter_is_read_as_json() {
        let text = "id: chat\nversion: \"1\"\ntemperature: 0.5\nn: [1, -2, 1e3, v1, ~]\no:\n  a: {b: true}\n  c:\n    - x\n# end\n";
        assert_eq!(
            value(text),
            json!({"id": "chat", "version": "1", "temperature": 0.5, "n": [1, -2, 1000.0, "v1", null],
                   "o": {"a": {"b": true}, "c": ["x"]}})
        );
        assert_eq!(read(text).unwrap().iter().map(|entry| entry.line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(value(""), json!({}));
        assert_eq!(value("# nothing\n"), json!({}));
    }

    #[test]
    fn what_is_no_front_matter_is_named_by_line() {
        let table = [
            ("- a\n- b\n", "line 1: is not a mapping; write lines like `alias: chat`"),
            ("a: 1\nb: 2\na: 3\n", "line 3: `a` is there twice; keep one"),
            ("a: &x [1]\nb: *x\n", "line 1: has an anchor or a tag; write the value itself"),
            ("a: !!str 1\n", "line 1: has an anchor or a tag; write the value itself"),
            ("a: 1\n---\nb: 2\n", "line 2: begins a second document; keep one"),
            ("[a]: 1\n", "line 1: has a key that is no word; write `key: value`"),
        ];
        for (text, want) in table {
            assert_eq!(wrong(text), want, "{text:?}");
        }
        assert!(wrong("a: [1\nb: 2\n").contains("is no YAML"));
        assert!(wrong(&format!("a: {}{}", "[".repeat(40), "]".repeat(40))).contains("nested more than"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}|[a:\\-\\[\\]{}&*!|>\"' \n\t#,0-9]{0,60}") {
            let _ = read(&text);
        }
    }
}
