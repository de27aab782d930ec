//! Cards that wait are named once more after a restart, so that nobody takes them for lost.
//!
//! Bound: a card is named at most once in [`QUIET_MS`], however often the process starts, and at most [`TIMES_MAX`] times in its life.
//! What says so is a row that lands with the message, so a crash between the two cannot repeat it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_present::{RenderContext, sanitize};
use wakeman_store::{Commit, ListQuery, Version};
use wakeman_types::{
    DeliveryClass, Entity, HOUR_MS, MINUTE_MS, NoticeView, Proposal, ProposalState, Severity, Timestamp, View,
};

use crate::{
    core::Core,
    deliver::{Post, ThreadWriter},
    settle::{SettleError, Wanted, settle},
};

/// Restarts so close together name a card once.
const QUIET_MS: i64 = HOUR_MS;
/// How often a card is named again in its life.
const TIMES_MAX: u32 = 3;
/// A card younger than this was seen a moment ago.
const FRESH_MS: i64 = MINUTE_MS;

/// When a card was named again, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    proposal: String,
    at: Timestamp,
    times: u32,
}

impl Entity for Named {
    const KIND: &'static str = "named_again";

    fn entity_id(&self) -> String {
        self.proposal.clone()
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// Names every card that waits for a decision, in its thread. Called once by a process that begins. How many were named.
///
/// # Errors
/// [`SettleError`] if it could not be stored; the next start names them.
pub async fn announce_waiting(core: &Core) -> Result<usize, SettleError> {
    let mut named = 0;
    for found in core.store.list::<Proposal>(&ListQuery::oldest(200).state("pending")).await?.items {
        named += usize::from(name_again(core, &found.value.id.to_string()).await?);
    }
    Ok(named)
}

async fn name_again(core: &Core, id: &str) -> Result<bool, SettleError> {
    settle!(core, "the proposal", async {
        let now = core.now();
        let Some(found) = core.store.get::<Proposal>(id).await? else { return Ok(Wanted::Nothing(false)) };
        let proposal = found.value;
        let open = proposal.state == ProposalState::Pending && now < proposal.expires_at;
        if !open || now.since(proposal.created_at) < FRESH_MS {
            return Ok(Wanted::Nothing(false));
        }
        let before = core.store.get::<Named>(id).await?;
        let (times, version) = before.as_ref().map_or((0, Version::ABSENT), |row| (row.value.times, row.version));
        let quiet = before.is_some_and(|row| now.since(row.value.at) < QUIET_MS);
        if quiet || times >= TIMES_MAX {
            return Ok(Wanted::Nothing(false));
        }
        let Some(mut thread) = ThreadWriter::load(core, &proposal.thread).await? else {
            return Ok(Wanted::Nothing(false));
        };
        thread.ask_again(core, &proposal);
        thread.say_in_zones(core, |zone| post(&RenderContext::new(now, zone), &proposal));
        let row = Named { proposal: id.to_owned(), at: now, times: times + 1 };
        let event = core.event("proposal.named_again", "system:start", id, json!({"times": row.times}));
        let commit =
            Commit::durable(now).replace(&row, version).expect(&wakeman_store::EntityRef::of(&proposal), found.version);
        Ok::<_, SettleError>(Wanted::Commit(Box::new(thread.finish(commit.event(event))), true))
    })
}

fn post(context: &RenderContext, proposal: &Proposal) -> Post {
    let (id, title) = (proposal.id, sanitize(&proposal.card.title, 200));
    let until = context.time(proposal.expires_at);
    let text =
        format!("Restarted. {id} still waits for a decision until {until}: {title}. `approve {id}` or `reject {id}`.");
    Post {
        class: DeliveryClass::Note,
        severity: Severity::Warning,
        finding: proposal.finding,
        view: View::Notice(NoticeView { text }),
        quiet: false,
    }
}
