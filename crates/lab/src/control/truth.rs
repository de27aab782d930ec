//! What really happened, for whoever judges afterwards.

use serde_json::{Map, Value, json};

use crate::World;
use crate::scenario::{Change, Effect, Incident};
use crate::time::rfc3339;
use crate::world::trials_event;

/// Adds `incidents`, `changes`, `outages` and `untrusted` to the state.
pub(super) fn add(world: &World, state: &mut Value) {
    let scenario = &world.scenario;
    let incidents: Vec<Value> = (0..scenario.incidents.len()).map(|at| incident(world, at)).collect();
    let changes: Vec<Value> = scenario.changes.iter().map(change).collect();
    let outages = scenario.outages.iter().map(|outage| {
        json!({"at": rfc3339(outage.at_ms), "until": rfc3339(outage.until_ms), "service": outage.service.word()})
    });
    let texts = scenario.untrusted.iter();
    let untrusted = texts.map(|text| json!({"at": rfc3339(text.at_ms), "channel": text.channel, "text": text.text}));
    state["incidents"] = incidents.into();
    state["changes"] = changes.into();
    state["outages"] = outages.collect();
    state["untrusted"] = untrusted.collect();
}

fn incident(world: &World, at: usize) -> Value {
    let incident = &world.scenario.incidents[at];
    let ending = world.endings[at].as_ref();
    let end = ending.map(|ending| ending.at_ms).or(incident.until_ms);
    let issue = world.posthog.issues.iter().find(|issue| issue.incident == Some(at));
    let mut truth = json!({
        "id": incident.id,
        "start": rfc3339(incident.at_ms),
        "end": end.map(rfc3339),
        "metric": incident.metric,
        "effect": incident.effect.word(),
        "magnitude": incident.magnitude,
        "segment": incident.segment.as_ref().map(|(key, value)| format!("{key}={value}")),
        "cause": incident.cause.as_deref().unwrap_or("none"),
        "fix": incident.fix,
        "ended_by": ending.map(|ending| ending.by.as_str()),
        "events": events(world, incident),
    });
    let extra = truth.as_object_mut().expect("invariant: just built as an object");
    add_services(world, incident, extra);
    if let Some(issue) = issue {
        extra.insert("error_issue_id".to_owned(), json!(issue.id));
        extra.insert("error_name".to_owned(), json!(issue.name));
    }
    truth
}

fn add_services(world: &World, incident: &Incident, extra: &mut Map<String, Value>) {
    match incident.effect {
        Effect::CiRed => drop(extra.insert("run_ids".to_owned(), json!(world.github.run_ids(&incident.id)))),
        Effect::DeployStuck => {
            extra.insert("deployment_ids".to_owned(), json!(world.vercel.deployment_ids(&incident.id)));
        }
        _ => {}
    }
}

/// The events in which the incident shows: the metric's own first, then what it divides by.
fn events(world: &World, incident: &Incident) -> Vec<String> {
    if incident.effect == Effect::NewError {
        return vec!["$exception".to_owned()];
    }
    let Some(metric) = incident.metric.as_deref().and_then(|name| world.scenario.metric(name)) else {
        return Vec::new();
    };
    let base = match (&metric.of, metric.kind) {
        (Some(of), _) => world.scenario.metric(of).map(|base| base.event.clone()),
        (None, crate::scenario::MetricKind::Ratio) => Some(trials_event(metric)),
        (None, _) => None,
    };
    std::iter::once(metric.event.clone()).chain(base).collect()
}

fn change(change: &Change) -> Value {
    json!({
        "id": change.id,
        "at": rfc3339(change.at_ms),
        "kind": change.kind.word(),
        "title": change.title,
        "author": change.author,
        "files": change.files,
        "frames": change.frames,
        "flag": change.flag,
        "rollout": change.rollout,
        "pr": change.pr,
    })
}
