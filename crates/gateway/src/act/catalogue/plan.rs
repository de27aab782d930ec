//! `plan`: ordered steps, approved as a whole. A later step may use what an earlier one returned.

use serde::{Deserialize, Serialize};
use serde_json::Value;
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
    let mut steps = Vec::with_capacity(actions.len());
    for (number, action) in (1..).zip(actions) {
        let class = class(&action.kind).ok_or_else(|| format!("step {number}: no action is called {}", action.kind))?;
        let references = references(&action.arguments);
        if references.iter().any(|earlier| *earlier == 0 || *earlier >= u64::from(number)) {
            return Err(format!("step {number}: data_from_step must name an earlier step"));
        }
        if references.is_empty() {
            class.check(&action).map_err(|reason| format!("step {number}: {reason}"))?;
        }
        steps.push(Step {
            number,
            action,
            intended_at: None,
            idempotency_key: None,
            tries: 0,
            not_before: None,
            waiting_for: None,
            settled_at: None,
            outcome: None,
        });
    }
    Ok(steps)
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

/// The step's action with every `{"data_from_step": n, "field": "f"}` replaced by what step n returned.
///
/// # Errors
/// Names the step and field that is not there.
pub fn resolve_references(step: &Step, all: &[Step]) -> Result<Action, String> {
    let mut action = step.action.clone();
    replace(&mut action.arguments, all)?;
    Ok(action)
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
