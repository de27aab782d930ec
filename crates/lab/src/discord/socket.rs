//! The gateway's socket, version 10, JSON: hello, identify or resume, heartbeats, events.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::any;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::sessions::{INTENTS, Order};
use crate::Lab;

/// The address of the socket, below the host.
const PATH: &str = "/discord/gateway";

/// The socket's route; not behind the gate, for faults and outages are about requests.
pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new().route(PATH, any(open)).route("/discord/gateway/", any(open))
}

/// The socket's address for whoever asked with these headers.
pub(super) fn address(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    format!("ws://{host}{PATH}")
}

async fn open(State(lab): State<Arc<Lab>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let url = address(&headers);
    upgrade.on_upgrade(move |socket| async move { Connection::new(lab, url).serve(socket).await })
}

struct Connection {
    lab: Arc<Lab>,
    url: String,
    number: u64,
    known: bool,
    orders: UnboundedReceiver<Order>,
    sender: UnboundedSender<Order>,
}

/// What is to be done after something was received.
enum Next {
    Nothing,
    Send(Value),
    Close(u16, &'static str),
}

impl Connection {
    fn new(lab: Arc<Lab>, url: String) -> Self {
        let (sender, orders) = unbounded_channel();
        let number = {
            let mut desk = lab.discord();
            desk.connections += 1;
            desk.connections
        };
        Self { lab, url, number, known: false, orders, sender }
    }

    async fn serve(mut self, mut socket: WebSocket) {
        let heartbeat_ms = self.lab.discord().heartbeat_ms;
        let hello = json!({"op": 10, "s": null, "t": null, "d": {"heartbeat_interval": heartbeat_ms, "_trace": []}});
        let mut farewell = false;
        if send(&mut socket, &hello).await {
            farewell = self.talk(&mut socket).await;
        }
        self.lab.discord().gone(self.number, farewell);
    }

    /// Until the end; whether the client said good-bye.
    async fn talk(&mut self, socket: &mut WebSocket) -> bool {
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Send(value)) => if !send(socket, &value).await { return false },
                    Some(Order::Close(code)) => { close(socket, code, "").await; return false }
                    Some(Order::Drop) | None => return false,
                },
                frame = socket.recv() => match frame {
                    Some(Ok(Message::Text(text))) => match self.heard(&text) {
                        Next::Nothing => {}
                        Next::Send(value) => if !send(socket, &value).await { return false },
                        Next::Close(code, reason) => { close(socket, code, reason).await; return false }
                    },
                    Some(Ok(Message::Close(frame))) => {
                        return frame.is_some_and(|frame| matches!(frame.code, 1_000 | 1_001));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return false,
                },
            }
        }
    }

    fn heard(&mut self, text: &str) -> Next {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Next::Close(4_002, "Error while decoding payload.");
        };
        match value["op"].as_u64() {
            Some(1) if self.lab.discord().deaf => Next::Nothing,
            Some(1) => Next::Send(json!({"op": 11, "s": null, "t": null, "d": null})),
            Some(2 | 6) if self.known => Next::Close(4_005, "Already authenticated."),
            Some(2 | 6) if self.unanswered() => Next::Nothing,
            Some(2) => self.identify(&value["d"]),
            Some(6) => self.resume(&value["d"]),
            Some(3 | 4 | 8 | 31) if self.known => Next::Nothing,
            Some(3 | 4 | 8 | 31) => Next::Close(4_003, "Not authenticated."),
            _ => Next::Close(4_001, "Unknown opcode."),
        }
    }

    fn unanswered(&self) -> bool {
        let mut desk = self.lab.discord();
        let mute = desk.mute > 0;
        desk.mute = desk.mute.saturating_sub(1);
        mute
    }

    fn identify(&mut self, data: &Value) -> Next {
        let mut desk = self.lab.discord();
        if !desk.takes(data["token"].as_str()) {
            return Next::Close(4_004, "Authentication failed.");
        }
        let Some(intents) = data["intents"].as_u64().filter(|intents| intents & !INTENTS == 0) else {
            return Next::Close(4_013, "Invalid intent(s).");
        };
        if !data["properties"].is_object() {
            return Next::Close(4_002, "Error while decoding payload.");
        }
        self.known = true;
        desk.identify(intents, self.number, self.sender.clone(), &self.url);
        Next::Nothing
    }

    fn resume(&mut self, data: &Value) -> Next {
        let mut desk = self.lab.discord();
        if !desk.takes(data["token"].as_str()) {
            return Next::Close(4_004, "Authentication failed.");
        }
        let (id, seq) = (data["session_id"].as_str().unwrap_or_default(), data["seq"].as_u64().unwrap_or(u64::MAX));
        self.known = desk.resume(id, seq, self.number, self.sender.clone());
        if self.known { Next::Nothing } else { Next::Send(json!({"op": 9, "s": null, "t": null, "d": false})) }
    }
}

async fn send(socket: &mut WebSocket, value: &Value) -> bool {
    socket.send(Message::Text(Utf8Bytes::from(value.to_string()))).await.is_ok()
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    // The client may be gone already.
    let _ = socket.send(Message::Close(Some(frame))).await;
}
