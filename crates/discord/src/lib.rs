//! Discord: what people say and press there goes in, what is owed to them goes out.
//!
//! Owns: the socket with its session, the inbox that hands events to the gateway in their order, sending and editing within Discord's
//! limits, what a message looks like there.
//! Must not: decide anything, word anything, see more than `types` and `present`.
//! Types and builders are serenity's; the socket and the requests are ours, because the session must be stored with what it brought
//! and the wait that a 429 asks for must be known (ADR 5).
//! Start at [`run`]; `inbox` for what comes in, `deliver` and `live` for what goes out.
#![warn(missing_docs)]

mod backoff;
mod body;
mod chats;
mod checkpoint;
mod commands;
mod deliver;
mod events;
mod health;
mod inbox;
mod interactions;
mod live;
mod pace;
mod post;
mod rest;
mod socket;
mod stream;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono_tz::Tz;
use secrecy::SecretString;
use wakeman_types::{Frontend, GatewayError, Stuck, Timestamp};

use chats::Chats;
use health::Health;
use rest::{Rest, RestError};

/// Where Discord is, unless told otherwise.
pub const DISCORD_URL: &str = "https://discord.com";

/// What the adapter needs to know.
#[derive(Clone)]
pub struct DiscordOptions {
    /// The bot's token.
    pub token: SecretString,
    /// What stands before `/api/v10`; `None`: Discord itself.
    pub api_url: Option<String>,
    /// The zone that times are told in.
    pub zone: Tz,
    /// What time it is.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// A number from 0 to 1 by chance, so that clients that lost their connection together do not come back together.
    pub chance: Arc<dyn Fn() -> f64 + Send + Sync>,
    /// How long things take.
    pub pace: Pace,
}

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Before the first new try, doubled with each further one up to a minute.
    pub retry: Duration,
    /// For the connection, and then for the session to be taken up.
    pub open: Duration,
    /// Between two heartbeats at least, whatever Discord asks for.
    pub beat: Duration,
    /// Between two requests for messages, when many chats are owed some: Discord takes 50 a second.
    pub every: Duration,
    /// Between two edits of one growing answer.
    pub edit: Duration,
    /// How long a delivery is ours alone.
    pub lease: Duration,
    /// Between two reports of health when nothing changes.
    pub report: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry: Duration::from_secs(1),
            open: Duration::from_secs(20),
            beat: Duration::from_secs(1),
            every: Duration::from_millis(25),
            edit: Duration::from_millis(1_200),
            lease: Duration::from_secs(30),
            report: Duration::from_secs(20),
        }
    }
}

/// Why the adapter ends.
#[derive(Debug, thiserror::Error)]
pub enum DiscordError {
    /// Discord does not take the token.
    #[error("Discord refuses the token; put a valid one into DISCORD_BOT_TOKEN")]
    Token,
    /// Discord refuses the connection for good.
    #[error("Discord closed the connection with code {0}; check the bot's settings in the developer portal")]
    Refused(u16),
    /// The address is none.
    #[error("{0:?} is not an address of Discord; write DISCORD_API_URL like \"https://discord.com\"")]
    Address(String),
    /// No client could be made.
    #[error("no HTTP client could be made; check the certificates of this machine")]
    Client(#[source] reqwest::Error),
    /// The gateway does not answer.
    #[error("what came from Discord could not be stored: {0}")]
    Gateway(#[from] GatewayError),
}

/// What the parts of the adapter share.
pub(crate) struct Adapter {
    pub(crate) options: DiscordOptions,
    pub(crate) gateway: Arc<dyn Frontend>,
    pub(crate) rest: Arc<Rest>,
    pub(crate) chats: Chats,
    pub(crate) health: Health,
    pub(crate) stuck: Mutex<Stuck>,
}

/// Serves Discord until `stop` is ready. What was begun is in the gateway's hands; a new call goes on where this one ended.
///
/// # Errors
/// [`DiscordError`] for what no further try can mend; everything else is tried again with growing waits.
pub async fn run(
    options: DiscordOptions,
    gateway: Arc<dyn Frontend>,
    stop: impl Future<Output = ()>,
) -> Result<(), DiscordError> {
    let rest = Arc::new(Rest::new(&options)?);
    let (chats, health, stuck) = (Chats::default(), Health::default(), Mutex::default());
    let adapter = Arc::new(Adapter { options, gateway, rest, chats, health, stuck });
    let work = async {
        let me = introduce(&adapter).await?;
        // Until Discord says otherwise: a session that is taken up again never does.
        adapter.chats.set_application(me);
        let (sender, receiver) = tokio::sync::mpsc::channel(inbox::QUEUE);
        tokio::try_join!(
            socket::serve(&adapter, me, sender),
            inbox::serve(&adapter, me, receiver),
            commands::serve(&adapter),
            deliver::serve(&adapter),
            live::serve(&adapter),
        )?;
        Ok::<(), DiscordError>(())
    };
    let result = tokio::select! {
        result = work => result,
        () = health::serve(&adapter) => Ok(()),
        () = stop => Ok(()),
    };
    if let Err(error) = &result {
        adapter.health.broken(&error.to_string());
        health::report(&adapter).await;
    }
    result
}

/// Who the bot is; asked until Discord answers.
async fn introduce(adapter: &Adapter) -> Result<u64, DiscordError> {
    let mut tries = backoff::Backoff::new(&adapter.options);
    loop {
        match adapter.rest.me().await {
            Ok(id) => return Ok(id),
            Err(RestError::Token) => return Err(DiscordError::Token),
            Err(error) => {
                tracing::warn!(%error, "discord: no answer to who we are");
                adapter.health.broken(&error.to_string());
                tries.wait(error.retry_after()).await;
            }
        }
    }
}
