//! Which tools there are, what they cost, and what a switch takes away.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wakeman_gateway::{Core, ports::ToolSpec, tools::Effect};

use super::{Room, every_call};

/// A tool as it stands in a request to the model.
fn in_a_request(spec: &ToolSpec) -> Value {
    let (name, description, parameters) = (&spec.name, &spec.description, &spec.parameters);
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
}

fn names(room: &Room) -> BTreeSet<String> {
    room.toolbox.specs(&room.world.core).into_iter().map(|spec| spec.name).collect()
}

#[tokio::test]
async fn all_specs_together_are_small() {
    let room = Room::new().await;
    let specs = room.toolbox.specs(&room.world.core);
    let all: Vec<Value> = specs.iter().map(in_a_request).collect();
    let bytes = json!(all).to_string().len();
    assert_eq!(specs.len(), room.toolbox.all().count(), "everything is configured here");
    let each: Vec<(usize, &str)> =
        specs.iter().map(|spec| (in_a_request(spec).to_string().len(), spec.name.as_str())).collect();
    assert!(bytes <= 5_600, "{bytes} bytes: every request pays for them\n{each:?}");
}

#[tokio::test]
async fn a_schema_says_what_can_be_given_and_nothing_else() {
    let room = Room::new().await;
    let specs = room.toolbox.specs(&room.world.core);
    let parameters = |name: &str| specs.iter().find(|spec| spec.name == name).unwrap().parameters.clone();
    assert_eq!(
        parameters("findings"),
        json!({
            "type": "object",
            "properties": {
                "id": {"type": "string", "description": "F-1: in full"},
                "state": {"enum": ["open", "acknowledged", "snoozed", "resolved"]},
                "limit": {"type": "integer"},
            },
        })
    );
    assert_eq!(parameters("workspace_write")["required"], json!(["path", "text"]));
    assert_eq!(parameters("propose")["properties"]["title"], json!({"type": "string"}), "a name that schemas use too");
}

#[tokio::test]
async fn a_switch_takes_its_tools_away_and_nobody_can_call_them() {
    let table = [
        (
            r#"{"posthog": false}"#,
            vec![
                "posthog_query",
                "posthog_trends",
                "posthog_funnel",
                "posthog_errors",
                "posthog_flags",
                "posthog_annotations",
            ],
        ),
        (r#"{"posthog": {"readErrors": false}}"#, vec!["posthog_errors"]),
        (r#"{"posthog": {"readFlags": false}}"#, vec!["posthog_flags"]),
        (
            r#"{"posthog": {"readInsights": false}}"#,
            vec!["posthog_query", "posthog_trends", "posthog_funnel", "posthog_annotations"],
        ),
        (r#"{"github": {"readRepository": false}}"#, vec!["github_list", "github_read"]),
        (
            r#"{"github": {"createPullRequests": false}, "posthog": {"readFlags": false}}"#,
            // What changes Wakeman itself can be proposed everywhere, and each action that is switched off is refused by name.
            vec!["posthog_flags"],
        ),
    ];
    let all = names(&Room::new().await);
    for (tools, gone) in table {
        let room = Room::with(json!({}), tools).await;
        let missing: BTreeSet<String> = all.difference(&names(&room)).cloned().collect();
        assert_eq!(missing, gone.iter().map(|name| (*name).to_owned()).collect(), "{tools}");
        for (name, arguments) in every_call().into_iter().filter(|(name, _)| gone.contains(name)) {
            let said = room.refused(name, arguments).await;
            assert!(said.contains("is not available here"), "{tools}: {said}");
        }
        assert!(room.readers.asked.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_query_may_not_read_what_a_switch_hides() {
    let room = Room::with(json!({}), r#"{"posthog": {"readErrors": false}}"#).await;
    room.ask("posthog_query", json!({"sql": "SELECT 1"})).await;
    let asked = room.readers.asked.lock().unwrap().join("\n");
    assert!(asked.contains("error_tracking_issues") && asked.contains("logs"), "{asked}");
}

#[tokio::test]
async fn without_sources_only_its_own_tools_are_there() {
    let room = Room::with(json!({"runtime": {"executionMode": "observe"}}), "{}").await;
    let core = &room.world.core;
    let bare = crate::support::World::with(json!({"runtime": {"executionMode": "observe"}}), "{}").await;
    let names = |core: &Core| room.toolbox.specs(core).into_iter().map(|spec| spec.name).collect::<Vec<_>>();
    assert!(names(core).len() > names(&bare.core).len());
    let own = ["findings", "records", "chart", "note", "workspace_read", "workspace_write"];
    assert_eq!(names(&bare.core), own);
}

#[tokio::test]
async fn only_those_that_write_something_run_alone() {
    let room = Room::new().await;
    let alone: Vec<&str> =
        room.toolbox.all().filter(|tool| tool.effect() == Effect::Propose).map(|tool| tool.name()).collect();
    assert_eq!(alone, ["propose", "note", "workspace_write"]);
    for tool in room.toolbox.all() {
        assert!(!tool.doing().is_empty() && tool.description().len() <= 140, "{}", tool.name());
    }
}

#[tokio::test]
async fn no_tool_executes_anything() {
    let room = Room::new().await;
    let called: BTreeSet<&str> = every_call().iter().map(|(name, _)| *name).collect();
    let all: BTreeSet<&str> = room.toolbox.all().map(|tool| tool.name()).collect();
    assert_eq!(called, all, "each is called below");
    for (name, arguments) in every_call() {
        let answer = room.ask(name, arguments).await;
        assert!(!answer.content.is_empty(), "{name}");
    }
    room.nothing_was_done();
    room.world.run_to_end().await;
    room.nothing_was_done();
}
