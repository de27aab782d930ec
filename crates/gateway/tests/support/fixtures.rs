//! Findings and pending proposals, as the watch would have left them.

use serde_json::{Value, json};
use wakeman_gateway::act::{
    self,
    catalogue::draw,
    draft::{Draft, draft_repair},
};
use wakeman_store::Commit;
use wakeman_types::{
    Action, CandidateCause, Channel, ConversationId, Direction, Finding, FindingId, FindingState, Interruption,
    Measure, MetricId, MetricKind, Proposal, ProposalId, Severity, Subject, Thread, ThreadId, Trend,
};

use super::{NOW, World, merge_482, minutes};

impl World {
    /// A finding about sign-ups whose likely cause is #482, as the watch would have opened it.
    pub async fn finding(&self) -> Finding {
        let number = self.core.store.next_number("finding").await.unwrap();
        let thread = ThreadId::new(format!("thread_{number}"));
        let finding = Finding {
            id: FindingId::new(number),
            fingerprint: format!("metric:fixture-{number}"),
            subject: Subject::Metric {
                metric: MetricId::new(format!("fixture-{number}")),
                name: "Sign-ups".to_owned(),
                kind: MetricKind::Count,
                event: Some("signed_up".to_owned()),
            },
            severity: Severity::Critical,
            state: FindingState::Open,
            since: NOW.plus_ms(-minutes(25)),
            opened_at: NOW,
            updated_at: NOW,
            measure: Some(Measure {
                observed: 41.0,
                expected: 96.0,
                low: 80.0,
                high: 112.0,
                window_ms: minutes(25),
                p_value: 1e-9,
                direction: Direction::Down,
                trend: Trend::Worsening,
            }),
            occurrences: 0,
            series: Vec::new(),
            step_ms: minutes(5),
            also: Vec::new(),
            scope: None,
            causes: vec![CandidateCause { change: merge_482(), probability: 0.87, reasons: Vec::new() }],
            none_probability: 0.06,
            thread: thread.clone(),
            proposal: None,
            interruption: Interruption::Now,
            reopened: 0,
            unknown_since: None,
        };
        let thread = Thread {
            conversation_id: ConversationId::new(format!("conversation-{number}")),
            thread_id: thread,
            channel: Channel::System,
            title: "Sign-ups".to_owned(),
            created_at: NOW,
            updated_at: NOW,
        };
        self.commit(Commit::new(NOW).insert(&finding).insert(&thread)).await;
        finding
    }

    pub async fn commit(&self, commit: Commit) {
        assert!(self.core.store.commit(commit).await.unwrap().landed());
    }

    /// A pending proposal of this action.
    pub async fn propose(&self, action: Action) -> Proposal {
        let named = (action.kind.clone(), "by hand".to_owned());
        let card = draw(&action, named, String::new()).unwrap();
        let finding = self.finding().await;
        self.show(Draft { action, card }, finding).await
    }

    /// A pending proposal to revert #482 and merge the revert.
    pub async fn propose_revert(&self) -> Proposal {
        let finding = self.finding().await;
        let id = ProposalId::new(self.core.store.next_number("proposal").await.unwrap());
        let check = "sign-ups back in 80–112 within 40 min".to_owned();
        let draft = draft_repair(&self.core, id, &finding, &finding.causes[0], check).await.unwrap().unwrap();
        self.show_as(id, draft, finding).await
    }

    /// A pending proposal to turn flag checkout-fast off.
    pub async fn propose_flag(&self) -> Proposal {
        let arguments = json!({"key": "checkout-fast", "active": false, "rollout": null});
        let revision = json!({"id": 7, "version": 12, "active": true, "rollout": 1.0});
        let target = json!({"flag": "checkout-fast"});
        self.propose(Action { kind: "posthog.set_flag".to_owned(), target, arguments, revision }).await
    }

    /// A pending proposal to open an issue.
    pub async fn propose_issue(&self) -> Proposal {
        let number = self.core.store.next_number("issue").await.unwrap();
        let marker = format!("wakeman-proposal: test/issue/{number}");
        let title = format!("Sign-ups fell, {number}");
        let arguments = json!({"title": title, "body": format!("…\n<!-- {marker} -->"), "marker": marker});
        let target = json!({"repository": "acme/app"});
        self.propose(Action { kind: "github.open_issue".to_owned(), target, arguments, revision: Value::Null }).await
    }

    async fn show(&self, draft: Draft, finding: Finding) -> Proposal {
        let id = ProposalId::new(self.core.store.next_number("proposal").await.unwrap());
        self.show_as(id, draft, finding).await
    }

    async fn show_as(&self, id: ProposalId, draft: Draft, mut finding: Finding) -> Proposal {
        let thread = finding.thread.clone();
        let made = act::draft::proposal(&self.core, id, draft, &finding, &thread, self.core.now()).unwrap();
        finding.proposal = Some(id);
        self.commit(Commit::durable(self.core.now()).insert(&made).put(&finding)).await;
        made
    }
}
