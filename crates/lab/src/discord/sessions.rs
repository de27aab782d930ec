//! Sessions of the socket: what each is told, and what it missed.

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::Desk;

const GUILDS: u64 = 1;
const GUILD_MESSAGES: u64 = 1 << 9;
const GUILD_REACTIONS: u64 = 1 << 10;
const DIRECT_MESSAGES: u64 = 1 << 12;
const DIRECT_REACTIONS: u64 = 1 << 13;
const MESSAGE_CONTENT: u64 = 1 << 15;
/// Every intent there is.
pub(super) const INTENTS: u64 = (1 << 26) - 1;
/// Events a session can catch up on.
const LOG_MAX: usize = 10_000;

/// What a socket is told to do.
#[derive(Debug, Clone)]
pub(super) enum Order {
    Send(Value),
    /// Close with this code.
    Close(u16),
    /// Let the connection die without a word.
    Drop,
}

/// A client that identified itself, whether it is connected or not.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) intents: u64,
    pub(super) seq: u64,
    log: Vec<Value>,
    /// The socket that has it now, by number.
    pub(super) socket: Option<(u64, UnboundedSender<Order>)>,
}

impl Session {
    fn event(&mut self, name: &str, data: Value) {
        self.seq += 1;
        let event = json!({"op": 0, "s": self.seq, "t": name, "d": data});
        if self.log.len() == LOG_MAX {
            self.log.remove(0);
        }
        self.log.push(event.clone());
        self.order(Order::Send(event));
    }

    fn order(&self, order: Order) {
        if let Some((_, sender)) = &self.socket {
            // A socket that is gone misses nothing: the log has it.
            let _ = sender.send(order);
        }
    }
}

impl Desk {
    /// A client identified itself: a new session with its first events.
    pub(super) fn identify(&mut self, intents: u64, socket: u64, sender: UnboundedSender<Order>, url: &str) {
        let id = format!("{:016x}{:016x}", self.next_id(), socket);
        let mut session = Session { intents, seq: 0, log: Vec::new(), socket: Some((socket, sender)) };
        let guild = self.guild.to_string();
        let ready = json!({
            "v": 10, "user": self.bot_user(), "session_id": id, "resume_gateway_url": url, "shard": [0, 1],
            "guilds": [{"id": guild, "unavailable": true}], "application": {"id": self.bot.to_string(), "flags": 0},
            "session_type": "normal", "private_channels": [], "user_settings": {}, "relationships": [],
        });
        session.event("READY", ready);
        if intents & GUILDS != 0 {
            session.event("GUILD_CREATE", self.guild_value());
        }
        self.sessions.insert(id, session);
    }

    /// A client comes back: what it missed since `seq`; `false` if its session is over.
    pub(super) fn resume(&mut self, id: &str, seq: u64, socket: u64, sender: UnboundedSender<Order>) -> bool {
        let Some(session) = self.sessions.get_mut(id).filter(|session| seq <= session.seq) else { return false };
        session.order(Order::Close(4_000));
        session.socket = Some((socket, sender));
        let missed: Vec<Value> =
            session.log.iter().filter(|event| event["s"].as_u64().is_some_and(|s| s > seq)).cloned().collect();
        missed.into_iter().for_each(|event| session.order(Order::Send(event)));
        session.event("RESUMED", json!({}));
        true
    }

    /// A socket is gone; its session can be resumed unless the client said good-bye.
    pub(super) fn gone(&mut self, socket: u64, farewell: bool) {
        let of_it = |session: &Session| session.socket.as_ref().is_some_and(|(number, _)| *number == socket);
        if farewell {
            self.sessions.retain(|_, session| !of_it(session));
        } else {
            self.sessions.values_mut().filter(|session| of_it(session)).for_each(|session| session.socket = None);
        }
    }

    /// Orders something of every socket.
    pub(super) fn order_all(&self, order: &Order) {
        self.sessions.values().for_each(|session| session.order(order.clone()));
    }

    /// Lets every connection die.
    pub(crate) fn hang_up(&self) {
        self.order_all(&Order::Drop);
    }

    /// Ends every session, or tells that it can be resumed.
    pub(super) fn invalidate(&mut self, resumable: bool) {
        self.order_all(&Order::Send(json!({"op": 9, "d": resumable})));
        if !resumable {
            self.sessions.clear();
        }
    }

    /// Tells every session of an event as it stands.
    pub(super) fn tell_all(&mut self, name: &str, data: &Value) {
        self.sessions.values_mut().for_each(|session| session.event(name, data.clone()));
    }

    fn direct(&self, room: u64) -> bool {
        self.rooms.get(&room).is_some_and(|room| room.with.is_some())
    }

    /// Tells of something in a room.
    pub(super) fn tell_room(&mut self, room: u64, name: &str, data: Value) {
        let needed = match (self.direct(room), name.contains("REACTION")) {
            (true, true) => DIRECT_REACTIONS,
            (true, false) => DIRECT_MESSAGES,
            (false, true) => GUILD_REACTIONS,
            (false, false) => GUILD_MESSAGES,
        };
        for session in self.sessions.values_mut().filter(|session| session.intents & needed != 0) {
            session.event(name, data.clone());
        }
    }

    /// Tells of a message; its content only to those who may read it.
    pub(super) fn tell_message(&mut self, room: u64, id: u64, name: &str) {
        let (Some(place), Some(said)) = (self.rooms.get(&room), self.said(room, id)) else { return };
        let full = self.message_event(place, said);
        let direct = place.with.is_some();
        let bot = self.bot.to_string();
        let named = full["mentions"].as_array().into_iter().flatten().any(|one| one["id"].as_str() == Some(&bot));
        let readable = direct || named || said.by == self.bot;
        let mut bare = full.clone();
        bare["content"] = json!("");
        for key in ["attachments", "embeds", "components"] {
            bare[key] = json!([]);
        }
        let needed = if direct { DIRECT_MESSAGES } else { GUILD_MESSAGES };
        for session in self.sessions.values_mut().filter(|session| session.intents & needed != 0) {
            let reads = readable || session.intents & MESSAGE_CONTENT != 0;
            session.event(name, if reads { full.clone() } else { bare.clone() });
        }
    }
}
