//! Feature flags as hands: absolute values only, guarded by the version that was shown.

use serde_json::{Value, json};
use wakeman_gateway::ports::{FlagFacts, HandsError, LastEdit};

use super::{
    answers::{Flag, Page, rollout},
    client::{Purpose, Wire},
};
use crate::http::{At, Failure, rfc3339};

/// Pages of a flag search; a key that is not among the first five hundred hits is not there.
const PAGES_MAX: usize = 5;

/// The flag with this key.
pub(super) async fn by_key(wire: &Wire, key: &str) -> Result<FlagFacts, HandsError> {
    let what = format!("reading flag {key} from PostHog");
    match find(wire, key).await {
        Ok(Some(flag)) => Ok(facts(&flag)),
        Ok(None) => Err(HandsError::Permanent { reason: format!("{what}: there is no flag with this key") }),
        Err(failure) => Err(failure.reading(&what, wire.now())),
    }
}

async fn find(wire: &Wire, key: &str) -> Result<Option<Flag>, Failure> {
    let mut url = wire.project_address("feature_flags/");
    url.query_pairs_mut().append_pair("search", key).append_pair("limit", "100");
    for _ in 0..PAGES_MAX {
        let page: Page<Flag> = wire.get("flag list", url, Purpose::Act).await?;
        if let Some(flag) = page.results.into_iter().find(|flag| flag.key == key && !flag.deleted) {
            return Ok(Some(flag));
        }
        match page.next.as_deref().and_then(|next| wire.next_page(next)) {
            Some(next) => url = next,
            None => break,
        }
    }
    Ok(None)
}

/// Sets the flag, if it is still at `version`.
pub(super) async fn set(
    wire: &Wire,
    id: u64,
    version: u64,
    active: bool,
    share: Option<f64>,
) -> Result<FlagFacts, HandsError> {
    if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(HandsError::Permanent { reason: "a rollout is a share from 0 to 1".to_owned() });
    }
    let url = wire.project_address(&format!("feature_flags/{id}/"));
    let flag: Flag = wire
        .get("flag", url.clone(), Purpose::Act)
        .await
        .map_err(|failure| failure.reading(&format!("reading flag {id} from PostHog"), wire.now()))?;
    if flag.deleted {
        return Err(HandsError::Precondition { reason: format!("flag {} was deleted", flag.key) });
    }
    let wanted = |flag: &Flag| flag.active == active && share.is_none_or(|share| close(rollout(&flag.filters), share));
    let now_at = flag.version.unwrap_or(0);
    if now_at != version {
        // One step ahead and already as wanted: the answer to our own earlier attempt was lost.
        if now_at == version + 1 && wanted(&flag) {
            return Ok(facts(&flag));
        }
        return Err(moved(wire, &flag, version).await);
    }
    if wanted(&flag) {
        return Ok(facts(&flag));
    }
    let what = format!("setting flag {} in PostHog", flag.key);
    let body = edit(&flag, version, active, share)?;
    match wire.patch::<Value>(&what, url, &body).await {
        Ok(answer) => confirmed(&what, answer, wanted),
        Err(failure) => Err(unset(wire, &what, &flag, version, failure).await),
    }
}

fn close(share: Option<f64>, wanted: f64) -> bool {
    share.is_some_and(|share| (share - wanted).abs() < 1e-6)
}

/// The body of the edit. `version` and `original_flag` make PostHog itself refuse it if somebody was faster.
fn edit(flag: &Flag, version: u64, active: bool, share: Option<f64>) -> Result<Value, HandsError> {
    let original = json!({"key": flag.key, "active": flag.active, "filters": flag.filters});
    let mut body = json!({"active": active, "version": version, "original_flag": original});
    if let Some(share) = share {
        if rollout(&flag.filters).is_none() {
            return Err(HandsError::Permanent {
                reason: format!("flag {} has several conditions, not one rollout; edit it in PostHog", flag.key),
            });
        }
        let mut filters = flag.filters.clone();
        let percent = share * 100.0;
        let whole = percent.round();
        filters["groups"][0]["rollout_percentage"] =
            if (percent - whole).abs() < 1e-9 { json!(whole as u64) } else { json!(percent) };
        body["filters"] = filters;
    }
    Ok(body)
}

/// Reads the answer to the edit. A team with approvals answers with a change request instead of the flag.
fn confirmed(what: &str, answer: Value, wanted: impl Fn(&Flag) -> bool) -> Result<FlagFacts, HandsError> {
    if let Some(request) = change_request(&answer) {
        return Err(awaits_approval(what, &request));
    }
    match serde_json::from_value::<Flag>(answer) {
        Ok(flag) if wanted(&flag) => Ok(facts(&flag)),
        Ok(flag) => Err(HandsError::InDoubt {
            reason: format!("{what}: it was accepted, but the flag is now {}", state(&flag)),
        }),
        Err(error) => {
            Err(HandsError::InDoubt { reason: format!("{what}: it was accepted, but answered oddly ({error})") })
        }
    }
}

/// What a refused or lost edit means.
async fn unset(wire: &Wire, what: &str, flag: &Flag, version: u64, failure: Failure) -> HandsError {
    match failure {
        Failure::Refused { code, reason, .. } if code.contains("approval") || code.contains("change_request") => {
            awaits_approval(what, &reason)
        }
        Failure::Refused { status: 409, reason, .. } if !reason.contains("change request") => {
            match wire
                .get::<Flag>("flag", wire.project_address(&format!("feature_flags/{}/", flag.id)), Purpose::Act)
                .await
            {
                Ok(newer) if newer.version.unwrap_or(0) != version => moved(wire, &newer, version).await,
                _ => HandsError::Precondition { reason: format!("{what}: {reason}") },
            }
        }
        Failure::Refused { status: 409, reason, .. } => awaits_approval(what, &reason),
        other => other.writing(what, wire.now()),
    }
}

fn change_request(answer: &Value) -> Option<String> {
    let request = answer.get("change_request").or_else(|| answer.get("change_request_id"))?;
    (!request.is_null()).then(|| "PostHog made a change request of it".to_owned())
}

fn awaits_approval(what: &str, reason: &str) -> HandsError {
    HandsError::Permanent {
        reason: format!("{what}: {reason}; this team's flag edits need approval in PostHog, approve it there"),
    }
}

/// Who edited the flag last, and when.
async fn editor(wire: &Wire, flag: &Flag) -> (Option<String>, Option<At>) {
    match (&flag.last_modified_by, flag.updated_at) {
        (Some(user), at) if user.name().is_some() => (user.name(), at),
        (_, at) => last_editor(wire, flag.id).await.unwrap_or((None, at)),
    }
}

/// Who edited the flag with this id last, as far as PostHog tells.
pub(super) async fn last_edit(wire: &Wire, id: u64) -> LastEdit {
    let url = wire.project_address(&format!("feature_flags/{id}/"));
    let Ok(flag) = wire.get::<Flag>("flag", url, Purpose::Act).await else { return LastEdit::default() };
    let (by, at) = editor(wire, &flag).await;
    LastEdit { by, at: at.map(|At(at)| at) }
}

/// The refusal that names both versions and who made the newer one.
async fn moved(wire: &Wire, flag: &Flag, version: u64) -> HandsError {
    let (who, at) = editor(wire, flag).await;
    let by = who.map(|who| format!(", by {who}")).unwrap_or_default();
    let when = at.map(|At(at)| format!(" at {}", rfc3339(at))).unwrap_or_default();
    HandsError::Precondition {
        reason: format!(
            "flag {} changed since it was shown (version {version} → {}{by}{when}); it is now {}",
            flag.key,
            flag.version.unwrap_or(0),
            state(flag)
        ),
    }
}

/// Who edited the flag last, if the log says.
async fn last_editor(wire: &Wire, id: u64) -> Option<(Option<String>, Option<At>)> {
    let url = wire.project_address(&format!("feature_flags/{id}/activity/"));
    let page: Page<Value> = wire.get("flag activity", url, Purpose::Act).await.ok()?;
    let newest = page.results.into_iter().next()?;
    let user = serde_json::from_value::<super::answers::User>(newest.get("user")?.clone()).ok()?;
    let at = newest.get("created_at").and_then(Value::as_str).and_then(At::read);
    Some((user.name(), at))
}

fn state(flag: &Flag) -> String {
    let switch = if flag.active { "on" } else { "off" };
    match rollout(&flag.filters) {
        Some(share) => format!("{switch} at {} %", (share * 1000.0).round() / 10.0),
        None => switch.to_owned(),
    }
}

fn facts(flag: &Flag) -> FlagFacts {
    FlagFacts {
        id: flag.id,
        key: flag.key.clone(),
        version: flag.version.unwrap_or(0),
        active: flag.active,
        rollout: rollout(&flag.filters),
    }
}
