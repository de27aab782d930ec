//! Live checks of address, key, project, scopes and clock.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use wakeman_types::Timestamp;

use super::{
    Posthog,
    answers::User,
    client::{Purpose, Wire, with_remedy},
};
use crate::{check::CheckOutcome, http::Failure};

/// Scopes the key should have, and what stops without each.
const SCOPES: [(&str, &str); 6] = [
    ("query:read", "metrics and errors cannot be read"),
    ("insight:read", "saved insights cannot be suggested as metrics"),
    ("event_definition:read", "events cannot be suggested as metrics"),
    ("feature_flag:read", "flags cannot be read"),
    ("activity_log:read", "flag edits cannot be seen as causes"),
    ("feature_flag:write", "flags cannot be switched after an approval"),
];

#[derive(Debug, Deserialize)]
struct OneNumber {
    results: Vec<(i64,)>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct KeyFacts {
    #[serde(default)]
    scopes: Option<Vec<String>>,
}

/// PostHog's present by its own clock.
pub(super) async fn server_now(wire: &Wire) -> Result<Timestamp, Failure> {
    let query = json!({"kind": "HogQLQuery", "query": "SELECT toUnixTimestamp(now()) AS server_now LIMIT 1"});
    let answer: OneNumber = wire.query("clock query", query, Purpose::Watch).await?;
    match answer.results.as_slice() {
        [(seconds,)] => clock("clock query", *seconds),
        rows => Err(with_remedy(Failure::Shape { reason: format!("clock query: {} rows instead of one", rows.len()) })),
    }
}

/// Its clock as an answer tells it. One that tells milliseconds for seconds, or nonsense, is no clock.
pub(super) fn clock(what: &str, seconds: i64) -> Result<Timestamp, Failure> {
    /// The last second of the year 9999.
    const SECONDS_MAX: i64 = 253_402_300_799;
    if (0..=SECONDS_MAX).contains(&seconds) {
        return Ok(Timestamp::from_secs(seconds));
    }
    Err(Failure::Shape { reason: format!("{what}: `server_now` is no time in seconds ({seconds})") })
}

/// Tries the address, the key, the project, the scopes and the clock. Changes nothing.
pub async fn check_posthog(posthog: &Posthog) -> CheckOutcome {
    let wire = &posthog.wire;
    let mut outcome = CheckOutcome::default();
    match server_now(wire).await {
        Ok(theirs) => {
            outcome.pass("PostHog query", "the project answers queries");
            outcome.clock("PostHog clock", wire.now().since(theirs));
        }
        // Without an answer here, or with a key that is not one, everything else would fail for the same reason.
        Err(
            failure @ (Failure::NotSent { .. } | Failure::Lost { .. } | Failure::Faulty { .. } | Failure::Shape { .. }),
        ) => {
            outcome.fail_with("PostHog query", failure.source());
            return outcome;
        }
        Err(Failure::Denied { reason, remedy }) if reason.starts_with("401") => {
            outcome.fail("PostHog key", reason, remedy);
            return outcome;
        }
        Err(failure) => outcome.fail_with("PostHog query", failure.source()),
    }
    // Whose key it is and what the project is called are extras that need scopes of their own.
    let user = wire.get::<User>("user", wire.address("users/@me/"), Purpose::Act).await;
    outcome.user = user.ok().and_then(|user| user.name());
    let project = wire.get::<Named>("project", wire.project_address(""), Purpose::Act).await;
    outcome.project = project.ok().and_then(|project| project.name);
    check_scopes(wire, &mut outcome).await;
    outcome
}

async fn check_scopes(wire: &Wire, outcome: &mut CheckOutcome) {
    let key = wire.get::<KeyFacts>("key", wire.address("personal_api_keys/@current/"), Purpose::Act).await;
    match key.ok().and_then(|key| key.scopes) {
        Some(scopes) => {
            for (scope, without) in SCOPES {
                if !granted(&scopes, scope) {
                    missing(outcome, scope, without);
                }
            }
        }
        None => probe(wire, outcome).await,
    }
    if outcome.missing.is_empty() && outcome.ok() {
        outcome.pass("PostHog key", "all scopes that could be checked are there");
    }
}

/// `*` grants everything, writing includes reading.
fn granted(scopes: &[String], wanted: &str) -> bool {
    let object = wanted.split(':').next().unwrap_or_default();
    scopes.iter().any(|scope| scope == "*" || scope == wanted || *scope == format!("{object}:write"))
}

fn missing(outcome: &mut CheckOutcome, scope: &str, without: &str) {
    outcome.missing.push(scope.to_owned());
    outcome.fail(
        "PostHog key",
        format!("lacks the scope {scope}: {without}"),
        "add it to the key in PostHog, settings, personal API keys",
    );
}

/// Where the key cannot be asked for its scopes, each list is tried. Write scopes show only when they are used.
async fn probe(wire: &Wire, outcome: &mut CheckOutcome) {
    let paths = [
        ("insights/?limit=1", 1),
        ("event_definitions/?limit=1", 2),
        ("feature_flags/?limit=1", 3),
        ("advanced_activity_logs/?scopes=FeatureFlag&page_size=1", 4),
    ];
    for (path, scope) in paths {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut url = wire.project_address(path);
        url.set_query(Some(query));
        let answer = wire.call(Method::GET, url, None, Purpose::Act).await;
        let body = answer.map(|reply| serde_json::from_slice::<Value>(&reply.body));
        match body {
            Err(Failure::Denied { .. }) => missing(outcome, SCOPES[scope].0, SCOPES[scope].1),
            // The activity log of the whole project is not in every plan; the flags' own log takes its place.
            Err(Failure::Refused { status: 402 | 404, .. }) if scope == 4 => {}
            Err(failure) => outcome.fail_with("PostHog key", failure.source()),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_tells_seconds() {
        assert_eq!(clock("q", 1_767_600_000).ok(), Some(Timestamp(1_767_600_000_000)));
        for seconds in [1_767_600_000_000, -1, i64::MAX, i64::MIN] {
            assert!(matches!(clock("q", seconds), Err(Failure::Shape { .. })), "{seconds}");
        }
    }

    #[test]
    fn writing_includes_reading_and_a_star_everything() {
        let scopes = |list: &[&str]| list.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
        assert!(granted(&scopes(&["*"]), "query:read"));
        assert!(granted(&scopes(&["feature_flag:write"]), "feature_flag:read"));
        assert!(!granted(&scopes(&["feature_flag:read"]), "feature_flag:write"));
        assert!(!granted(&scopes(&[]), "query:read"));
    }
}
