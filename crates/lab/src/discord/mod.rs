//! Discord: REST under `/discord/api/v10`, the gateway socket under `/discord/gateway`, and `/_lab/discord`, where whoever runs the
//! lab plays the people.
//!
//! Owns: one bot, one guild, direct messages, what was said in them, the sessions of the socket, interactions, limits.
//! Must not: know what the bot is for; every refusal is the one the real service gives.
//! Start at [`router`] for the requests, at `socket` for events, at `control` for what people do.

mod answer;
mod api;
mod control;
mod forms;
mod interactions;
mod limits;
mod messages;
mod multipart;
mod people;
mod render;
mod sessions;
mod socket;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tokio::time::Instant;

pub(crate) use answer::outage;
pub(crate) use api::router;
pub(crate) use control::router as control;
pub(crate) use multipart::payload;
pub(crate) use socket::router as gateway;

use crate::Scenario;
use limits::Limits;
use sessions::Session;

/// Milliseconds between the Unix epoch and Discord's.
const EPOCH_MS: i64 = 1_420_070_400_000;
/// How often a client is to say that it lives, until told otherwise.
const HEARTBEAT_MS: u64 = 41_250;

/// Somebody who can speak.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Person {
    id: u64,
    name: String,
    bot: bool,
}

/// Where people speak.
#[derive(Debug, Clone)]
struct Room {
    id: u64,
    /// Whom the bot is alone with here; `None`: a channel of the guild.
    with: Option<u64>,
    name: String,
    said: Vec<Said>,
    /// The bot may not speak here.
    closed: bool,
    /// How often the bot was seen typing.
    typing: u64,
}

/// One message.
#[derive(Debug, Clone)]
struct Said {
    id: u64,
    by: u64,
    at_ms: i64,
    content: String,
    edited_ms: Option<i64>,
    reply_to: Option<u64>,
    components: Value,
    attachments: Vec<Value>,
    embeds: Value,
    flags: u64,
    nonce: Option<Value>,
    /// What was forwarded.
    snapshot: Option<String>,
    webhook: bool,
    /// Only this person sees it.
    only_for: Option<u64>,
    /// Who was notified.
    pings: Vec<String>,
    /// Who put which emoji on it.
    reactions: Vec<(u64, String)>,
    /// The interaction it answers.
    interaction: Option<u64>,
}

/// Something a person did that the bot has to answer.
#[derive(Debug, Clone)]
struct Interaction {
    id: u64,
    token: String,
    kind: u64,
    room: u64,
    by: u64,
    data: Value,
    /// The message whose button was pressed.
    message: Option<u64>,
    since: Instant,
    /// How it was first answered.
    answered: Option<u64>,
    /// The message that answers it.
    original: Option<u64>,
    /// The modal that was opened.
    modal: Option<Value>,
    /// Whether a deferred answer is for the person alone.
    private: bool,
}

/// Everything Discord knows.
#[derive(Debug)]
pub(crate) struct Desk {
    counter: u64,
    now_ms: i64,
    /// The only token that is taken; `None`: any.
    token: Option<String>,
    bot: u64,
    guild: u64,
    people: BTreeMap<u64, Person>,
    rooms: BTreeMap<u64, Room>,
    commands: Vec<Value>,
    sessions: BTreeMap<String, Session>,
    interactions: BTreeMap<u64, Interaction>,
    nonces: HashMap<(u64, String), (u64, Instant)>,
    limits: Limits,
    heartbeat_ms: u64,
    /// Heartbeats are not acknowledged.
    deaf: bool,
    /// So many clients are not answered when they identify themselves or come back.
    mute: u32,
    /// How many sockets were opened so far.
    connections: u64,
}

impl Desk {
    /// Discord at the scenario's start: the bot, a guild and one channel in it.
    pub(crate) fn new(scenario: &Scenario) -> Desk {
        let mut desk = Desk {
            counter: 0,
            now_ms: scenario.start_ms,
            token: None,
            bot: 0,
            guild: 0,
            people: BTreeMap::new(),
            rooms: BTreeMap::new(),
            commands: Vec::new(),
            sessions: BTreeMap::new(),
            interactions: BTreeMap::new(),
            nonces: HashMap::new(),
            limits: Limits::default(),
            heartbeat_ms: HEARTBEAT_MS,
            deaf: false,
            mute: 0,
            connections: 0,
        };
        desk.bot = desk.next_id();
        desk.guild = desk.next_id();
        let bot = Person { id: desk.bot, name: scenario_bot(scenario), bot: true };
        desk.people.insert(desk.bot, bot);
        desk.open_room(None, "general");
        desk
    }

    /// A new id, later than every other.
    fn next_id(&mut self) -> u64 {
        self.counter += 1;
        (((self.now_ms - EPOCH_MS).max(0) as u64) << 22) | (self.counter & 0x3f_ffff)
    }

    /// Moves the clock; it never goes back.
    pub(crate) fn set_now(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    fn open_room(&mut self, with: Option<u64>, name: &str) -> u64 {
        let id = self.next_id();
        let room = Room { id, with, name: name.to_owned(), said: Vec::new(), closed: false, typing: 0 };
        self.rooms.insert(id, room);
        id
    }

    /// The direct messages with a person, opened if there are none yet.
    fn direct_room(&mut self, with: u64) -> u64 {
        let found = self.rooms.values().find(|room| room.with == Some(with)).map(|room| room.id);
        found.unwrap_or_else(|| self.open_room(Some(with), ""))
    }

    fn person(&self, id: u64) -> Person {
        self.people.get(&id).cloned().unwrap_or(Person { id, name: format!("user{id}"), bot: false })
    }

    fn said(&self, room: u64, id: u64) -> Option<&Said> {
        self.rooms.get(&room)?.said.iter().find(|said| said.id == id)
    }

    fn said_mut(&mut self, room: u64, id: u64) -> Option<&mut Said> {
        self.rooms.get_mut(&room)?.said.iter_mut().find(|said| said.id == id)
    }

    /// The room a message is in.
    fn room_of(&self, message: u64) -> Option<u64> {
        self.rooms.values().find(|room| room.said.iter().any(|said| said.id == message)).map(|room| room.id)
    }
}

fn scenario_bot(scenario: &Scenario) -> String {
    let letters = scenario.name.chars().filter(char::is_ascii_alphanumeric).take(20).collect::<String>();
    format!("{letters}-bot").to_lowercase()
}

impl Said {
    /// A message with nothing but words.
    fn new(id: u64, by: u64, at_ms: i64, content: impl Into<String>) -> Said {
        Said {
            id,
            by,
            at_ms,
            content: content.into(),
            edited_ms: None,
            reply_to: None,
            components: Value::Array(Vec::new()),
            attachments: Vec::new(),
            embeds: Value::Array(Vec::new()),
            flags: 0,
            nonce: None,
            snapshot: None,
            webhook: false,
            only_for: None,
            pings: Vec::new(),
            reactions: Vec::new(),
            interaction: None,
        }
    }
}
