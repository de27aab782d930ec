//! Staging: a card and nothing more, whoever asks and however often.

use serde_json::{Value, json};
use wakeman_types::{Citation, Proposal, ProposalState, TurnAction};

use super::Room;
use crate::support::Fault;

async fn proposals(room: &Room) -> Vec<Proposal> {
    room.world.all().await
}

#[tokio::test]
async fn a_proposal_is_staged_shown_and_waits() {
    let room = Room::new().await;
    let answer = room.ask("propose", json!({"action": "revert_pr", "number": 482})).await;
    let [made] = proposals(&room).await.try_into().unwrap();
    assert_eq!(answer.actions, [TurnAction::Proposal { id: made.id }]);
    assert_eq!(answer.citations, [Citation::Proposal { id: made.id }]);
    assert_eq!((made.state, made.finding, made.thread.as_str()), (ProposalState::Pending, None, "thread_chat"));
    assert_eq!(made.requested_by.to_string(), "telegram:1");
    let said = room.world.said(&room.thread).await;
    assert!(said[0].contains("Revert #482 on acme/app, then merge the revert"), "{said:?}");
    assert!(room.world.owed().await > 0, "the card is owed");
    assert_eq!(room.world.events_of(made.id).await, ["proposal.shown"]);
    room.world.run_to_end().await;
    room.nothing_was_done();
}

#[tokio::test]
async fn each_action_is_drafted_from_the_world_as_it_is() {
    let room = Room::new().await;
    let flag = json!({"action": "set_flag", "flag": "checkout-fast", "on": false});
    let issue = json!({"action": "open_issue", "title": "Form loses the email", "body": "Since #482."});
    for arguments in [flag, issue] {
        room.ask("propose", arguments).await;
    }
    let all = proposals(&room).await;
    let kinds: Vec<&str> = all.iter().map(|made| made.action.kind.as_str()).collect();
    assert_eq!(kinds, ["posthog.set_flag", "github.open_issue"]);
    assert_eq!(all[0].action.revision, json!({"id": 7, "version": 12, "active": true, "rollout": 1.0}));
    let body = all[1].action.arguments["body"].as_str().unwrap();
    assert!(body.starts_with("Since #482.") && body.contains("wakeman-proposal: test/P-2/1"), "{body}");
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_anybody_is_asked() {
    let room = Room::new().await;
    let table: [(Value, &str); 9] = [
        (json!({"action": "merge_pr", "number": 482}), "#482 is merged already"),
        (json!({"action": "set_error_status", "id": "e1", "status": "active"}), "the error e1 is active already"),
        (json!({"action": "post_webhook", "id": "evil", "payload": {}}), "settings name no webhook evil"),
        (json!({"action": "post_webhook", "id": "ops"}), "`payload`: is missing; post_webhook needs it"),
        (json!({"action": "annotate", "body": "x".repeat(301)}), "`body`: has 301 characters; write 1 to 300"),
        (json!({"action": "set_flag", "flag": "checkout-fast", "on": true}), "flag checkout-fast is on already"),
        (json!({"action": "set_flag", "flag": "other", "on": true}), "no flag other"),
        (json!({"action": "revert_pr", "number": 482, "finding": "F-9"}), "there is no finding F-9"),
        (
            json!({"action": "open_issue", "title": "x", "body": "y".repeat(3_001)}),
            "`body`: has 3001 characters; write 1 to 3000",
        ),
    ];
    for (arguments, want) in table {
        assert_eq!(room.refused("propose", arguments).await, want);
    }
    assert!(proposals(&room).await.is_empty());
}

#[tokio::test]
async fn the_same_is_not_proposed_twice_and_no_list_is_filled() {
    let room = Room::new().await;
    let revert = json!({"action": "revert_pr", "number": 482});
    room.ask("propose", revert.clone()).await;
    let again = room.ask("propose", revert).await;
    assert_eq!(again.content, "P-1: proposed already; nothing new was staged");
    for n in 0..9 {
        room.ask("propose", json!({"action": "open_issue", "title": format!("issue {n}"), "body": "b"})).await;
    }
    let said = room.refused("propose", json!({"action": "open_issue", "title": "one more", "body": "b"})).await;
    assert_eq!(said, "10 proposals wait for a decision already; those come first");
    assert_eq!(proposals(&room).await.len(), 10);
}

#[tokio::test]
async fn for_a_finding_it_becomes_the_findings_own() {
    let room = Room::new().await;
    let finding = room.world.finding().await;
    room.ask("propose", json!({"action": "revert_pr", "number": 482, "finding": "F-1"})).await;
    let [made] = proposals(&room).await.try_into().unwrap();
    assert_eq!(made.finding, Some(finding.id));
    assert!(!made.card.check.is_empty());
    let linked: wakeman_types::Finding = room.world.get(finding.id).await;
    assert_eq!(linked.proposal, Some(made.id));
}

#[tokio::test]
async fn approved_by_a_person_it_runs_like_any_other() {
    let room = Room::new().await;
    room.ask("propose", json!({"action": "set_flag", "flag": "checkout-fast", "on": false})).await;
    let [made] = proposals(&room).await.try_into().unwrap();
    room.world.approve(&made).await;
    room.world.run_to_end().await;
    assert_eq!(room.world.flags.effects(), ["checkout-fast off"]);
}

#[tokio::test]
async fn in_observe_mode_nothing_is_proposed() {
    let room = Room::with(json!({"runtime": {"executionMode": "observe"}}), "{}").await;
    let said = room.refused("propose", json!({"action": "revert_pr", "number": 482})).await;
    assert!(said.starts_with("propose is not available here"), "{said}");
}

#[tokio::test]
async fn an_action_whose_switch_is_off_is_refused_by_name() {
    let room = Room::with(json!({}), r#"{"github": {"pushBranches": false}}"#).await;
    let said = room.refused("propose", json!({"action": "revert_pr", "number": 482})).await;
    assert!(said.contains("github.pushBranches is switched off in read-only/tools.json"), "{said}");
    room.ask("propose", json!({"action": "set_flag", "flag": "checkout-fast", "on": false})).await;
}

#[tokio::test]
async fn a_world_that_cannot_be_read_is_unknown() {
    let room = Room::new().await;
    room.world.repo.fail("pull", &[Fault::NotDone]);
    let said = room.refused("propose", json!({"action": "revert_pr", "number": 482})).await;
    assert_eq!(said, "GitHub could not be read, so this is unknown: 502 before it was taken");
}
