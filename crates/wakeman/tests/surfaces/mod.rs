//! Chats, end to end: real processes, the lab's platforms, and the people in them.

mod discord;
mod telegram;
