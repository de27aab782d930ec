//! Many findings at once are one message that says so.

use serde::{Deserialize, Serialize};
use wakeman_store::{Commit, ListQuery, StoreError, Versioned};
use wakeman_types::{DeliveryClass, Entity, Finding, Severity, StormView, Timestamp, View};

use super::{STORM_FROM, STORM_MS, owe};
use crate::{
    core::Core,
    deliver::{Matter, destinations},
    findings::interruptions_since,
    settle::{SettleError, Wanted, settle},
};

/// Findings that come so close together that they are told as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Storm {
    began: Timestamp,
    /// When the last one came.
    last: Timestamp,
    over: bool,
    count: u32,
    /// So many were foreseen: it is not told before they are there.
    expected: u32,
    /// How many there were when it was last told.
    told: u32,
    /// The worst of them, without its series.
    worst: Option<Box<Finding>>,
}

impl Entity for Storm {
    const KIND: &'static str = "storm";

    fn entity_id(&self) -> String {
        self.began.ms().to_string()
    }

    fn state_name(&self) -> &str {
        if self.over { "over" } else { "open" }
    }

    fn sort_key(&self) -> i64 {
        self.began.ms()
    }
}

impl Storm {
    fn new(now: Timestamp, expected: u32) -> Self {
        Self { began: now, last: now, over: false, count: 0, expected, told: 0, worst: None }
    }

    fn key(&self) -> String {
        format!("storm:{}", self.began.ms())
    }

    fn severity(&self) -> Severity {
        self.worst.as_ref().map_or(Severity::Info, |worst| worst.severity)
    }

    fn take(&mut self, finding: &Finding, now: Timestamp) {
        (self.count, self.last) = (self.count + 1, now);
        if self.worst.is_none() || finding.severity > self.severity() {
            self.worst = Some(Box::new(Finding { series: Vec::new(), ..finding.clone() }));
        }
    }
}

async fn under_way(core: &Core) -> Result<Option<Versioned<Storm>>, StoreError> {
    let open = core.store.list::<Storm>(&ListQuery::newest(1).state("open")).await?.items;
    Ok(open.into_iter().find(|storm| core.now().since(storm.value.last) < STORM_MS))
}

/// So many findings are about to be opened: whether they are a storm is known before the first is told.
///
/// # Errors
/// [`StoreError`] if it could not be stored.
pub(crate) async fn foreseen(core: &Core, coming: usize) -> Result<(), StoreError> {
    if coming <= STORM_FROM || under_way(core).await?.is_some() {
        return Ok(());
    }
    let storm = Storm::new(core.now(), u32::try_from(coming).unwrap_or(u32::MAX));
    // A conflict: one began at this very millisecond, which is as good.
    let _ = core.store.commit(Commit::new(core.now()).insert(&storm)).await?;
    Ok(())
}

/// Whether a finding that would interrupt is told as part of a storm; then it is counted and the storm told, with `commit`.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(crate) async fn joined(core: &Core, commit: Commit, finding: &Finding) -> Result<(Commit, bool), StoreError> {
    let (mut storm, version) = match under_way(core).await? {
        Some(found) => (found.value, found.version),
        None if interruptions_since(core, core.now().plus_ms(-STORM_MS)).await?.len() >= STORM_FROM => {
            (Storm::new(core.now(), 1), wakeman_store::Version::ABSENT)
        }
        None => return Ok((commit, false)),
    };
    let worse = storm.told > 0 && finding.severity > storm.severity();
    storm.take(finding, core.now());
    // Each time there are twice as many; between them the message would only flicker.
    let commit = if worse || storm.count >= storm.told.saturating_mul(2).max(storm.expected) {
        storm.told = storm.count;
        told(core, commit, &storm)
    } else {
        commit
    };
    Ok((commit.replace(&storm, version), true))
}

fn told(core: &Core, commit: Commit, storm: &Storm) -> Commit {
    let Some(worst) = storm.worst.clone() else { return commit };
    let view = View::Storm(StormView { count: storm.count, since: storm.began, worst });
    let all = destinations(core, Matter::of(&view, storm.severity())).into_iter();
    all.fold(commit, |commit, chat| {
        owe(core, commit, chat, (DeliveryClass::Alert, storm.severity()), (view.clone(), Some(storm.key())))
    })
}

/// The look is over: what was foreseen and came only in part is told as it is.
///
/// # Errors
/// [`SettleError`] if it could not be stored.
pub(crate) async fn settled(core: &Core) -> Result<(), SettleError> {
    settle!(core, "the storm", async {
        let Some(found) = under_way(core).await?.filter(|found| found.value.count < found.value.expected) else {
            return Ok::<_, SettleError>(Wanted::Nothing(()));
        };
        let mut storm = found.value;
        // So few that the next one is told by itself.
        (storm.expected, storm.over) = (storm.count.max(1), (storm.count as usize) < STORM_FROM);
        let mut commit = Commit::durable(core.now());
        if storm.count > storm.told {
            storm.told = storm.count;
            commit = told(core, commit, &storm);
        }
        Ok(Wanted::Commit(Box::new(commit.replace(&storm, found.version)), ()))
    })
}

/// Ends a storm in which nothing came for a while, with its count.
pub(super) async fn pass(core: &Core) -> Result<(), SettleError> {
    settle!(core, "the storm", async {
        let open = core.store.list::<Storm>(&ListQuery::oldest(1).state("open")).await?.items;
        let Some(found) = open.into_iter().find(|found| core.now().since(found.value.last) >= STORM_MS) else {
            return Ok::<_, SettleError>(Wanted::Nothing(()));
        };
        let mut storm = found.value;
        storm.over = true;
        let mut commit = Commit::durable(core.now());
        if storm.count > storm.told {
            commit = told(core, commit, &storm);
        }
        Ok(Wanted::Commit(Box::new(commit.replace(&storm, found.version)), ()))
    })
}
