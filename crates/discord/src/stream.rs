//! The socket's connection: a request that is upgraded, then frames of JSON.

use futures::{SinkExt, StreamExt};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Client, StatusCode, Upgraded, Url};
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

/// Whether the token may be told to the socket at `url`. `gateway` is the address that Discord gave as its socket's, `api` is where we
/// ask: it has to be the host of the latter or one within it, or one beside the former, `gateway-eu.discord.gg` for
/// `gateway.discord.gg`; and unencrypted only where we ask so too.
pub(crate) fn may_know_us(url: &str, gateway: Option<&str>, api: &str) -> bool {
    let (Ok(url), Ok(api)) = (Url::parse(url), Url::parse(api)) else { return false };
    let encrypted = url.scheme() == "wss" || url.scheme() == "ws" && api.scheme() == "http";
    let Some(host) = url.host_str().filter(|_| encrypted && url.username().is_empty() && url.password().is_none())
    else {
        return false;
    };
    let within = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let beside = |gateway: Url| gateway.host_str().is_some_and(|gateway| within(domain_of(gateway)));
    api.host_str().is_some_and(within) || gateway.and_then(|gateway| Url::parse(gateway).ok()).is_some_and(beside)
}

/// Whether the socket's address itself is as encrypted as where we ask.
pub(crate) fn is_as_safe(gateway: &str, api: &str) -> bool {
    may_know_us(gateway, Some(gateway), api)
}

/// The domain a host stands in: without its first part, where two more are left. An address in numbers is its own.
fn domain_of(host: &str) -> &str {
    let numbers = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    match host.split_once('.') {
        Some((_, domain)) if !numbers && domain.contains('.') => domain,
        _ => host,
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
    fn the_token_is_told_to_discord_only() {
        let (gateway, api, lab) =
            ("wss://gateway.discord.gg", "https://discord.com/api/v10", "http://127.0.0.1:9/discord");
        for (url, gateway, api, may) in [
            ("wss://gateway.discord.gg", Some(gateway), api, true),
            ("wss://gateway-us-east1-b.discord.gg/", Some(gateway), api, true),
            ("wss://discord.com", None, api, true),
            ("wss://gateway.discord.com", None, api, true),
            ("wss://gateway.discord.gg", None, api, false),
            ("ws://gateway.discord.gg", Some(gateway), api, false),
            ("https://gateway.discord.gg", Some(gateway), api, false),
            ("wss://gateway.discord.gg.example", Some(gateway), api, false),
            ("wss://evildiscord.gg", Some(gateway), api, false),
            ("wss://gateway.discord.gg@evil.example", Some(gateway), api, false),
            ("wss://evil.example/gateway.discord.gg", Some(gateway), api, false),
            ("wss://evil.gg", Some("wss://discord.gg"), api, false),
            ("ws://127.0.0.1:9/discord/gateway", None, lab, true),
            ("ws://1.0.0.1", Some("ws://127.0.0.1"), lab, false),
            ("ws://evil.example", Some("ws://127.0.0.1"), lab, false),
            ("", Some(gateway), api, false),
        ] {
            assert_eq!(may_know_us(url, gateway, api), may, "{url} {gateway:?} {api}");
        }
        assert!(is_as_safe(gateway, api) && !is_as_safe("ws://gateway.discord.gg", api) && !is_as_safe("discord", api));
    }

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
