//! Drafts of what people ask for at the services around us, each from the world as it is.

use serde_json::{Map, Value, json};
use wakeman_types::{Action, ProposalId};

use super::{
    catalogue::{
        ErrorIssueArguments, ErrorIssueRevision, FileText, Hand, OpenPrArguments, OpenPrRevision, ProductionArguments,
        ProductionRevision, WebhookArguments, WebhookRevision, marker, patch_check, undrafted,
    },
    draft::{Draft, card, repository},
    playbook::annotation,
    renew::signed,
};
use crate::{core::Core, ports::HandsError};

/// A pull request of whole files into the branch that is deployed, with title and text.
pub(super) async fn patch(
    core: &Core,
    id: ProposalId,
    files: Vec<(String, Option<String>)>,
    (title, body): (&str, &str),
    check: String,
) -> Result<Draft, HandsError> {
    let Some(hands) = &core.hands.repo else { return Err(undrafted(Hand::Repository)) };
    let base = core.settings.github.default_branch.clone();
    let files: Vec<FileText> = files.into_iter().map(|(path, text)| FileText { path, text }).collect();
    // Before anything is asked of anybody.
    patch_check(&files).map_err(|reason| HandsError::Permanent { reason })?;
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let blobs = hands.files_at(&base, &paths).await?;
    let marker = marker(&core.instance, id, 1);
    let body = signed(&wakeman_present::visible(body), id, &marker);
    let branch = format!("{}{id}", core.settings.github.branch_prefix);
    let arguments = OpenPrArguments { base, branch, files, title: wakeman_present::visible(title), body, marker };
    let revision = OpenPrRevision { files: blobs.into_iter().map(|file| (file.path, file.blob)).collect() };
    let action = Action {
        kind: "github.open_pr".to_owned(),
        target: json!({"repository": repository(core)}),
        arguments: json!(arguments),
        revision: json!(revision),
    };
    card(core, action, None, check)
}

/// A note on the time axis, now.
pub(super) fn annotate(core: &Core, id: ProposalId, content: &str, check: String) -> Result<Draft, HandsError> {
    card(core, annotation(core, (id, 1), content)?, None, check)
}

/// Another status for an error.
pub(super) async fn error_status(core: &Core, issue: &str, status: String, check: String) -> Result<Draft, HandsError> {
    let Some(hands) = &core.hands.product else { return Err(undrafted(Hand::Product)) };
    let error = hands.error(issue).await?;
    if error.status == status {
        return Err(HandsError::Permanent { reason: format!("the error {issue} is {status} already") });
    }
    let action = Action {
        kind: "posthog.update_error_issue".to_owned(),
        target: json!({"project": hands.project()}),
        arguments: json!(ErrorIssueArguments { issue: error.id, status }),
        revision: json!(ErrorIssueRevision { name: error.name, status: error.status }),
    };
    card(core, action, None, check)
}

/// Production at this deployment.
pub(super) async fn deployment(core: &Core, id: String, check: String) -> Result<Draft, HandsError> {
    let Some(hands) = &core.hands.deploys else { return Err(undrafted(Hand::Deploys)) };
    let nothing = || HandsError::Permanent { reason: "production shows no deployment".to_owned() };
    let live = hands.production().await?.ok_or_else(nothing)?;
    if live.id == id {
        return Err(HandsError::Permanent { reason: format!("production shows {id} already") });
    }
    let target = hands.deployment(&id).await?;
    let action = Action {
        kind: "vercel.promote".to_owned(),
        target: json!({"project": core.settings.vercel.project_id}),
        arguments: json!(ProductionArguments { deployment: target.id }),
        revision: json!(ProductionRevision { production: live.id, production_sha: live.sha, target_sha: target.sha }),
    };
    card(core, action, None, check)
}

/// Production back at exactly this deployment, only while it shows `from`.
pub(super) async fn rollback_to(core: &Core, id: String, from: &str, check: String) -> Result<Draft, HandsError> {
    let Some(hands) = &core.hands.deploys else { return Err(undrafted(Hand::Deploys)) };
    let refused = |reason: String| Err(HandsError::Permanent { reason });
    let Some(live) = hands.production().await?.filter(|live| live.id == from) else {
        return refused(format!("production does not show {from} any more, so this would be another rollback"));
    };
    let target = hands.deployment(&id).await?;
    if !target.candidate {
        return refused(format!("{id} cannot be rolled back to any more"));
    }
    let action = Action {
        kind: "vercel.rollback".to_owned(),
        target: json!({"project": core.settings.vercel.project_id}),
        arguments: json!(ProductionArguments { deployment: target.id }),
        revision: json!(ProductionRevision { production: live.id, production_sha: live.sha, target_sha: target.sha }),
    };
    card(core, action, None, check)
}

/// A post to a webhook of the settings.
pub(super) fn webhook(
    core: &Core,
    name: String,
    payload: Map<String, Value>,
    check: String,
) -> Result<Draft, HandsError> {
    let target = core.hands.webhooks.as_ref().and_then(|hands| hands.target(&name));
    let Some(target) = target else {
        let reason = format!("settings name no webhook {}", wakeman_present::sanitize(&name, 40));
        return Err(HandsError::Permanent { reason });
    };
    let action = Action {
        kind: "webhook.post".to_owned(),
        target: json!({}),
        arguments: json!(WebhookArguments { name, payload }),
        revision: json!(WebhookRevision { target }),
    };
    card(core, action, None, check)
}
