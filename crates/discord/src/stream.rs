//! The socket's connection: a request that is upgraded, then frames of JSON.

use futures::{SinkExt, StreamExt};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Client, StatusCode, Upgraded};
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// The largest event that is taken: a guild with thousands of channels is below it.
const FRAME_BYTES_MAX: usize = 16 << 20;

/// Why a connection cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the socket cannot be reached")]
    Http(#[source] reqwest::Error),
    #[error("the socket answers {0} instead of opening")]
    Answer(StatusCode),
}

/// What arrives.
#[derive(Debug)]
pub(crate) enum Frame {
    Payload(Value),
    /// The end, with Discord's code if it gave one.
    Closed(Option<u16>),
}

/// An open connection.
pub(crate) struct Stream(WebSocketStream<Upgraded>);

impl Stream {
    pub(crate) async fn open(http: &Client, url: &str) -> Result<Self, OpenError> {
        let key = generate_key();
        let request = http.get(address(url)).header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
        let request = request.header(SEC_WEBSOCKET_VERSION, "13").header(SEC_WEBSOCKET_KEY, &key);
        let response = request.send().await.map_err(|error| OpenError::Http(error.without_url()))?;
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(|accept| accept.as_bytes().to_owned());
        let ours = derive_accept_key(key.as_bytes());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || accepted.as_deref() != Some(ours.as_bytes()) {
            return Err(OpenError::Answer(response.status()));
        }
        let upgraded = response.upgrade().await.map_err(|error| OpenError::Http(error.without_url()))?;
        let config = WebSocketConfig::default().max_message_size(Some(FRAME_BYTES_MAX));
        Ok(Self(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await))
    }

    pub(crate) async fn next(&mut self) -> Frame {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(value) => return Frame::Payload(value),
                    Err(error) => tracing::warn!(%error, bytes = text.len(), "discord: a frame is not JSON"),
                },
                Some(Ok(Message::Close(frame))) => return Frame::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::debug!(%error, "discord: the socket broke");
                    return Frame::Closed(None);
                }
                None => return Frame::Closed(None),
            }
        }
    }

    /// Whether it went out.
    pub(crate) async fn send(&mut self, value: &Value) -> bool {
        self.0.send(Message::Text(Utf8Bytes::from(value.to_string()))).await.is_ok()
    }

    /// Closes so that the session can be taken up again: 1000 and 1001 would end it.
    pub(crate) async fn leave(&mut self) {
        let frame = CloseFrame { code: 4_900.into(), reason: Utf8Bytes::from_static("") };
        // It may be broken already.
        let _ = self.0.send(Message::Close(Some(frame))).await;
    }
}

/// `wss://host` as the request that opens it.
fn address(url: &str) -> String {
    let http = url.replacen("ws", "http", 1);
    let whole = http.trim_end_matches('/');
    format!("{whole}/?v=10&encoding=json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sockets_address_is_a_request() {
        for url in ["wss://gateway.discord.gg", "wss://gateway.discord.gg/"] {
            assert_eq!(address(url), "https://gateway.discord.gg/?v=10&encoding=json");
        }
        assert_eq!(
            address("ws://127.0.0.1:9/discord/gateway"),
            "http://127.0.0.1:9/discord/gateway/?v=10&encoding=json"
        );
    }
}
