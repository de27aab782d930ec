//! Wakeman in Telegram: updates in, rendered deliveries out.
//!
//! Owns: the Bot API's calls, its own poll loop, which update means what was said, the pace in a chat, edits of one message as it grows.
//! Must not: decide anything, word anything, or keep anything that has to last; that is the gateway's.
//! Types and methods are teloxide's; its dispatcher and client are not used. The one acknowledges an update before it is kept, the
//! other sleeps ten seconds on every 5xx and hides which answers leave it open whether a message went out.
//! Start at [`run`].
#![warn(missing_docs)]

mod api;
mod budget;
mod chat;
mod clock;
mod deliver;
mod inbound;
mod live;
mod poll;
mod render;
mod sending;
mod start;
mod worker;

use std::future::Future;
use std::sync::Arc;

use chrono_tz::Tz;
use secrecy::SecretString;
use tokio::task::JoinSet;
use wakeman_types::Frontend;

pub use clock::{Clock, SystemClock};

use crate::api::Api;
use crate::sending::Sending;
use crate::worker::Chats;

/// Telegram's own address.
const API_URL: &str = "https://api.telegram.org";

/// What the adapter is built from.
#[derive(Debug, Clone)]
pub struct TelegramOptions {
    /// The bot's token, from BotFather.
    pub token: SecretString,
    /// Where the Bot API is, if not at Telegram's own address.
    pub api_url: Option<String>,
    /// The zone that times are told in.
    pub zone: Tz,
    /// How long a poll is held, in seconds, 0–50.
    pub poll_seconds: u32,
}

impl TelegramOptions {
    /// Telegram's own address, UTC, polls of 25 seconds.
    pub fn new(token: SecretString) -> Self {
        Self { token, api_url: None, zone: Tz::UTC, poll_seconds: 25 }
    }
}

/// Why the adapter ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum TelegramError {
    /// Telegram does not know the token.
    #[error("Telegram refuses the bot's token ({detail}); copy it again from @BotFather into TELEGRAM_BOT_TOKEN")]
    Token {
        /// What Telegram says.
        detail: String,
    },
    /// The address is none.
    #[error("TELEGRAM_API_URL: \"{0}\" is not an address; write it like https://api.telegram.org")]
    Address(String),
    /// The HTTP client could not be made.
    #[error(
        "the HTTP client could not be set up ({0}); install the system's certificates, e.g. `apt install ca-certificates`"
    )]
    Client(String),
    /// A part of it broke.
    #[error("the Telegram adapter broke ({0}); it is started again")]
    Broken(String),
}

/// What all parts need.
struct Context {
    api: Api,
    gateway: Arc<dyn Frontend>,
    clock: Arc<dyn Clock>,
    options: TelegramOptions,
    sending: Sending,
}

/// Serves one bot until `stop` is ready. What is being sent then is finished first.
///
/// # Errors
/// [`TelegramError`]: nothing that time alone mends, so whoever supervises it should wait before starting it again.
pub async fn run(
    options: TelegramOptions,
    gateway: Arc<dyn Frontend>,
    clock: Arc<dyn Clock>,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), TelegramError> {
    let api = Api::new(&options)?;
    let context = Arc::new(Context { api, gateway, clock, options, sending: Sending::default() });
    tokio::pin!(stop);
    let me = tokio::select! {
        () = &mut stop => return Ok(()),
        me = start::introduce(&context) => me?,
    };
    let chats = Chats::new(&context);
    let mut parts = JoinSet::new();
    parts.spawn(poll::poll(Arc::clone(&context), me, chats.presses()));
    parts.spawn(deliver::deliver(Arc::clone(&context), Arc::clone(&chats)));
    parts.spawn(live::live(Arc::clone(&context), Arc::clone(&chats)));
    let ended = tokio::select! {
        () = &mut stop => Ok(()),
        ended = parts.join_next() => Err(match ended {
            Some(Ok(error)) => error,
            Some(Err(error)) => TelegramError::Broken(error.to_string()),
            None => TelegramError::Broken("nothing ran".to_owned()),
        }),
    };
    parts.shutdown().await;
    chats.finish().await;
    ended
}
