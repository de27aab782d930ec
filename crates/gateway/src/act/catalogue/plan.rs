//! `plan`: ordered steps, approved as a whole or one by one. A later step may use what an earlier one returned:
//! `{"data_from_step": 1, "field": "number"}`. Before a plan is shown, each step is checked with what its forerunners will return.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, Outcome, Step, StepText};

use super::class;

/// The kind's name.
pub const PLAN: &str = "plan";

/// The most steps a plan may have.
const STEPS_MAX: usize = 10;

/// The steps, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanArguments {
    /// What is done, one after the other; a failed one stops the rest.
    pub steps: Vec<Action>,
}

/// The steps of an action: its own one, or those of the plan.
///
/// # Errors
/// Names the step that cannot be read, has no class, or refers to a step that does not come before it.
pub fn plan_steps(action: &Action) -> Result<Vec<Step>, String> {
    let actions = if action.kind == PLAN {
        super::read::<PlanArguments>("arguments", &action.arguments)?.steps
    } else {
        vec![action.clone()]
    };
    if actions.is_empty() || actions.len() > STEPS_MAX {
        return Err(format!("arguments.steps: has {} steps; write 1 to {STEPS_MAX}", actions.len()));
    }
    let mut steps: Vec<Step> = Vec::with_capacity(actions.len());
    for (number, action) in (1..).zip(actions) {
        let step = step(number, action, &steps)?;
        steps.push(step);
    }
    steps.iter_mut().for_each(|step| step.outcome = None);
    Ok(steps)
}

/// One step, checked with what the earlier ones will return. It carries an example of its own output for those after it.
fn step(number: u32, action: Action, earlier: &[Step]) -> Result<Step, String> {
    let at = |reason: String| format!("step {number}: {reason}");
    let class = class(&action.kind).ok_or_else(|| at(format!("no action is called {}", action.kind)))?;
    let mut named = references(&action.arguments);
    named.extend(references(&action.revision));
    if named.iter().any(|earlier| *earlier == 0 || *earlier >= u64::from(number)) {
        return Err(at("data_from_step must name an earlier step".to_owned()));
    }
    let mut step = Step {
        number,
        action,
        intended_at: None,
        idempotency_key: None,
        tries: 0,
        not_before: None,
        waiting_for: None,
        waiting_since: None,
        settled_at: None,
        outcome: None,
    };
    let example = resolve_references(&step, earlier).map_err(at)?;
    class.check(&example).map_err(at)?;
    step.outcome = Some(Outcome::Done { output: class.returns() });
    Ok(step)
}

/// The card of a plan: the steps' own lines under one title.
pub fn plan_card(title: String, undo: String, check: String, steps: &[Step]) -> CardText {
    let lines: Vec<StepText> = steps
        .iter()
        .filter_map(|step| Some(class(&step.action.kind)?.card(&step.action, String::new()).steps))
        .flatten()
        .collect();
    CardText { title, steps: lines, undo, check }
}

/// The card of an action; of a plan that has no name of its own with this title and this undo. `None`: it cannot be read.
pub fn draw(action: &Action, otherwise: (String, String), check: String) -> Option<CardText> {
    if action.kind != PLAN {
        return Some(class(&action.kind)?.card(action, check));
    }
    let steps = plan_steps(action).ok()?;
    let actions: Vec<Action> = steps.iter().map(|step| step.action.clone()).collect();
    let (title, undo) = plan_words(&actions).unwrap_or(otherwise);
    Some(plan_card(title, undo, check, &steps))
}

/// Title and undo of a plan with a name, made from its steps. `None`: it has none.
pub(crate) fn plan_words(steps: &[Action]) -> Option<(String, String)> {
    match steps {
        [revert, merge] if (revert.kind.as_str(), merge.kind.as_str()) == ("github.revert_pr", "github.merge_pr") => {
            let number = revert.arguments["number"].as_u64()?;
            let repository = revert.target["repository"].as_str().unwrap_or_default();
            let title = format!("Revert #{number} on {repository}, then merge the revert");
            Some((title, "revert the revert".to_owned()))
        }
        [flag, note] if (flag.kind.as_str(), note.kind.as_str()) == ("posthog.set_flag", "posthog.annotate") => {
            let key = flag.arguments["key"].as_str().filter(|_| flag.arguments["active"] == json!(false))?;
            let undo = class(&flag.kind)?.card(flag, String::new()).undo;
            Some((format!("Turn flag {key} off, then annotate it"), undo))
        }
        _ => None,
    }
}

/// The step's action with every `{"data_from_step": n, "field": "f"}` replaced by what step n returned.
///
/// # Errors
/// Names the step and field that is not there.
pub fn resolve_references(step: &Step, all: &[Step]) -> Result<Action, String> {
    let mut action = step.action.clone();
    replace(&mut action.arguments, all)?;
    replace(&mut action.revision, all)?;
    Ok(action)
}

/// An action of the rest of a plan, once the `done` steps before it returned: what they returned is filled in, and references to
/// steps that are still to come count from the first of these.
pub(crate) fn resolve_known(action: &Action, earlier: &[Step], done: u64) -> Result<Action, String> {
    let mut action = action.clone();
    for part in [&mut action.arguments, &mut action.revision] {
        fill_in(part, earlier, done)?;
    }
    Ok(action)
}

fn fill_in(value: &mut Value, earlier: &[Step], done: u64) -> Result<(), String> {
    if let Some((number, _)) = reference(value) {
        if number <= done {
            return replace(value, earlier);
        }
        value["data_from_step"] = Value::from(number - done);
        return Ok(());
    }
    match value {
        Value::Object(object) => object.values_mut().try_for_each(|inner| fill_in(inner, earlier, done)),
        Value::Array(items) => items.iter_mut().try_for_each(|inner| fill_in(inner, earlier, done)),
        _ => Ok(()),
    }
}

fn reference(value: &Value) -> Option<(u64, &str)> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    Some((object.get("data_from_step")?.as_u64()?, object.get("field")?.as_str()?))
}

fn references(value: &Value) -> Vec<u64> {
    match value {
        Value::Object(object) => match reference(value) {
            Some((step, _)) => vec![step],
            None => object.values().flat_map(references).collect(),
        },
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn replace(value: &mut Value, all: &[Step]) -> Result<(), String> {
    if let Some((number, field)) = reference(value) {
        let step = all.iter().find(|step| u64::from(step.number) == number);
        let output = match step.and_then(|step| step.outcome.as_ref()) {
            Some(Outcome::Done { output }) => output,
            _ => return Err(format!("step {number} has not returned anything")),
        };
        let found = output.get(field).cloned();
        *value = found.ok_or_else(|| format!("step {number} returned no {field}"))?;
        return Ok(());
    }
    match value {
        Value::Object(object) => object.values_mut().try_for_each(|inner| replace(inner, all)),
        Value::Array(items) => items.iter_mut().try_for_each(|inner| replace(inner, all)),
        _ => Ok(()),
    }
}
