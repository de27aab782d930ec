//! A finding that interrupted and that nobody reacted to is told once more, on the route's fallback too.

use serde::{Deserialize, Serialize};
use wakeman_store::{Commit, ListQuery, StoreError};
use wakeman_types::{
    ChoiceRecord, DeliveryClass, Entity, Finding, FindingId, FindingNews, FindingView, Interruption, Timestamp, View,
};

use crate::{
    act::draft::repair_label,
    config::{Route, RouteKind},
    core::Core,
    deliver::{Post, ThreadWriter, fallback},
    settle::{SettleError, Wanted, settle},
};

/// That a finding was told once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Unanswered {
    finding: FindingId,
    /// The telling that nobody reacted to.
    told_at: Timestamp,
    at: Timestamp,
}

impl Unanswered {
    fn id(finding: FindingId, told_at: Timestamp) -> String {
        format!("{finding}@{}", told_at.ms())
    }
}

impl Entity for Unanswered {
    const KIND: &'static str = "unanswered";

    fn entity_id(&self) -> String {
        Self::id(self.finding, self.told_at)
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

pub(super) async fn pass(core: &Core) -> Result<(), SettleError> {
    if core.settings.routes.iter().all(|route| route.escalate_after.is_none()) {
        return Ok(());
    }
    let open = core.store.list::<Finding>(&ListQuery::oldest(200).state("open")).await?.items;
    for found in open.into_iter().filter(|found| found.value.interruption == Interruption::Now) {
        one(core, &found.value).await?;
    }
    Ok(())
}

/// The routes that ask for it. It is told once more after the shortest of their times, on the fallback of each: one of them may be for
/// some operators alone.
fn routes<'a>(core: &'a Core, finding: &Finding) -> Vec<(&'a Route, i64)> {
    let asked = core.settings.routes.iter().filter(|route| route.takes(finding.severity, RouteKind::Finding));
    asked.filter_map(|route| Some((route, route.escalate_after?.ms()))).collect()
}

async fn told_at(core: &Core, finding: &Finding) -> Result<Option<Timestamp>, StoreError> {
    let query = ListQuery::newest(1).parent(finding.id.to_string()).state("now");
    Ok(core.store.list::<ChoiceRecord>(&query).await?.items.first().map(|found| found.value.at))
}

async fn one(core: &Core, finding: &Finding) -> Result<(), SettleError> {
    let routes = routes(core, finding);
    let Some(after_ms) = routes.iter().map(|(_, after_ms)| *after_ms).min() else { return Ok(()) };
    let Some(told_at) = told_at(core, finding).await? else { return Ok(()) };
    if core.now().since(told_at) < after_ms {
        return Ok(());
    }
    settle!(core, "the finding", async {
        let known = core.store.get::<Unanswered>(&Unanswered::id(finding.id, told_at)).await?.is_some();
        let current = core.store.get::<Finding>(&finding.id.to_string()).await?;
        let Some(finding) = current.map(|found| found.value).filter(|f| !known && f.state_name() == "open") else {
            return Ok::<_, SettleError>(Wanted::Nothing(()));
        };
        let Some(mut thread) = ThreadWriter::load(core, &finding.thread).await? else {
            return Ok(Wanted::Nothing(()));
        };
        let repair = finding.likely_cause().and_then(|cause| repair_label(core, cause));
        let (id, severity, proposal) = (finding.id, finding.severity, finding.proposal);
        let view = FindingView { finding, news: FindingNews::Unanswered, proposal, repair };
        let post = Post {
            class: DeliveryClass::Alert,
            severity,
            finding: Some(id),
            view: View::Finding(Box::new(view)),
            quiet: false,
        };
        let more = routes.iter().flat_map(|(route, _)| fallback(core, route, severity, None)).collect();
        thread.say_also(core, post, more);
        if !thread.owes() {
            // Everybody is to be left alone; it is told once more when somebody is not.
            return Ok(Wanted::Nothing(()));
        }
        let row = Unanswered { finding: id, told_at, at: core.now() };
        let event = core.event("finding.unanswered", "system:watch", id, serde_json::json!({"told_at": told_at}));
        let commit = thread.finish(Commit::durable(core.now()).insert(&row).event(event));
        Ok(Wanted::Commit(Box::new(commit), ()))
    })
}
