//! Taking what a platform told.

use std::collections::BTreeSet;

use serde_json::Value;
use wakeman_store::{Commit, Version, crash};
use wakeman_types::{Accepted, Channel, ErrorKind, GatewayError, Inbound};

use super::{InboundRow, InboundState, row::place};
use crate::{
    core::Core,
    desk::{settle_error, storage_error},
    settle::{SettleError, Wanted, settle},
};

/// Most of a batch.
const BATCH_MAX: usize = 1_000;
/// Longest id, chat or reference, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Where a platform's offset is kept.
fn offset_name(channel: Channel) -> String {
    format!("frontend:{channel}")
}

/// Stores what is new of `batch`, with the platform's offset, in one durable commit. An id that was taken before is not taken again.
///
/// # Errors
/// [`ErrorKind::Invalid`] for what no platform sends; nothing was stored then. Storage errors.
pub async fn accept(
    core: &Core,
    channel: Channel,
    batch: Vec<Inbound>,
    checkpoint: Option<String>,
) -> Result<Accepted, GatewayError> {
    check(channel, &batch)?;
    // What comes twice is rare: only a commit that was refused asks which of them are there already.
    let mut repeats = false;
    let accepted: Result<Accepted, SettleError> = settle!(core, "the inbox", async {
        let repeats = std::mem::replace(&mut repeats, true);
        let (mut accepted, mut taken) = (Accepted::default(), BTreeSet::new());
        let mut commit = Commit::durable(core.now());
        commit.essential = batch.iter().any(InboundRow::is_essential);
        for inbound in &batch {
            let id = InboundRow::row_id(channel, &inbound.id);
            let known = taken.contains(&id) || (repeats && core.store.get::<InboundRow>(&id).await?.is_some());
            taken.insert(id);
            if known {
                accepted.repeated += 1;
                continue;
            }
            accepted.new += 1;
            let row = InboundRow {
                channel,
                order: core.surfaces.order(core.now()),
                inbound: inbound.clone(),
                state: InboundState::Received,
                detail: String::new(),
                received_at: core.now(),
                ended_at: None,
            };
            commit = commit.replace(&row, Version::ABSENT);
        }
        if let Some(position) = &checkpoint {
            commit = commit.checkpoint(offset_name(channel), Value::String(position.clone()));
        } else if accepted.new == 0 {
            return Ok(Wanted::Nothing(accepted));
        }
        if accepted.new > 0 {
            crash::reach("inbound.accepted.before");
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), accepted))
    });
    let accepted = accepted.map_err(|error| settle_error(&error))?;
    if accepted.new > 0 {
        crash::reach("inbound.accepted.after");
        core.surfaces.arrived_in(batch.iter().map(|inbound| place(channel, &inbound.chat)));
    }
    Ok(accepted)
}

fn check(channel: Channel, batch: &[Inbound]) -> Result<(), GatewayError> {
    let invalid = |message: String| Err(GatewayError::new(ErrorKind::Invalid, message));
    if matches!(channel, Channel::System | Channel::Cli | Channel::Api) {
        return invalid(format!("{channel} is not a chat platform; nothing comes in there"));
    }
    if batch.len() > BATCH_MAX {
        return invalid(format!("a batch has at most {BATCH_MAX} entries; send the rest after it"));
    }
    for inbound in batch {
        if inbound.id.is_empty() || inbound.id.len() > NAME_BYTES_MAX || inbound.chat.len() > NAME_BYTES_MAX {
            return invalid("`id` and `chat` have 1 to 200 characters".to_owned());
        }
        if let Some(from) = inbound.from.as_ref().filter(|from| from.channel() != channel) {
            return invalid(format!("{from} cannot speak on {channel}: an adapter speaks for its own channel only"));
        }
    }
    Ok(())
}

/// The platform's offset as last taken.
///
/// # Errors
/// Storage errors.
pub async fn checkpoint(core: &Core, channel: Channel) -> Result<Option<String>, GatewayError> {
    let found = core.store.checkpoint(&offset_name(channel)).await.map_err(|error| storage_error(&error))?;
    Ok(found.and_then(|value| value.as_str().map(str::to_owned)))
}
