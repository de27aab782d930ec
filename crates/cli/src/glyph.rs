//! What a terminal without Unicode is shown, and the last guard against control characters.

use wakeman_present::{Line, Span, Style, Tone};

use crate::TermStyle;

/// `line` in characters that `style` can show. Nothing that a terminal would act on passes, wherever it came from.
pub(crate) fn adapt(line: &Line, style: &TermStyle) -> Line {
    let spans = line.spans.iter().map(|span| {
        let text = match span.style {
            Style::Mark(tone) if !style.unicode => ascii_mark(tone).to_owned(),
            _ => clean(&span.text, style),
        };
        Span { text, style: span.style }
    });
    Line { spans: spans.collect() }
}

fn clean(text: &str, style: &TermStyle) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if c.is_control() => out.push(if style.unicode { '\u{fffd}' } else { '?' }),
            _ if style.unicode || c.is_ascii() => out.push(c),
            _ => out.push_str(ascii(c)),
        }
    }
    out
}

fn ascii_mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Critical => "[!!]",
        Tone::Warning => "[!]",
        Tone::Good => "[ok]",
        Tone::Quiet => "[-]",
        Tone::Awaiting => "[?]",
        Tone::Plain => "",
    }
}

/// Our own typography in ASCII; anything else is a question mark.
pub(crate) fn ascii(c: char) -> &'static str {
    match c {
        '·' | '–' | '─' => "-",
        '╌' => " ",
        '…' => "...",
        '→' => "->",
        '│' | '┃' | '┤' => "|",
        '└' => "+",
        '▲' => "^",
        '░' => ".",
        '⟨' => "<",
        '⟩' => ">",
        '⏎' => "\\n",
        '\u{2800}'..='\u{28ff}' | '▄'..='█' => "*",
        '▁'..='▃' => "_",
        _ => "?",
    }
}
