//! Whether an action can be done here and now: hands are configured, switches are on, settings allow it, the world is as shown.

use wakeman_types::Action;

use super::{ActionClass, Hand, Readiness, StepContext};
use crate::{core::Core, ports::HandsError};

/// What to set so that there is this hand.
const fn to_set(hand: Hand) -> &'static str {
    match hand {
        Hand::Repository => "GitHub is not configured; set GITHUB_TOKEN and github.repository",
        Hand::Flags | Hand::Product => "PostHog is not configured; set POSTHOG_API_KEY and POSTHOG_PROJECT_ID",
        Hand::Deploys => "Vercel is not configured; set VERCEL_TOKEN and vercel.projectId",
        Hand::Webhooks => "no webhook is configured; add one under webhooks in read-only/settings.json",
        Hand::Own => "",
    }
}

/// Why nothing can be drafted for this hand: there is none.
pub(crate) fn undrafted(hand: Hand) -> HandsError {
    HandsError::Permanent { reason: to_set(hand).to_owned() }
}

/// Why a step of a proposal cannot be done: its hand is not there any more.
pub(super) fn missing(hand: Hand) -> HandsError {
    HandsError::Permanent { reason: then_again(hand) }
}

fn then_again(hand: Hand) -> String {
    format!("{}, then make a new proposal", to_set(hand))
}

/// Why this class cannot be done here at all. `None`: it can.
pub fn unavailable(core: &Core, class: &dyn ActionClass) -> Option<String> {
    let needs = class.needs();
    let there = match needs.hand {
        Hand::Repository => core.hands.repo.is_some(),
        Hand::Flags => core.hands.flags.is_some(),
        Hand::Product => core.hands.product.is_some(),
        Hand::Deploys => core.hands.deploys.is_some(),
        Hand::Webhooks => core.hands.webhooks.is_some(),
        Hand::Own => true,
    };
    if !there {
        return Some(then_again(needs.hand));
    }
    let off = needs.switches.iter().find(|(family, capability)| !core.tools.allows(family, capability));
    off.map(|(family, capability)| {
        format!("{family}.{capability} is switched off in read-only/tools.json; {} needs it", class.kind())
    })
}

/// Why exactly this action may not be shown or run here. `None`: it may.
pub(crate) fn forbidden(core: &Core, class: &dyn ActionClass, action: &Action) -> Option<String> {
    unavailable(core, class).or_else(|| elsewhere(core, class, action)).or_else(|| class.permitted(core, action).err())
}

/// Why an action that was shown for another repository or project is not run on this one. `None`: it is for this one.
fn elsewhere(core: &Core, class: &dyn ActionClass, action: &Action) -> Option<String> {
    let (hands, settings) = (&core.hands, &core.settings);
    let (field, now) = match class.needs().hand {
        Hand::Repository => ("repository", settings.github.repository.as_ref().map(ToString::to_string)),
        Hand::Deploys => ("project", settings.vercel.project_id.clone()),
        Hand::Flags => ("project", hands.flags.as_ref().map(|hands| hands.project().to_owned())),
        Hand::Product => ("project", hands.product.as_ref().map(|hands| hands.project().to_owned())),
        Hand::Webhooks | Hand::Own => return None,
    };
    let (shown, now) = (action.target[field].as_str()?, now?);
    (shown != now).then(|| format!("it was shown for {shown}, and {now} is watched now; make a new proposal"))
}

/// Whether a step may run now: allowed here, and the world as it was shown.
///
/// # Errors
/// [`HandsError`] as of the class; permanent when settings or switches forbid it.
pub async fn ready(class: &dyn ActionClass, step: StepContext<'_>) -> Result<Readiness, HandsError> {
    match forbidden(step.core, class, step.action) {
        Some(reason) => Err(HandsError::Permanent { reason }),
        None => class.ready(step).await,
    }
}
