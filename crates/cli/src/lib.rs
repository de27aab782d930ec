//! The terminal as a surface: how a message looks there, and the one key that answers it.
//!
//! Owns: layout, colour, wrapping, tables, charts, the progress line, reading a key.
//! Must not: word anything itself (that is `present`), parse arguments, decide or execute an action, read the environment.
//! Start at [`render`] for a message, at [`ask`] for a question, at [`Console`] for a stream of deliveries.
#![warn(missing_docs)]

mod ask;
mod chart;
mod console;
mod glyph;
mod paint;
mod progress;
mod render;
mod style;
mod system;
mod table;
mod wrap;

pub use ask::{Choice, Key, Terminal, ask, choices_of};
pub use console::Console;
pub use progress::Progress;
pub use render::render;
pub use style::{ColorChoice, TermStyle, WIDTH_MAX, WIDTH_MIN};
pub use system::{SystemTerminal, read_key, terminal_width};
