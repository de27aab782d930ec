//! The socket's session: identify, heartbeats, resume, and coming back after every kind of end.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::checkpoint::{Checkpoint, Session};
use crate::inbox::Told;
use crate::interactions;
use crate::rest::RestError;
use crate::stream::{Frame, Stream, is_as_safe, may_know_us};
use crate::{Adapter, DiscordError};

/// Guilds, their messages and reactions, direct messages and reactions there.
const INTENTS: u64 = 1 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13;
/// What is said to others; the bot's owner has to allow it.
const MESSAGE_CONTENT: u64 = 1 << 15;
/// Between two heartbeats at most, whatever Discord asks for.
const BEAT_MAX: Duration = Duration::from_secs(300);
/// Failed resumes, after which a new session is begun.
const RESUMES_MAX: u32 = 5;

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The session goes on.
    Resume,
    /// It is over; a new one, after a moment.
    Identify,
    /// The content of messages is not for us.
    NoContent,
    Token,
    Refused(u16),
}

/// What Discord's code says of what can be done next.
fn end_of(code: Option<u16>) -> End {
    match code {
        Some(4_004) => End::Token,
        Some(4_003 | 4_007 | 4_009) => End::Identify,
        Some(4_014) => End::NoContent,
        Some(code @ (4_010..=4_013)) => End::Refused(code),
        _ => End::Resume,
    }
}

/// Stays connected for ever.
pub(crate) async fn serve(adapter: &Adapter, me: u64, inbox: Sender<Told>) -> Result<(), DiscordError> {
    let left = adapter.gateway.checkpoint(wakeman_types::Channel::Discord).await?;
    let mut socket = Socket {
        adapter,
        inbox,
        session: Checkpoint::read(left.as_deref()).session,
        gateway: None,
        intents: INTENTS | MESSAGE_CONTENT,
        me,
        alive: false,
    };
    let mut tries = Backoff::new(&adapter.options);
    loop {
        let end = socket.connect().await;
        if socket.alive {
            tries.reset();
            socket.alive = false;
        }
        tracing::info!(?end, "discord: the connection ended");
        match end {
            End::Token => return Err(DiscordError::Token),
            End::Refused(code) => return Err(DiscordError::Refused(code)),
            End::NoContent if socket.intents & MESSAGE_CONTENT == 0 => return Err(DiscordError::Refused(4_014)),
            End::NoContent => {
                tracing::warn!("discord: the bot may not read messages; it hears direct messages and mentions only");
                socket.intents = INTENTS;
                socket.session = None;
            }
            End::Identify => socket.session = None,
            End::Resume if tries.tries() >= RESUMES_MAX => socket.session = None,
            End::Resume => {}
        }
        if tries.tries() > 0 {
            adapter.health.broken("Discord cannot be reached");
        }
        tries.wait(None).await;
    }
}

struct Socket<'a> {
    adapter: &'a Adapter,
    inbox: Sender<Told>,
    session: Option<Session>,
    /// The address of the socket, as Discord gave it last.
    gateway: Option<String>,
    intents: u64,
    me: u64,
    /// A session was begun or taken up on this connection.
    alive: bool,
}

/// When the next heartbeat is due, and whether the last one was answered.
struct Pulse {
    interval: Duration,
    due: Instant,
    acknowledged: bool,
}

/// How often a heartbeat goes out: as Discord asks, within reason.
fn every(asked_ms: u64, least: Duration) -> Duration {
    Duration::from_millis(asked_ms).max(least).min(BEAT_MAX)
}

impl Socket<'_> {
    /// Where to connect to: where the session goes on, or where a new one is begun. Whoever is there is told the token.
    async fn address(&mut self) -> Result<String, End> {
        let api = self.adapter.rest.base();
        let known = |url: &str, gateway: Option<&str>| may_know_us(url, gateway, api);
        if let Some(session) = self.session.as_ref().filter(|session| known(&session.url, self.gateway.as_deref())) {
            return Ok(session.url.clone());
        }
        let gateway = match self.adapter.rest.gateway().await {
            Ok(url) if is_as_safe(&url, api) => url,
            Ok(_) => {
                tracing::warn!("discord: the address of the socket is none that is encrypted");
                return Err(End::Resume);
            }
            Err(RestError::Token) => return Err(End::Token),
            Err(error) => {
                tracing::warn!(%error, "discord: no address of the socket");
                return Err(End::Resume);
            }
        };
        self.gateway = Some(gateway.clone());
        if self.session.take_if(|session| !known(&session.url, Some(gateway.as_str()))).is_some() {
            tracing::warn!("discord: the session goes on at an address that is not Discord's; a new one is begun");
        }
        Ok(self.session.as_ref().map_or(gateway, |session| session.url.clone()))
    }

    async fn open(&mut self) -> Result<Stream, End> {
        let url = self.address().await?;
        match tokio::time::timeout(self.adapter.options.pace.open, Stream::open(self.adapter.rest.socket(), &url)).await
        {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => {
                tracing::warn!(%error, "discord: the socket does not open");
                Err(End::Resume)
            }
            Err(_) => Err(End::Resume),
        }
    }

    /// One connection, from its opening to its end.
    async fn connect(&mut self) -> End {
        let mut stream = match self.open().await {
            Ok(stream) => stream,
            Err(end) => return end,
        };
        let open = self.adapter.options.pace.open;
        let Ok(Frame::Payload(hello)) = tokio::time::timeout(open, stream.next()).await else { return End::Resume };
        let Some(interval) = hello["d"]["heartbeat_interval"].as_u64().filter(|_| hello["op"] == 10) else {
            return End::Resume;
        };
        let interval = every(interval, self.adapter.options.pace.beat);
        if !stream.send(&self.greeting()).await {
            return End::Resume;
        }
        // The first heartbeat at a moment by chance, so that clients do not beat together.
        let first = interval.mul_f64((self.adapter.options.chance)().clamp(0.0, 1.0));
        let mut pulse = Pulse { interval, due: Instant::now() + first, acknowledged: true };
        self.listen(&mut stream, &mut pulse).await
    }

    fn greeting(&self) -> Value {
        let token = self.adapter.rest.token().expose_secret();
        match &self.session {
            Some(session) => json!({"op": 6, "d": {"token": token, "session_id": session.id, "seq": session.seq}}),
            None => json!({"op": 2, "d": {
                "token": token, "intents": self.intents, "compress": false, "large_threshold": 50,
                "properties": {"os": std::env::consts::OS, "browser": "wakeman", "device": "wakeman"},
            }}),
        }
    }

    async fn listen(&mut self, stream: &mut Stream, pulse: &mut Pulse) -> End {
        let inbox = self.inbox.clone();
        let open = self.adapter.options.pace.open;
        let mut taken_up_by = Instant::now() + open;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(pulse.due) => {
                    if !pulse.acknowledged {
                        self.adapter.health.broken(crate::health::SILENT);
                        stream.leave().await;
                        return End::Resume;
                    }
                    if !self.beat(stream, pulse).await {
                        return End::Resume;
                    }
                }
                // Nothing is read that there is no room for; heartbeats go on meanwhile.
                room = inbox.reserve() => {
                    let Ok(room) = room else { return End::Resume };
                    let frame = tokio::select! {
                        biased;
                        frame = stream.next() => frame,
                        () = tokio::time::sleep_until(pulse.due) => continue,
                        () = tokio::time::sleep_until(taken_up_by), if !self.alive => {
                            self.adapter.health.broken("Discord does not take up the session");
                            stream.leave().await;
                            return End::Resume;
                        }
                    };
                    if matches!(&frame, Frame::Payload(payload) if payload["op"] == 0) {
                        // What was missed is told before the session counts as taken up.
                        taken_up_by = Instant::now() + open;
                    }
                    match self.heard(frame, stream, pulse).await {
                        Ok(Some(told)) => room.send(told),
                        Ok(None) => {}
                        Err(end) => return end,
                    }
                }
            }
        }
    }

    /// Only a session that Discord took up is a sign of life.
    fn beats(&self, pulse: &Pulse) {
        if self.alive {
            self.adapter.health.beat(pulse.interval);
        }
    }

    async fn beat(&self, stream: &mut Stream, pulse: &mut Pulse) -> bool {
        pulse.due = Instant::now() + pulse.interval;
        pulse.acknowledged = false;
        let seq = self.session.as_ref().map(|session| session.seq);
        stream.send(&json!({"op": 1, "d": seq})).await
    }

    async fn heard(&mut self, frame: Frame, stream: &mut Stream, pulse: &mut Pulse) -> Result<Option<Told>, End> {
        let payload = match frame {
            Frame::Payload(payload) => payload,
            Frame::Closed(code) => return Err(end_of(code)),
        };
        match payload["op"].as_u64() {
            Some(0) => {
                let told = self.event(payload);
                self.beats(pulse);
                Ok(told)
            }
            Some(1) => {
                if self.beat(stream, pulse).await {
                    Ok(None)
                } else {
                    Err(End::Resume)
                }
            }
            Some(7) => {
                stream.leave().await;
                Err(End::Resume)
            }
            Some(9) => Err(if payload["d"] == true { End::Resume } else { End::Identify }),
            Some(11) => {
                pulse.acknowledged = true;
                self.beats(pulse);
                Ok(None)
            }
            op => {
                tracing::info!(?op, "discord: an operation that is not known");
                Ok(None)
            }
        }
    }

    fn event(&mut self, mut payload: Value) -> Option<Told> {
        let kind = payload["t"].as_str().unwrap_or_default().to_owned();
        let data = payload["d"].take();
        let seq = payload["s"].as_u64();
        if kind == "READY" {
            return self.ready(&data, seq.unwrap_or(0));
        }
        let session = self.session.as_mut()?;
        session.seq = seq.unwrap_or(session.seq).max(session.seq);
        let seq = session.seq;
        match kind.as_str() {
            "RESUMED" => {
                self.alive = true;
                None
            }
            "INTERACTION_CREATE" => {
                // First of all: whoever pressed is told within three seconds that it was heard.
                interactions::acknowledge(self.adapter, &data);
                Some(Told::Event { kind, data, seq, session: session.id.clone(), heard: Instant::now() })
            }
            _ => Some(Told::Event { kind, data, seq, session: session.id.clone(), heard: Instant::now() }),
        }
    }

    fn ready(&mut self, data: &Value, seq: u64) -> Option<Told> {
        let id = data["session_id"].as_str()?.to_owned();
        let url = data["resume_gateway_url"].as_str()?.to_owned();
        let application = data["application"]["id"].as_str().and_then(|id| id.parse().ok());
        self.adapter.chats.set_application(application.unwrap_or(self.me));
        self.alive = true;
        let session = Session { id, url, seq };
        self.session = Some(session.clone());
        Some(Told::Begun { session })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_keep_a_pace_whatever_is_asked_for() {
        let second = Duration::from_secs(1);
        for (asked_ms, seconds) in
            [(0, 1), (1, 1), (1_000, 1), (41_250, 41), (400_000, 300), (1 << 63, 300), (u64::MAX, 300)]
        {
            assert_eq!(every(asked_ms, second).as_secs(), seconds, "{asked_ms}");
        }
    }

    #[test]
    fn every_close_code_says_what_comes_next() {
        for (code, want) in [
            (None, End::Resume),
            (Some(1_000), End::Resume),
            (Some(1_006), End::Resume),
            (Some(4_000), End::Resume),
            (Some(4_001), End::Resume),
            (Some(4_002), End::Resume),
            (Some(4_003), End::Identify),
            (Some(4_004), End::Token),
            (Some(4_005), End::Resume),
            (Some(4_007), End::Identify),
            (Some(4_008), End::Resume),
            (Some(4_009), End::Identify),
            (Some(4_010), End::Refused(4_010)),
            (Some(4_013), End::Refused(4_013)),
            (Some(4_014), End::NoContent),
        ] {
            assert_eq!(end_of(code), want, "{code:?}");
        }
    }
}
