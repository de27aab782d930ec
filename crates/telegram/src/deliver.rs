//! Claims what is owed and hands it to the chats.

use std::sync::Arc;

use wakeman_types::Channel;

use crate::start::pause_ms;
use crate::worker::{Chats, Job};
use crate::{Context, TelegramError};

/// For how long a message is ours, in milliseconds. What is in doubt is told again after this, and its chat waits as long.
const LEASE_MS: i64 = 40_000;
/// How long to wait for something to be owed, in milliseconds.
const WAIT_MS: i64 = 30_000;
/// Messages claimed and not confirmed, over all chats.
const CLAIMED_MAX: u32 = 48;

/// Delivers for ever.
pub(crate) async fn deliver(context: Arc<Context>, chats: Arc<Chats>) -> TelegramError {
    let mut failures = 0;
    let mut idle = 0;
    loop {
        chats.well().await;
        let room = chats.room(CLAIMED_MAX).await;
        let claimed = context.gateway.claim_deliveries(Channel::Telegram, LEASE_MS, room).await;
        let waited = match claimed {
            Ok(claimed) if claimed.is_empty() => context.gateway.deliveries_ready(Channel::Telegram, WAIT_MS).await,
            Ok(claimed) => {
                (failures, idle) = (0, 0);
                let until = context.clock.now().plus_ms(LEASE_MS);
                for delivery in claimed {
                    let chat = delivery.delivery.chat.clone();
                    chats.send(&chat, Job::Deliver { claimed: Box::new(delivery), until });
                }
                continue;
            }
            Err(error) => Err(error),
        };
        match waited {
            Ok(()) => {
                (failures, idle) = (0, idle + 1);
                // Something was to be had, and it was not: somebody else has it, or it is not yet time.
                if idle > 2 {
                    context.clock.sleep(200).await;
                }
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(%error, "telegram.nothing_claimed");
                context.clock.sleep(pause_ms(failures)).await;
            }
        }
    }
}
