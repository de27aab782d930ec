//! The REST routes, version 10.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::answer::Refusal;
use super::limits::Left;
use super::multipart::{self, File};
use super::{Desk, forms, render, socket};
use crate::Lab;

const BODY_BYTES_MAX: usize = 40 << 20;

/// The REST routes, relative to the service's base URL.
pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new().fallback(serve)
}

/// One request, read.
struct Call {
    method: String,
    headers: HeaderMap,
    query: Vec<(String, String)>,
    body: Value,
    files: Vec<File>,
}

/// What a request comes to, and what is left of the channel's allowance.
type Answer = Result<(StatusCode, Value), Refusal>;

async fn serve(State(lab): State<Arc<Lab>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let query = Query::try_from_uri(&parts.uri).map(|Query(pairs)| pairs).unwrap_or_default();
    let mut left = None;
    let answer = read(&parts.headers, &bytes).and_then(|(body, files)| {
        let call = Call { method: parts.method.to_string(), headers: parts.headers.clone(), query, body, files };
        let now_ms = lab.world().now_ms;
        let mut desk = lab.discord();
        desk.set_now(now_ms);
        desk.handle(&call, &path, &mut left)
    });
    let mut response = match answer {
        Ok((StatusCode::NO_CONTENT, _)) => StatusCode::NO_CONTENT.into_response(),
        Ok((status, body)) => (status, axum::Json(body)).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    if let Some(left) = left {
        tell_left(response.headers_mut(), left);
    }
    response
}

/// The JSON and the files of a body.
fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<(Value, Vec<File>), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if bytes.is_empty() {
        return Ok((Value::Null, Vec::new()));
    }
    let (json, files) = match multipart::read(kind, bytes) {
        Some(parts) => (parts.json.unwrap_or_else(|| "{}".to_owned()), parts.files),
        None => (String::from_utf8_lossy(bytes).into_owned(), Vec::new()),
    };
    let body = serde_json::from_str(&json).map_err(|_| Refusal::Unreadable)?;
    Ok((body, files))
}

fn tell_left(headers: &mut HeaderMap, left: Left) {
    headers.insert("x-ratelimit-limit", HeaderValue::from(left.limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(left.remaining));
    headers.insert("x-ratelimit-bucket", HeaderValue::from_static("messages"));
    if let Ok(value) = HeaderValue::from_str(&format!("{:.3}", left.reset_after.as_secs_f64())) {
        headers.insert("x-ratelimit-reset-after", value);
    }
}

fn id(text: &str, refusal: Refusal) -> Result<u64, Refusal> {
    text.parse().map_err(|_| refusal)
}

fn done() -> Answer {
    Ok((StatusCode::NO_CONTENT, Value::Null))
}

fn told(value: Result<Value, Refusal>) -> Answer {
    value.map(|value| (StatusCode::OK, value))
}

impl Desk {
    /// Whether a token is taken: any, unless one was set.
    pub(super) fn takes(&self, token: Option<&str>) -> bool {
        let token = token.map(|token| token.strip_prefix("Bot ").unwrap_or(token)).unwrap_or_default();
        match &self.token {
            Some(only) => token == only,
            None => !token.trim().is_empty(),
        }
    }

    fn handle(&mut self, call: &Call, path: &str, left: &mut Option<Left>) -> Answer {
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let ["api", version, route @ ..] = segments.as_slice() else { return Err(Refusal::NoRoute) };
        if *version != "v10" {
            return Err(Refusal::NoRoute);
        }
        let line = format!("{} /{}", call.method, route.join("/"));
        self.limits.pass(&line, Instant::now())?;
        // A token in the path speaks for itself.
        let by_path = matches!(route, ["interactions", ..] | ["webhooks", _, _, ..] | ["gateway"]);
        let authorization = call.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bot = authorization.filter(|value| value.starts_with("Bot "));
        if !by_path && !self.takes(bot) {
            return Err(Refusal::Unauthorized);
        }
        match route {
            ["channels", room, rest @ ..] => {
                let room = id(room, Refusal::UnknownChannel)?;
                self.channel(call, room, rest, left)
            }
            ["interactions", ..] | ["webhooks", ..] => self.interaction(call, route),
            _ => self.own(call, route),
        }
    }

    /// What is about the bot itself.
    fn own(&mut self, call: &Call, route: &[&str]) -> Answer {
        match (call.method.as_str(), route) {
            ("GET", ["gateway"]) => told(Ok(json!({"url": socket::address(&call.headers)}))),
            ("GET", ["gateway", "bot"]) => {
                let limit = json!({"total": 1_000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1});
                told(Ok(json!({"url": socket::address(&call.headers), "shards": 1, "session_start_limit": limit})))
            }
            ("GET", ["users", "@me"]) => told(Ok(self.bot_user())),
            ("GET", ["users", who]) => {
                let who = id(who, Refusal::UnknownUser)?;
                let person = self.people.get(&who).ok_or(Refusal::UnknownUser)?;
                told(Ok(render::user(person)))
            }
            ("GET", ["oauth2", "applications", "@me"] | ["applications", "@me"]) => told(Ok(self.application())),
            ("POST", ["users", "@me", "channels"]) => {
                let who = call.body["recipient_id"].as_str().and_then(|who| who.parse().ok());
                let who = who.filter(|who| self.people.contains_key(who) && *who != self.bot);
                let words = "Invalid Recipient(s)".to_owned();
                let who = who.ok_or(Refusal::Form("recipient_id", "INVALID_RECIPIENT", words))?;
                let room = self.direct_room(who);
                told(self.rooms.get(&room).map(|room| self.room_value(room)).ok_or(Refusal::UnknownChannel))
            }
            (method, ["applications", application, "commands"]) if application.parse() == Ok(self.bot) => {
                self.commands(method, &call.body)
            }
            ("GET", ["guilds", guild]) if guild.parse() == Ok(self.guild) => told(Ok(self.guild_value())),
            _ => Err(Refusal::NoRoute),
        }
    }

    fn application(&self) -> Value {
        let bot = self.person(self.bot);
        json!({
            "id": bot.id.to_string(), "name": bot.name, "icon": null, "description": "", "bot_public": false,
            "bot_require_code_grant": false, "verify_key": "", "flags": 1 << 18, "team": null, "rpc_origins": [],
            "owner": render::user(&bot), "summary": "", "bot": render::user(&bot),
        })
    }

    fn commands(&mut self, method: &str, body: &Value) -> Answer {
        match method {
            "GET" => told(Ok(json!(self.commands))),
            "PUT" => {
                let list = body.as_array().ok_or(Refusal::Unreadable)?.clone();
                forms::commands(&list)?;
                let application = self.bot.to_string();
                let given = |desk: &mut Desk, mut command: Value| {
                    let id = desk.next_id().to_string();
                    command["id"] = json!(id);
                    command["version"] = json!(id);
                    command["application_id"] = json!(application);
                    if command["type"].is_null() {
                        command["type"] = json!(1);
                    }
                    command
                };
                let list = list.into_iter().map(|command| given(self, command)).collect();
                self.commands = list;
                told(Ok(json!(self.commands)))
            }
            _ => Err(Refusal::Method),
        }
    }

    fn channel(&mut self, call: &Call, room: u64, rest: &[&str], left: &mut Option<Left>) -> Answer {
        let (body, files) = (&call.body, call.files.as_slice());
        let message = |text: &str| id(text, Refusal::UnknownMessage);
        match (call.method.as_str(), rest) {
            ("GET", []) => {
                self.open(room).or_else(|no| if no == Refusal::UnknownChannel { Err(no) } else { Ok(()) })?;
                told(self.rooms.get(&room).map(|room| self.room_value(room)).ok_or(Refusal::UnknownChannel))
            }
            ("GET", ["messages"]) => told(self.messages(room, &call.query)),
            ("POST", ["messages"]) => {
                self.open(room)?;
                *left = Some(self.limits.message(room, Instant::now())?);
                told(self.say(room, body, files))
            }
            ("GET", ["messages", one]) => {
                self.open(room)?;
                told(self.message(room, message(one)?))
            }
            ("PATCH", ["messages", one]) => {
                self.open(room)?;
                *left = Some(self.limits.message(room, Instant::now())?);
                told(self.edit(room, message(one)?, body, files))
            }
            ("DELETE", ["messages", one]) => {
                self.delete(room, message(one)?)?;
                done()
            }
            ("POST", ["typing"]) => {
                self.open(room)?;
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.typing += 1;
                }
                done()
            }
            _ => Err(Refusal::NoRoute),
        }
    }

    fn interaction(&mut self, call: &Call, route: &[&str]) -> Answer {
        let (body, files) = (&call.body, call.files.as_slice());
        let application = |text: &str| id(text, Refusal::UnknownWebhook);
        match (call.method.as_str(), route) {
            ("POST", ["interactions", one, token, "callback"]) => {
                self.answer(id(one, Refusal::UnknownInteraction)?, token, body, files)?;
                done()
            }
            ("POST", ["webhooks", app, token]) => told(self.follow_up(application(app)?, token, body, files)),
            ("PATCH", ["webhooks", app, token, "messages", which]) => {
                told(self.edit_original(application(app)?, token, which, body, files))
            }
            ("GET", ["webhooks", app, token, "messages", "@original"]) => told(self.original(application(app)?, token)),
            ("DELETE", ["webhooks", app, token, "messages", "@original"]) => {
                self.delete_original(application(app)?, token)?;
                done()
            }
            _ => Err(Refusal::NoRoute),
        }
    }
}
