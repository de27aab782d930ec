//! On which line of a JSON text a value stands. Only for text that was parsed before.

/// One step of a path into JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'a> {
    /// A member of an object.
    Key(&'a str),
    /// An item of a list.
    Index(usize),
}

/// The line, from 1, of the value at `path`; the line of the deepest part of the path that is there.
pub(crate) fn line_of(text: &str, path: &[Step<'_>]) -> usize {
    let mut cursor = Cursor { bytes: text.as_bytes(), at: 0, line: 1 };
    let mut line = cursor.space();
    for step in path {
        let found = match step {
            Step::Key(name) => cursor.member(name),
            Step::Index(index) => cursor.item(*index),
        };
        match found {
            Some(at) => line = at,
            None => break,
        }
    }
    line
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn step(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        self.line += usize::from(byte == b'\n');
        Some(byte)
    }

    /// Passes white space (and a byte order mark); the line of what follows.
    fn space(&mut self) -> usize {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace() || byte >= 0x80) {
            self.step();
        }
        self.line
    }

    /// Passes a string; its bytes as they are written, between the quotes.
    fn string(&mut self) -> &[u8] {
        self.step();
        let begin = self.at;
        while let Some(byte) = self.step() {
            match byte {
                b'\\' => drop(self.step()),
                b'"' => break,
                _ => {}
            }
        }
        &self.bytes[begin..self.at.saturating_sub(1).max(begin)]
    }

    /// Passes one value.
    fn value(&mut self) {
        let mut depth = 0_usize;
        loop {
            self.space();
            match self.peek() {
                None => return,
                Some(b'"') => drop(self.string()),
                Some(b'{' | b'[') => {
                    self.step();
                    depth += 1;
                }
                Some(b'}' | b']') if depth == 0 => return,
                Some(b'}' | b']') => {
                    self.step();
                    depth -= 1;
                }
                Some(b',' | b':') if depth == 0 => return,
                Some(_) => drop(self.step()),
            }
            if depth == 0 && !matches!(self.peek(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'+' | b'-'))
            {
                return;
            }
        }
    }

    /// Moves to the value of a member and gives the line of its key.
    fn member(&mut self, name: &str) -> Option<usize> {
        (self.step()? == b'{').then_some(())?;
        loop {
            let line = self.space();
            (self.peek()? == b'"').then_some(())?;
            let found = self.string() == name.as_bytes();
            self.space();
            self.step();
            self.space();
            if found {
                return Some(line);
            }
            self.value();
            self.space();
            (self.step()? == b',').then_some(())?;
        }
    }

    fn item(&mut self, index: usize) -> Option<usize> {
        (self.step()? == b'[').then_some(())?;
        for _ in 0..index {
            self.space();
            self.value();
            self.space();
            (self.step()? == b',').then_some(())?;
        }
        let line = self.space();
        (self.peek()? != b']').then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::{Step::*, *};

    #[test]
    fn lines_are_counted_to_the_value() {
        let text = "\u{feff}{\n  \"a\": \"x\\\"}\\n\",\n  \"n\": -1.5e3,\n\n  \"list\": [ {\"k\": 1},\n    [], \"s\",\n    {\n      \"k\": \
                    {\"d\":\n null}, \"last\": true\n }\n ]\n}";
        let table: [(&[Step<'_>], usize); 9] = [
            (&[], 1),
            (&[Key("a")], 2),
            (&[Key("n")], 3),
            (&[Key("list")], 5),
            (&[Key("list"), Index(0), Key("k")], 5),
            (&[Key("list"), Index(2)], 6),
            (&[Key("list"), Index(3)], 7),
            (&[Key("list"), Index(3), Key("last")], 9),
            (&[Key("list"), Index(3), Key("missing")], 7),
        ];
        for (path, want) in table {
            assert_eq!(line_of(text, path), want, "{path:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}|[{}\\[\\]\",:\\\\a1 \n]{0,40}") {
            for path in [&[Key("a"), Index(1)][..], &[Index(2), Key("a")]] {
                let _ = line_of(&text, path);
            }
        }
    }
}
