//! Colours and weights, as ANSI select-graphic-rendition codes of the sixteen that every theme defines.

use wakeman_present::{CellRole, Line, Style, Tone};

use crate::TermStyle;

/// Red, yellow, green, none, cyan: severity by colour.
pub(crate) fn tone_code(tone: Tone) -> &'static str {
    match tone {
        Tone::Critical => "31",
        Tone::Warning => "33",
        Tone::Good => "32",
        Tone::Awaiting => "36",
        Tone::Quiet | Tone::Plain => "2",
    }
}

/// The code of a span's style; empty for running text.
fn style_code(style: Style) -> &'static str {
    match style {
        Style::Plain | Style::Outside | Style::Mark(_) => "",
        Style::Strong => "1",
        Style::Dim => "2",
        Style::Good => "32",
        Style::Bad => "33",
        Style::Model => "2;3",
    }
}

/// The code of a chart cell in a message of `tone`.
pub(crate) fn cell_code(role: CellRole, tone: Tone) -> &'static str {
    match (role, tone) {
        (CellRole::Empty | CellRole::Line | CellRole::Label, _) => "",
        (CellRole::Outside, Tone::Critical) => "1;31",
        (CellRole::Outside, _) => "1;33",
        (CellRole::Band | CellRole::Axis, _) => "2",
        (CellRole::Mark, _) => "1;36",
    }
}

/// `text` in `code`, or bare where colour is off or there is no code.
pub(crate) fn paint(text: &str, code: &str, style: &TermStyle) -> String {
    if !style.color || code.is_empty() || text.is_empty() {
        return text.to_owned();
    }
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// A line as the terminal takes it.
pub(crate) fn paint_line(line: &Line, style: &TermStyle) -> String {
    line.spans.iter().map(|span| paint(&span.text, style_code(span.style), style)).collect()
}
