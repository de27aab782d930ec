//! What the terminal can do.

use std::str::FromStr;

/// The narrowest layout; a narrower terminal wraps by itself.
pub const WIDTH_MIN: usize = 24;
/// The widest layout: longer lines are hard to read.
pub const WIDTH_MAX: usize = 120;
/// Taken where the width is not known: a pipe, a file.
const WIDTH_UNKNOWN: usize = 100;

/// What the operator asked for with `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ColorChoice {
    /// Colour on a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Colour everywhere.
    Always,
    /// No colour anywhere.
    Never,
}

/// A text that is not a colour choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColorChoiceError;

impl std::fmt::Display for ColorChoiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("write auto, always or never")
    }
}

impl std::error::Error for ColorChoiceError {}

impl FromStr for ColorChoice {
    type Err = ColorChoiceError;

    fn from_str(text: &str) -> Result<Self, ColorChoiceError> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(ColorChoiceError),
        }
    }
}

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermStyle {
    /// Columns to fill, [`WIDTH_MIN`]–[`WIDTH_MAX`].
    pub width: usize,
    /// Whether colours and weights may be used.
    pub color: bool,
    /// Whether anything beyond ASCII may be used.
    pub unicode: bool,
    /// Nobody knows how wide it is: no column is left out for want of room.
    pub endless: bool,
}

impl TermStyle {
    /// The style for a terminal.
    ///
    /// `no_color`: `NO_COLOR` is set and not empty. `is_tty`: the output is a terminal. `width`: its columns, where known.
    pub fn detect(choice: ColorChoice, no_color: bool, is_tty: bool, width: Option<usize>) -> Self {
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_tty && !no_color,
        };
        Self { width: width.unwrap_or(WIDTH_UNKNOWN), color, unicode: true, endless: width.is_none() }.clamped()
    }

    /// A style without colour, `width` columns wide.
    pub fn plain(width: usize) -> Self {
        Self { width, color: false, unicode: true, endless: false }.clamped()
    }

    /// The same style in ASCII, for a terminal whose locale has nothing else.
    pub fn ascii(self) -> Self {
        Self { unicode: false, ..self }
    }

    /// The same style with its width inside the bounds.
    pub(crate) fn clamped(self) -> Self {
        Self { width: self.width.clamp(WIDTH_MIN, WIDTH_MAX), ..self }
    }
}
