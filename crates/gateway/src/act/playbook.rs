//! Named plans, and the small actions they are made of. A revert with its merge is one too (`draft::revert`).

use serde_json::{Value, json};
use wakeman_types::{Action, ProposalId};

use super::{
    catalogue::{AnnotateArguments, CommentArguments, Hand, PLAN, PlanArguments, marker, plan_words, undrafted},
    draft::{Draft, card, flag_edit, repository},
    renew::signed,
};
use crate::{core::Core, ports::HandsError};

/// An annotation of the present, as a step of a proposal.
pub(super) fn annotation(core: &Core, (id, step): (ProposalId, u32), content: &str) -> Result<Action, HandsError> {
    let Some(hands) = &core.hands.product else {
        return Err(undrafted(Hand::Product));
    };
    let marker = marker(&core.instance, id, step);
    let arguments = AnnotateArguments { content: format!("{} ({marker})", content.trim()), at: core.now(), marker };
    Ok(Action {
        kind: "posthog.annotate".to_owned(),
        target: json!({"project": hands.project()}),
        arguments: json!(arguments),
        revision: Value::Null,
    })
}

/// The draft of a comment.
pub(super) fn comment(
    core: &Core,
    id: ProposalId,
    number: u64,
    body: &str,
    check: String,
) -> Result<Draft, HandsError> {
    let marker = marker(&core.instance, id, 1);
    let body = signed(body, id, &marker);
    let action = Action {
        kind: "github.comment".to_owned(),
        target: json!({"repository": repository(core)}),
        arguments: json!(CommentArguments { number, body, marker }),
        revision: Value::Null,
    };
    card(core, action, None, check)
}

/// Turns a flag off, then notes that on the time axis, so that everybody who looks at a chart sees why it moved.
pub(super) async fn flag_off_and_annotate(
    core: &Core,
    id: ProposalId,
    key: &str,
    check: String,
) -> Result<Draft, HandsError> {
    let off = flag_edit(core, key, false, None, String::new()).await?;
    let note = annotation(core, (id, 2), &format!("{key} turned off, {id}"))?;
    let plan = PlanArguments { steps: vec![off.action, note] };
    let (target, named) = (plan.steps[0].target.clone(), plan_words(&plan.steps));
    let action = Action { kind: PLAN.to_owned(), target, arguments: json!(plan), revision: Value::Null };
    card(core, action, named, check)
}
