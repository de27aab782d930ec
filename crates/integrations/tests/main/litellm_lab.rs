//! The LiteLLM adapter against the lab's model proxy.

use std::sync::Arc;

use serde_json::json;
use wakeman_gateway::ports::{Clock, Finish, Model, ModelError, ModelMessage, ToolSpec};

use crate::litellm::{Jumping, adapter_with, ask, request, told};
use crate::support::World;

fn look() -> ToolSpec {
    ToolSpec {
        name: "list_findings".to_owned(),
        description: "Open findings, and why a metric dropped".to_owned(),
        parameters: json!({"type": "object", "properties": {}}),
    }
}

#[tokio::test]
async fn a_turn_with_a_tool_streams_and_costs() {
    let world = World::shipped("bad-merge").await;
    let model = adapter_with(&format!("{}/v1", world.address), Some("k"), Arc::new(Jumping::new(world.clock.clone())));
    let mut turn = request("why did sign-ups drop?");
    turn.deadline = world.clock.now().plus_ms(600_000);
    turn.tools.push(look());
    let first = ask(&model, &turn).await.0.expect("a call");
    assert_eq!((first.finish, first.calls[0].name.as_str()), (Finish::ToolCalls, "list_findings"));
    assert!(
        first.bill.cost_usd.is_some_and(|cost| cost > 0.0) && first.bill.prompt_tokens.is_some(),
        "{}",
        told(&Ok(first.clone()))
    );
    turn.messages.push(ModelMessage::Assistant { text: first.text, calls: first.calls.clone() });
    let content = "F-1: Sign-ups down 62 %".to_owned();
    turn.messages.push(ModelMessage::Tool { call_id: first.calls[0].id.clone(), content });
    let (second, heard) = ask(&model, &turn).await;
    let second = second.expect("an answer");
    assert!(second.text.contains("Sign-ups down 62 %"), "{}", second.text);
    assert_eq!(second.text, heard);
}

#[tokio::test]
async fn the_labs_refusals_and_cuts_come_to_the_right_error() {
    let world = World::shipped("quiet").await;
    let clock = Arc::new(Jumping::new(world.clock.clone()));
    for (rule, want) in [
        (json!({"error": "too_long"}), "TooLong"),
        (json!({"error": "bad_key"}), "Denied"),
        (json!({"error": "unauthorized"}), "Denied"),
        (json!({"error": "timeout"}), "Unavailable"),
        (json!({"error": "rate_limited", "retry_after": 5_000}), "Limited"),
        (json!({"error": "server_error"}), "Unavailable"),
        (json!({"error": "bad_gateway"}), "Unavailable"),
        (json!({"do": "garbage"}), "Empty"),
        (json!({"do": "empty"}), "Empty"),
        (json!({"text": "one two three", "cut_after": 600}), "Cut"),
        (json!({"text": "one two three", "cut_after": 600, "cut": "error"}), "Cut"),
    ] {
        world.lab.order_model(&json!([rule])).await.expect("the order is taken");
        let model = adapter_with(&world.address, Some("k"), clock.clone());
        let mut turn = request("hi");
        turn.deadline = world.clock.now().plus_ms(600_000);
        let outcome = ask(&model, &turn).await.0;
        assert!(told(&outcome).starts_with(want), "{rule}: {}", told(&outcome));
    }
    world.lab.order_model(&json!([])).await.expect("the order is taken");
    let model = adapter_with(&world.address, None, clock);
    let mut turn = request("hi");
    turn.deadline = world.clock.now().plus_ms(600_000);
    let refused = ask(&model, &turn).await.0;
    assert!(matches!(refused, Err(ModelError::Denied { .. })), "no key: {}", told(&refused));
}

#[tokio::test]
async fn the_lab_embeds_and_lists() {
    let world = World::shipped("quiet").await;
    let model = adapter_with(&world.address, Some("k"), Arc::new(Jumping::new(world.clock.clone())));
    let deadline = world.clock.now().plus_ms(600_000);
    let texts = ["sign-ups fell", "sign-ups fell again"].map(str::to_owned);
    let done = model.embed("embedder", &texts, deadline).await.expect("vectors");
    assert_eq!((done.vectors.len(), done.cost_usd.is_some()), (2, true));
    assert!(model.aliases(deadline).await.expect("a list").contains(&"chat".to_owned()));
}
