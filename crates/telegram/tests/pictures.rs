//! A chart under a message is the one of what it says now; and what asks to be answered.

use serde_json::Value;
use wakeman_lab::client::FaultMode;
use wakeman_types::{AskReasonView, DeliveryReport, Finding, View};

use crate::samples;
use crate::support::{Running, Scene};

fn told(finding: Finding) -> View {
    View::Finding(Box::new(samples::asked(finding)))
}

/// The same, another step on.
fn later() -> Finding {
    let mut finding = samples::finding();
    let last = *finding.series.last().unwrap();
    finding.series.push(wakeman_types::SeriesPoint { at: last.at.plus_ms(finding.step_ms), value: 1.0, ..last });
    finding
}

async fn shown(scene: &Scene) -> Value {
    let mut seen = scene.seen(42).await;
    assert_eq!(seen.len(), 1, "nobody is notified again: {seen:?}");
    seen.remove(0)
}

/// A finding with its chart stands in the chat.
async fn scene() -> (Scene, Running, Value) {
    let scene = Scene::with_charts().await;
    let running = scene.run();
    scene.gateway.owe_with(42, "", |claimed| claimed.delivery.view = told(samples::finding()));
    scene.all_settled().await;
    let first = shown(&scene).await;
    assert!(first["photo"]["file"].is_string(), "{first}");
    (scene, running, first)
}

async fn edit(scene: &Scene, at: &Value, view: View) {
    let number = scene.gateway.owe_with(42, "", |claimed| {
        (claimed.delivery.view, claimed.edit) = (view, Some(at.to_string()));
    });
    scene.all_settled().await;
    assert_eq!(scene.gateway.report(number), Some(DeliveryReport::Sent { reference: Some(at.to_string()) }));
}

#[tokio::test]
async fn an_edit_with_another_chart_replaces_the_picture_where_it_stands() {
    let (scene, running, first) = scene().await;
    edit(&scene, &first["message"], told(later())).await;
    let second = shown(&scene).await;
    assert_eq!(second["message"], first["message"]);
    assert_ne!(second["photo"]["file"], first["photo"]["file"]);
    running.stop().await;
    // Another process does not know what stands there.
    let running = scene.run();
    edit(&scene, &first["message"], told(samples::finding())).await;
    assert_ne!(shown(&scene).await["photo"]["file"], second["photo"]["file"]);
    running.stop().await;
}

#[tokio::test]
async fn an_edit_of_a_picture_that_did_not_get_through_is_made_again() {
    let (scene, running, first) = scene().await;
    let mut milder = later();
    milder.severity = wakeman_types::Severity::Warning;
    scene.fault("editmessagemedia", FaultMode::NotApplied, 1).await;
    scene.fault("editmessagemedia", FaultMode::ReplyLost, 1).await;
    edit(&scene, &first["message"], told(milder)).await;
    let second = shown(&scene).await;
    assert_ne!((&second["text"], &second["photo"]["file"]), (&first["text"], &first["photo"]["file"]));
    running.stop().await;
}

#[tokio::test]
async fn a_findings_message_that_somebody_deleted_does_not_come_back_when_it_is_brought_up_to_date() {
    let (scene, running, first) = scene().await;
    scene.lab.telegram("delete", &serde_json::json!({"chat": 42, "message": first["message"]})).await.unwrap();
    let mut refreshed = samples::asked(later());
    refreshed.news = wakeman_types::FindingNews::Asked;
    scene.gateway.owe_with(42, "", |claimed| {
        (claimed.delivery.view, claimed.edit) =
            (View::Finding(Box::new(refreshed)), Some(first["message"].to_string()));
        claimed.delivery.refresh = true;
    });
    scene.all_settled().await;
    assert!(scene.seen(42).await.is_empty(), "nobody is rung");
    // What is news of it is told all the same.
    let news = samples::asked(samples::finding());
    scene.gateway.owe_with(42, "", |claimed| {
        (claimed.delivery.view, claimed.edit) = (View::Finding(Box::new(news)), Some(first["message"].to_string()));
    });
    scene.all_settled().await;
    shown(&scene).await;
    running.stop().await;
}

#[tokio::test]
async fn a_message_that_was_a_text_gets_its_chart_when_it_has_one() {
    let scene = Scene::with_charts().await;
    let running = scene.run();
    scene.gateway.owe(42, "before its chart");
    scene.all_settled().await;
    let first = shown(&scene).await;
    edit(&scene, &first["message"], told(samples::finding())).await;
    let second = shown(&scene).await;
    assert!(
        second["photo"]["file"].is_string() && second["text"].as_str().unwrap().contains("Sign-ups down"),
        "{second}"
    );
    running.stop().await;
}

#[tokio::test]
async fn what_asks_for_a_reason_opens_the_field_to_answer_it() {
    let scene = Scene::with_charts().await;
    let running = scene.run();
    let view = View::AskReason(AskReasonView { proposal: samples::proposal().id });
    scene.gateway.owe_with(42, "", |claimed| claimed.delivery.view = view);
    scene.all_settled().await;
    let seen = shown(&scene).await;
    assert_eq!((&seen["asks_reply"], seen["text"].as_str().unwrap().contains("Why?")), (&Value::Bool(true), true));
    // In a group it would open the field of everybody there: whoever rejected answers the message by themselves.
    scene.lab.telegram("chat", &serde_json::json!({"id": -100, "title": "Watch"})).await.unwrap();
    let view = View::AskReason(AskReasonView { proposal: samples::proposal().id });
    scene.gateway.owe_with(-100, "", |claimed| claimed.delivery.view = view);
    scene.all_settled().await;
    let seen = scene.seen(-100).await.remove(0);
    assert_eq!((&seen["asks_reply"], seen["text"].as_str().unwrap().contains("Why?")), (&Value::Bool(false), true));
    running.stop().await;
}
