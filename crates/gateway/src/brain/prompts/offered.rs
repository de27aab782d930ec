//! The variables that code offers to each prompt, with samples. Every one is written by us or by the people of the instance:
//! nothing from outside is among them, so nothing from outside can get into a system message.

use serde_json::{Value, json};

/// What is offered to the prompt `id`, as samples; `None`: no code asks for such a prompt.
pub fn offered(id: &str) -> Option<Value> {
    let own = json!({"name": "Wakeman", "watching": "acme/app"});
    let clock = json!({"now": "Tue 3 Nov 2026 09:00", "zone": "Europe/Berlin"});
    let more = match id {
        "chat" => json!({"operator": "ada", "role": "owner", "mode": "propose"}),
        "explain-finding" => json!({}),
        "morning-brief" | "night-check" | "weekly-review" | "release-check" => json!({"since": "yesterday 09:00"}),
        "tip-generator" => return Some(own),
        _ => return None,
    };
    let members = [own, clock, more].into_iter().filter_map(|part| match part {
        Value::Object(members) => Some(members),
        _ => None,
    });
    Some(Value::Object(members.flatten().collect()))
}
