//! `[[change]]` and `[[incident]]`: what people did and what went wrong.

use super::read::{Table, Value};
use super::{Change, ChangeKind, Effect, Incident, MetricKind, Scenario, ScenarioError};
use crate::time::{HOUR_MS, MINUTE_MS};

const CHANGE_KEYS: [&str; 10] = ["id", "at", "kind", "title", "author", "files", "frames", "flag", "rollout", "pr"];
const INCIDENT_KEYS: [&str; 10] =
    ["id", "at", "duration_hours", "metric", "effect", "magnitude", "onset_minutes", "segment", "cause", "fix"];
/// What stands for "no change caused it".
const NO_CAUSE: &str = "none";

pub(super) fn read_changes(root: &Table<'_>, scenario: &mut Scenario) -> Result<(), ScenarioError> {
    for table in root.tables("change")? {
        let change = change(&table, scenario)?;
        scenario.changes.push(change);
    }
    scenario.changes.sort_by_key(|change| change.at_ms);
    Ok(())
}

fn change(table: &Table<'_>, scenario: &Scenario) -> Result<Change, ScenarioError> {
    table.only(&CHANGE_KEYS)?;
    let id = table.string("id", "\"form\"")?;
    if id == NO_CAUSE || scenario.change(&id).is_some() {
        let value = table.required("id", "")?;
        return Err(value.bad(format!("{id:?} is taken; give each change an id of its own, other than \"{NO_CAUSE}\"")));
    }
    use ChangeKind::{Config, Deploy, Experiment, Flag, Merge, Release};
    let kinds = [Merge, Deploy, Release, Flag, Experiment, Config].map(|kind| (kind.word(), kind));
    let kind = table.required("kind", "\"merge\"")?.one_of(&kinds)?;
    let list = |key: &str| table.get(key).map_or(Ok(Vec::new()), |value| value.strings());
    let flag = table.get("flag").map(|value| value.string().map(str::to_owned)).transpose()?;
    if kind == ChangeKind::Flag && flag.is_none() {
        table.required("flag", "\"checkout-fast\"")?;
    }
    Ok(Change {
        id,
        at_ms: table.required("at", "1.5")?.moment(scenario.start_ms)?,
        kind,
        title: table.string("title", "\"signup: new form\"")?,
        author: table.get("author").map_or(Ok("lin"), |value| value.string())?.to_owned(),
        files: list("files")?,
        frames: list("frames")?,
        flag,
        rollout: table.get("rollout").map(|value| value.number_in((0.0, 1.0))).transpose()?,
        pr: table.get("pr").map(|value| value.integer_in(1, 10_000_000)).transpose()?,
    })
}

pub(super) fn read_incidents(root: &Table<'_>, scenario: &mut Scenario) -> Result<(), ScenarioError> {
    for table in root.tables("incident")? {
        let incident = incident(&table, scenario)?;
        if scenario.incidents.iter().any(|other| other.id == incident.id) {
            let value = table.required("id", "")?;
            return Err(value.bad(format!("{:?} is taken; give each incident an id of its own", incident.id)));
        }
        scenario.incidents.push(incident);
    }
    Ok(())
}

fn incident(table: &Table<'_>, scenario: &Scenario) -> Result<Incident, ScenarioError> {
    table.only(&INCIDENT_KEYS)?;
    use Effect::{CiRed, DeployStuck, Drop, Flatline, NewError, Shift, Spike};
    let effects = [Drop, Spike, Shift, Flatline, NewError, CiRed, DeployStuck].map(|effect| (effect.word(), effect));
    let effect = table.required("effect", "\"drop\"")?.one_of(&effects)?;
    let at_ms = table.required("at", "1.5")?.moment(scenario.start_ms)?;
    let hours = table.get("duration_hours").map(|value| value.number_in((0.001, 100_000.0))).transpose()?;
    let onset = table.number_or("onset_minutes", 0.0, (0.0, 1e6))?;
    Ok(Incident {
        id: table.string("id", "\"signup-drop\"")?,
        at_ms,
        until_ms: hours.map(|hours| at_ms + (hours * HOUR_MS as f64).round() as i64),
        metric: target(table, effect, scenario)?,
        effect,
        magnitude: magnitude(table, effect)?,
        onset_ms: (onset * MINUTE_MS as f64).round() as i64,
        segment: table.get("segment").map(|value| segment(&value, table, scenario)).transpose()?,
        cause: cause(table, scenario)?,
        fix: table.get("fix").map(|value| fix(&value)).transpose()?,
    })
}

fn target(table: &Table<'_>, effect: Effect, scenario: &Scenario) -> Result<Option<String>, ScenarioError> {
    let value =
        if effect.is_on_metric() { Some(table.required("metric", "\"signups\"")?) } else { table.get("metric") };
    let Some(value) = value else { return Ok(None) };
    let name = value.string()?;
    if effect.is_on_metric() && scenario.metric(name).is_none() {
        let known: Vec<_> = scenario.metrics.iter().map(|metric| metric.name.as_str()).collect();
        return Err(value.bad(format!("{name:?} is not a metric of this scenario; it has {}", listed(&known))));
    }
    Ok(Some(name.to_owned()).filter(|name| !name.is_empty()))
}

fn magnitude(table: &Table<'_>, effect: Effect) -> Result<f64, ScenarioError> {
    let (default, range) = match effect {
        Effect::Drop => (0.5, (0.0, 1.0)),
        Effect::Spike => (3.0, (0.0, 1e4)),
        Effect::Shift => (1.5, (0.0, 1e4)),
        Effect::NewError => (30.0, (0.0, 1e6)),
        Effect::Flatline | Effect::CiRed | Effect::DeployStuck => (1.0, (0.0, f64::MAX)),
    };
    table.number_or("magnitude", default, range)
}

fn segment(value: &Value<'_>, table: &Table<'_>, scenario: &Scenario) -> Result<(String, String), ScenarioError> {
    let text = value.string()?;
    let Some((key, wanted)) = text.split_once('=').map(|(key, wanted)| (key.trim(), wanted.trim())) else {
        return Err(value.bad(format!("{text:?} is not a segment; write it like \"browser=safari\"")));
    };
    let name = table.get("metric").map(|metric| metric.string()).transpose()?.unwrap_or_default();
    let metric = scenario.metric(name);
    let inherited = metric
        .filter(|metric| metric.kind != MetricKind::Count)
        .and_then(|metric| scenario.metric(metric.of.as_deref()?));
    let mut known = metric.into_iter().chain(inherited).flat_map(|metric| &metric.segments);
    if metric.is_some()
        && !known.any(|segment| segment.key == key && segment.values.iter().any(|value| value == wanted))
    {
        return Err(
            value.bad(format!("{text:?} is not a segment of metric {name:?}; declare it in the metric's `segments`"))
        );
    }
    Ok((key.to_owned(), wanted.to_owned()))
}

fn cause(table: &Table<'_>, scenario: &Scenario) -> Result<Option<String>, ScenarioError> {
    let value = table.required("cause", "\"none\"")?;
    let id = value.string()?;
    if id == NO_CAUSE {
        return Ok(None);
    }
    if scenario.change(id).is_none() {
        let known: Vec<_> = scenario.changes.iter().map(|change| change.id.as_str()).collect();
        return Err(
            value.bad(format!("{id:?} is not a change of this scenario; it has {}, or write \"none\"", listed(&known)))
        );
    }
    Ok(Some(id.to_owned()))
}

fn fix(value: &Value<'_>) -> Result<String, ScenarioError> {
    let text = value.string()?;
    let word = |part: &str| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    if text.split_once('.').is_some_and(|(service, action)| word(service) && word(action)) {
        return Ok(text.to_owned());
    }
    Err(value.bad(format!(
        "{text:?} is not a kind of action; write it like \"github.revert_pr\", \"github.rerun_failed_jobs\", \"vercel.rollback\" or \"posthog.set_flag\""
    )))
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
