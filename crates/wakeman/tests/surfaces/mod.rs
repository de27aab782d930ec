//! Chats, end to end: real processes, the lab's platforms, and the people in them.

mod answers;
mod apart;
mod kills;
mod rival;
mod room;
mod wrong_person;
