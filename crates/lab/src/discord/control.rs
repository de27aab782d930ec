//! `/_lab/discord`: whoever runs the lab plays the people, troubles the socket, and reads a channel as a person sees it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, body::Bytes};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::limits::Throttle;
use super::people::Speech;
use super::sessions::Order;
use super::{Desk, Room, Said};
use crate::Lab;
use crate::time::rfc3339;

/// What may be asked for, for whoever wrote something that is not understood.
const EXAMPLE: &str = r#"{"do": "say", "user": "4001", "channel": "dm", "text": "status"}"#;

/// Something that happens on Discord. `channel`: an id, `"dm"` (with `user`), or the name of a channel of the guild.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Deed {
    /// Somebody says something; `mention` puts the bot's name before it.
    Say {
        user: String,
        channel: String,
        text: String,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        mention: bool,
        #[serde(default)]
        reply_to: Option<String>,
        #[serde(default)]
        forwarded: bool,
        #[serde(default)]
        bot: bool,
        #[serde(default)]
        webhook: bool,
    },
    Edit {
        channel: String,
        user: String,
        message: String,
        text: String,
    },
    React {
        channel: String,
        user: String,
        message: String,
        emoji: String,
        #[serde(default)]
        off: bool,
    },
    Command {
        channel: String,
        user: String,
        name: String,
        #[serde(default)]
        options: Map<String, Value>,
    },
    /// `button`: its label or its id.
    Press {
        channel: String,
        user: String,
        message: String,
        button: String,
    },
    /// Fills in the modal that the interaction opened.
    Submit {
        interaction: String,
        fields: Vec<String>,
    },
    /// A new channel of the guild.
    Channel {
        name: String,
    },
    /// The bot may not speak there.
    Forbid {
        channel: String,
        user: Option<String>,
        on: bool,
    },
    /// Only this token is taken.
    Token {
        token: String,
    },
    /// Connections die without a word.
    Drop,
    /// Sockets are closed with a code.
    Close {
        code: u16,
    },
    /// Clients are asked to come back.
    Reconnect,
    Invalidate {
        #[serde(default)]
        resumable: bool,
    },
    /// Heartbeats are not acknowledged any more, or again.
    Acks {
        withheld: bool,
    },
    /// So many clients that identify themselves or come back are not answered, though their heartbeats are.
    Mute {
        times: u32,
    },
    /// How often a client is to say that it lives, from the next connection on.
    Heartbeat {
        every_ms: u64,
    },
    /// An event of any name and content.
    Event {
        name: String,
        data: Value,
    },
    Throttle(Throttle),
    /// How many messages a channel takes within how many seconds.
    Limits {
        messages: u32,
        seconds: f64,
    },
}

pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new().route("/", get(show).post(act)).route("/channels/{id}", get(channel))
}

async fn show(State(lab): State<Arc<Lab>>) -> Json<Value> {
    let desk = lab.discord();
    let rooms: Vec<Value> = desk
        .rooms
        .values()
        .map(|room| {
            json!({
                "id": room.id.to_string(), "name": room.name, "with": room.with.map(|id| id.to_string()),
                "messages": room.said.len(), "typing": room.typing,
            })
        })
        .collect();
    let interactions: Vec<Value> = desk
        .interactions
        .values()
        .map(|one| {
            json!({
                "id": one.id.to_string(), "user": one.by.to_string(), "answered": one.answered, "modal": one.modal,
                "original": one.original.map(|id| id.to_string()), "channel": one.room.to_string(),
            })
        })
        .collect();
    let connected = desk.sessions.values().filter(|session| session.socket.is_some()).count();
    Json(json!({
        "bot": desk.bot.to_string(), "guild": desk.guild.to_string(), "channels": rooms, "commands": desk.commands,
        "interactions": interactions, "sessions": desk.sessions.len(), "connected": connected,
        "connections": desk.connections,
    }))
}

async fn channel(State(lab): State<Arc<Lab>>, Path(id): Path<String>) -> Response {
    let desk = lab.discord();
    match desk.find_room(&id, None) {
        Some(room) => Json(desk.rooms.get(&room).map(|room| desk.seen(room)).unwrap_or_default()).into_response(),
        None => refused(format!("there is no channel {id:?}")),
    }
}

async fn act(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    let deed: Deed = match serde_json::from_slice(&body) {
        Ok(deed) => deed,
        Err(error) => {
            return refused(format!("the body is not what is expected here: {error}; send for example {EXAMPLE}"));
        }
    };
    let now_ms = lab.world().now_ms;
    let mut desk = lab.discord();
    desk.set_now(now_ms);
    let happened = match deed {
        deed @ (Deed::Say { .. }
        | Deed::Edit { .. }
        | Deed::React { .. }
        | Deed::Command { .. }
        | Deed::Press { .. }
        | Deed::Submit { .. }) => desk.person_does(deed),
        other => desk.trouble(other),
    };
    match happened {
        Ok(id) => (StatusCode::CREATED, Json(json!({"id": id.map(|id| id.to_string())}))).into_response(),
        Err(problem) => refused(problem),
    }
}

fn refused(problem: String) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": problem}))).into_response()
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a Discord id; write the digits as a text"))
}

impl Desk {
    /// A room by id, by name, or the direct messages with a person.
    fn find_room(&self, name: &str, with: Option<u64>) -> Option<u64> {
        let id = name.strip_prefix("dm:").map_or(with.filter(|_| name == "dm"), |id| id.parse().ok());
        let fits = |room: &&Room| match id {
            Some(id) => room.with == Some(id),
            None => name.parse() == Ok(room.id) || (room.with.is_none() && room.name == name),
        };
        self.rooms.values().find(fits).map(|room| room.id)
    }

    /// The room in which a person acts; direct messages are opened by it.
    fn room_for(&mut self, name: &str, user: &str) -> Result<(u64, u64), String> {
        let user = number(user)?;
        self.meet(user, None, false);
        let room = if name == "dm" { Some(self.direct_room(user)) } else { self.find_room(name, Some(user)) };
        Ok((room.ok_or_else(|| format!("there is no channel {name:?}; make it with \"channel\""))?, user))
    }

    fn person_does(&mut self, deed: Deed) -> Result<Option<u64>, String> {
        let missing = || "there is no such message".to_owned();
        match deed {
            Deed::Say { user, channel, text, name, mention, reply_to, forwarded, bot, webhook } => {
                let id = number(&user)?;
                self.meet(id, name.as_deref(), bot);
                let (room, by) = self.room_for(&channel, &user)?;
                let text = if mention { format!("<@{}> {text}", self.bot) } else { text };
                let reply_to = reply_to.as_deref().map(number).transpose()?;
                Ok(Some(self.person_says(room, by, Speech { text, reply_to, forwarded, webhook })))
            }
            Deed::Edit { channel, user, message, text } => {
                let (room, _) = self.room_for(&channel, &user)?;
                self.person_edits(room, number(&message)?, &text).then_some(None).ok_or_else(missing)
            }
            Deed::React { channel, user, message, emoji, off } => {
                let (room, by) = self.room_for(&channel, &user)?;
                self.person_reacts(room, by, number(&message)?, &emoji, off).then_some(None).ok_or_else(missing)
            }
            Deed::Command { channel, user, name, options } => {
                let (room, by) = self.room_for(&channel, &user)?;
                let options: Vec<(String, Value)> = options.into_iter().collect();
                self.person_commands(room, by, &name, &options).map(Some)
            }
            Deed::Press { channel, user, message, button } => {
                let message = number(&message)?;
                let (room, by) = self.room_for(&channel, &user)?;
                let room = self.room_of(message).unwrap_or(room);
                self.person_presses(room, by, message, &button).map(Some)
            }
            Deed::Submit { interaction, fields } => self.person_submits(number(&interaction)?, &fields).map(Some),
            _ => Ok(None),
        }
    }

    fn trouble(&mut self, deed: Deed) -> Result<Option<u64>, String> {
        match deed {
            Deed::Channel { name } => return Ok(Some(self.open_room(None, &name))),
            Deed::Forbid { channel, user, on } => {
                let (room, _) = self.room_for(&channel, user.as_deref().unwrap_or("1"))?;
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.closed = on;
                }
            }
            Deed::Token { token } => self.token = Some(token),
            Deed::Drop => self.order_all(&Order::Drop),
            Deed::Close { code } => self.order_all(&Order::Close(code)),
            Deed::Reconnect => self.order_all(&Order::Send(json!({"op": 7, "s": null, "t": null, "d": null}))),
            Deed::Invalidate { resumable } => self.invalidate(resumable),
            Deed::Acks { withheld } => self.deaf = withheld,
            Deed::Mute { times } => self.mute = times,
            Deed::Heartbeat { every_ms } => self.heartbeat_ms = every_ms.max(1),
            Deed::Event { name, data } => self.tell_all(&name, &data),
            Deed::Throttle(throttle) => self.limits.order(throttle)?,
            Deed::Limits { messages, seconds } => {
                self.limits.messages = messages.max(1);
                self.limits.within = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// A room as people see it.
    fn seen(&self, room: &Room) -> Value {
        let messages: Vec<Value> = room.said.iter().map(|said| self.seen_message(said)).collect();
        json!({
            "id": room.id.to_string(), "name": room.name, "with": room.with.map(|id| id.to_string()),
            "typing": room.typing, "messages": messages,
        })
    }

    fn seen_message(&self, said: &Said) -> Value {
        let buttons = said.components.as_array().into_iter().flatten();
        let buttons = buttons.flat_map(|row| row["components"].as_array().into_iter().flatten());
        let button = |one: &Value| json!({"label": one["label"], "id": one["custom_id"], "style": one["style"], "disabled": one["disabled"] == true});
        let previews = said.flags & super::messages::SUPPRESS_EMBEDS == 0
            && (said.content.contains("https://") || said.content.contains("http://"));
        json!({
            "id": said.id.to_string(), "author": said.by.to_string(), "name": self.person(said.by).name,
            "content": said.content, "at": rfc3339(said.at_ms), "edited": said.edited_ms.is_some(),
            "reply_to": said.reply_to.map(|id| id.to_string()), "buttons": buttons.map(button).collect::<Vec<_>>(),
            "files": said.attachments, "flags": said.flags, "only_for": said.only_for.map(|id| id.to_string()),
            "pings": said.pings, "previews": previews, "reactions": said.reactions.iter().map(|(by, emoji)| json!([by.to_string(), emoji])).collect::<Vec<_>>(),
            "interaction": said.interaction.map(|id| id.to_string()),
        })
    }
}
