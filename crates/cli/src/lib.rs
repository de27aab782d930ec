//! The terminal as a surface: how a message looks there, and the one key that answers it.
//!
//! Owns: layout, colour, wrapping, tables, charts, the progress line, reading a key or a line, what was typed before.
//! Must not: word anything itself (that is `present`), parse arguments, decide or execute an action, read the environment.
//! Start at [`render`] for a message, at [`ask`] for a question, at [`Console`] for a stream of deliveries, at [`LineEditor`] for a
//! conversation.
#![warn(missing_docs)]

mod ask;
mod chart;
mod complete;
mod console;
mod flow;
mod glyph;
mod history;
mod line;
mod offer;
mod paint;
mod progress;
mod render;
mod style;
mod system;
mod table;
mod wrap;

pub use ask::{Choice, Key, Terminal, ask, choices_of, offers};
pub use complete::{Ids, complete};
pub use console::Console;
pub use flow::Flow;
pub use history::History;
pub use line::{Above, LineEditor, Typed};
pub use offer::{Offer, Pressed};
pub use progress::Progress;
pub use render::render;
pub use style::{ColorChoice, TermStyle, WIDTH_MAX, WIDTH_MIN};
pub use system::{SystemTerminal, read_key, terminal_width};
