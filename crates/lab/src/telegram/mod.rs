//! Telegram: the Bot API for one bot, and the people and chats it talks to.
//!
//! Owns: chats, messages, keyboards, updates that nobody has taken yet, how fast a bot may speak, what a person sees and does.
//! Must not: know what any message means.
//! Faithful in: methods whatever their case, the limits of length, keyboards and speed, entities, long polling with two pollers,
//! old and answered presses, and the words of refusals. Not there: `parse_mode`, files but pictures, webhooks but their removal.
//! Start at [`router`] for the bot's side, at [`control`] for the people's.

mod answer;
mod api;
mod control;
mod desk;
mod entities;
mod error;
mod keyboard;
mod limit;
mod params;
mod people;
mod send;
mod updates;

pub(crate) use api::{changes_nothing, router};
pub(crate) use control::router as control;
pub(crate) use desk::Desk;
