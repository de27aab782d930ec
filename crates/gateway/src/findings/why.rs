//! Why a finding was said: the record of the decision behind it, what was made of it, and the proposals made for it.

use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{ChoiceRecord, Finding, Proposal, RankingWhy, WhyView};

use crate::{core::Core, rank, retention};

/// Everything behind `finding`.
pub(crate) async fn why(core: &Core, finding: Finding) -> Result<WhyView, StoreError> {
    let parent = finding.id.to_string();
    let choice = core.store.list::<ChoiceRecord>(&ListQuery::newest(1).parent(parent.clone())).await?;
    let made = core.store.list::<Proposal>(&ListQuery::oldest(50).parent(parent)).await?;
    let proposals = made.items.into_iter().map(|found| found.value.id).collect();
    let interruption = finding.interruption;
    Ok(match choice.items.into_iter().next().map(|found| found.value) {
        Some(choice) => WhyView {
            propensity: choice.arms.iter().find(|arm| arm.arm == choice.chosen).map_or(1.0, |arm| arm.propensity),
            ranking: rank::behind(core, &choice).await?,
            finding,
            policy: choice.policy,
            interruption: choice.chosen,
            reason: choice.reason,
            features: choice.features,
            proposals,
        },
        None => WhyView {
            finding,
            policy: "none".to_owned(),
            interruption,
            propensity: 1.0,
            reason: format!("decisions are kept for {} days", retention::DECISION_DAYS),
            features: Vec::new(),
            proposals,
            ranking: RankingWhy::default(),
        },
    })
}
