//! What the one-look summary reads from the database.

use wakeman_store::{OutboxState, StoreError};
use wakeman_types::{Finding, HaltSet, ModeSet, Pairing, Proposal};

use crate::{
    core::Core,
    findings::interrupt::{against_budget, budget_start, interruptions_since},
    modes, pairing, rank,
};

/// The states of a finding that is not over.
const NOT_OVER: [&str; 3] = ["open", "acknowledged", "snoozed"];

/// The numbers and words of the summary that are stored.
#[derive(Default)]
pub(super) struct Counted {
    pub open: u64,
    pub awaiting: u64,
    pub interruptions: u32,
    pub critical_interruptions: u32,
    pub undelivered: u64,
    pub mode_set: Option<ModeSet>,
    pub halt: Option<HaltSet>,
    pub mutes: u32,
    pub pairings: Vec<Pairing>,
    /// What ranking wants said.
    pub notice: Option<String>,
}

impl Counted {
    pub async fn read(core: &Core) -> Result<Self, StoreError> {
        let mut open = 0;
        for state in NOT_OVER {
            open += core.store.count::<Finding>(Some(state)).await?;
        }
        let week = interruptions_since(core, budget_start(core.now())).await?;
        let bound = week.iter().filter(|told| against_budget(told)).count();
        let control = modes::view(core).await?;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Self {
            open,
            awaiting: core.store.count::<Proposal>(Some("pending")).await?,
            interruptions: number(bound),
            critical_interruptions: number(week.len() - bound),
            undelivered: core.store.outbox_count(OutboxState::Failed).await?,
            mode_set: control.set,
            halt: control.halt,
            mutes: number(control.mutes.len()),
            pairings: pairing::pairings(core).await?,
            notice: rank::learnt(core).await?.notice,
        })
    }
}
