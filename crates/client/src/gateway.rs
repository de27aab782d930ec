//! The traits of the gateway, method by route.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use wakeman_types::{
    Accepted, Admin, AskRequest, Channel, Chat, ClaimedDelivery, ControlView, DecisionRequest, DeliveryId,
    DeliveryReport, ErrorKind, ExecutionMode, FeaturesView, FeedbackView, Finding, FindingId, FindingView, Findings,
    ForgottenView, Frontend, FrontendHealth, GatewayError, Inbound, LearntRequest, LearntStatsView, ListRequest,
    LiveStream, Mute, Occurrence, OperatorId, Page, PairCode, PairRequest, Pairing, Principal, PromoteRequest,
    PromotionView, PromptStatsView, Proposal, ProposalId, ProposalView, Proposals, Ranking, RankingView, Reply,
    ResolveRequest, ScoresView, StatusView, Thread, ThreadId, ThreadView, Tip, TipId, TipView, TipWhyView, TurnStream,
    UnpairRequest, WakeupOrder, WakeupView, Wakeups, WhoamiView, WhyView,
};

use crate::{SocketClient, wire::Call};

/// Most of a batch that goes in one request, in bytes; the server takes somewhat more.
const BATCH_BYTES_MAX: usize = 160 * 1024;

#[derive(Serialize)]
struct Snooze {
    duration_ms: i64,
}

#[derive(Serialize)]
struct MuteFor {
    duration_ms: Option<i64>,
}

#[derive(Serialize)]
struct SetMode {
    mode: ExecutionMode,
}

#[derive(Serialize)]
struct Halt {
    reason: Option<String>,
}

#[derive(Serialize)]
struct Whose {
    operator: Option<OperatorId>,
}

#[derive(Deserialize)]
struct Reset {
    reset: u32,
}

#[derive(Serialize)]
struct Feedback {
    useful: bool,
}

#[derive(Serialize)]
struct Claim {
    lease_ms: i64,
    limit: u32,
}

#[derive(Deserialize)]
struct Claimed {
    items: Vec<ClaimedDelivery>,
}

#[derive(Serialize)]
struct Confirm {
    epoch: u64,
    report: DeliveryReport,
}

#[derive(Serialize)]
struct Batch {
    items: Vec<Inbound>,
    checkpoint: Option<String>,
}

#[derive(Deserialize)]
struct Offset {
    checkpoint: Option<String>,
}

#[derive(Serialize)]
struct Placed<'a> {
    chat: &'a str,
    key: &'a str,
    reference: &'a str,
}

#[derive(Serialize)]
struct Ready {
    wait_ms: i64,
}

#[derive(Deserialize)]
struct Stopped {
    stopped: u32,
}

/// A page of the list at `segments`.
fn page(client: &SocketClient, segments: &[&str], list: &ListRequest) -> Result<Call, GatewayError> {
    Ok(client.wire.get(segments)?.query(list))
}

impl Chat for SocketClient {
    fn ask<'a>(&'a self, _by: &'a Principal, request: AskRequest) -> Reply<'a, TurnStream> {
        Box::pin(async move { self.wire.follow(self.wire.post(&["chat"])?.json(&request)).await })
    }

    fn stop<'a>(&'a self, _by: &'a Principal, thread: &'a ThreadId) -> Reply<'a, u32> {
        Box::pin(async move {
            let stopped: Stopped = self.wire.ask(self.wire.post(&["threads", thread.as_str(), "stop"])?).await?;
            Ok(stopped.stopped)
        })
    }

    fn threads<'a>(&'a self, _by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Thread>> {
        Box::pin(async move { self.wire.ask(page(self, &["threads"], &list)?).await })
    }

    fn thread<'a>(&'a self, _by: &'a Principal, id: &'a ThreadId, list: ListRequest) -> Reply<'a, ThreadView> {
        Box::pin(async move { self.wire.ask(page(self, &["threads", id.as_str(), "messages"], &list)?).await })
    }
}

impl SocketClient {
    /// What an operator says of a finding.
    async fn say(&self, id: FindingId, word: &str) -> Result<Finding, GatewayError> {
        self.wire.ask(self.wire.post(&["findings", &id.to_string(), word])?).await
    }
}

impl Findings for SocketClient {
    fn findings<'a>(&'a self, _by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Finding>> {
        Box::pin(async move { self.wire.ask(page(self, &["findings"], &list)?).await })
    }

    fn finding<'a>(&'a self, _by: &'a Principal, id: FindingId) -> Reply<'a, FindingView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["findings", &id.to_string()])?).await })
    }

    fn why<'a>(&'a self, _by: &'a Principal, id: FindingId) -> Reply<'a, WhyView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["findings", &id.to_string(), "why"])?).await })
    }

    fn acknowledge<'a>(&'a self, _by: &'a Principal, id: FindingId) -> Reply<'a, Finding> {
        Box::pin(self.say(id, "acknowledge"))
    }

    fn snooze<'a>(&'a self, _by: &'a Principal, id: FindingId, duration_ms: i64) -> Reply<'a, Finding> {
        Box::pin(async move {
            let call = self.wire.post(&["findings", &id.to_string(), "snooze"])?.json(&Snooze { duration_ms });
            self.wire.ask(call).await
        })
    }

    fn mute<'a>(&'a self, _by: &'a Principal, id: FindingId, duration_ms: Option<i64>) -> Reply<'a, Mute> {
        Box::pin(async move {
            let call = self.wire.post(&["findings", &id.to_string(), "mute"])?.json(&MuteFor { duration_ms });
            self.wire.ask(call).await
        })
    }

    fn unmute<'a>(&'a self, _by: &'a Principal, id: FindingId) -> Reply<'a, Finding> {
        Box::pin(self.say(id, "unmute"))
    }

    fn resolve<'a>(&'a self, _by: &'a Principal, id: FindingId) -> Reply<'a, Finding> {
        Box::pin(self.say(id, "resolve"))
    }
}

impl Proposals for SocketClient {
    fn proposals<'a>(&'a self, _by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Proposal>> {
        Box::pin(async move { self.wire.ask(page(self, &["proposals"], &list)?).await })
    }

    fn proposal<'a>(&'a self, _by: &'a Principal, id: ProposalId) -> Reply<'a, ProposalView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["proposals", &id.to_string()])?).await })
    }

    fn decide<'a>(&'a self, _by: &'a Principal, id: ProposalId, request: DecisionRequest) -> Reply<'a, Proposal> {
        Box::pin(async move {
            let call = self.wire.post(&["proposals", &id.to_string(), "decision"])?.json(&request);
            self.wire.ask(call).await
        })
    }

    fn renew<'a>(&'a self, _by: &'a Principal, id: ProposalId) -> Reply<'a, ProposalView> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["proposals", &id.to_string(), "renew"])?).await })
    }

    fn resolve_proposal<'a>(
        &'a self,
        _by: &'a Principal,
        id: ProposalId,
        request: ResolveRequest,
    ) -> Reply<'a, Proposal> {
        Box::pin(async move {
            let call = self.wire.post(&["proposals", &id.to_string(), "resolve"])?.json(&request);
            self.wire.ask(call).await
        })
    }
}

impl Ranking for SocketClient {
    fn feedback<'a>(&'a self, _by: &'a Principal, id: FindingId, useful: bool) -> Reply<'a, FeedbackView> {
        Box::pin(async move {
            let call = self.wire.post(&["findings", &id.to_string(), "feedback"])?.json(&Feedback { useful });
            self.wire.ask(call).await
        })
    }

    fn tip<'a>(&'a self, _by: &'a Principal) -> Reply<'a, TipView> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["recommend"])?).await })
    }

    fn tip_feedback<'a>(&'a self, _by: &'a Principal, id: TipId, useful: bool) -> Reply<'a, Tip> {
        Box::pin(async move {
            let call = self.wire.post(&["tips", &id.to_string(), "feedback"])?.json(&Feedback { useful });
            self.wire.ask(call).await
        })
    }

    fn tip_why<'a>(&'a self, _by: &'a Principal, id: TipId) -> Reply<'a, TipWhyView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["tips", &id.to_string(), "why"])?).await })
    }

    fn prompt_stats<'a>(&'a self, _by: &'a Principal) -> Reply<'a, PromptStatsView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["prompts", "stats"])?).await })
    }

    fn ranking<'a>(&'a self, _by: &'a Principal) -> Reply<'a, RankingView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["ranking"])?).await })
    }

    fn ranking_scores<'a>(&'a self, _by: &'a Principal, request: LearntRequest) -> Reply<'a, ScoresView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["ranking", "scores"])?.query(&request)).await })
    }

    fn ranking_stats<'a>(&'a self, _by: &'a Principal, request: LearntRequest) -> Reply<'a, LearntStatsView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["ranking", "stats"])?.query(&request)).await })
    }

    fn ranking_features<'a>(&'a self, _by: &'a Principal, request: LearntRequest) -> Reply<'a, FeaturesView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["ranking", "features"])?.query(&request)).await })
    }

    fn promote<'a>(&'a self, _by: &'a Principal, request: PromoteRequest) -> Reply<'a, ProposalView> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["ranking", "promote"])?.json(&request)).await })
    }

    fn rollback<'a>(&'a self, _by: &'a Principal) -> Reply<'a, PromotionView> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["ranking", "rollback"])?).await })
    }

    fn reset_ranking<'a>(&'a self, _by: &'a Principal, operator: Option<OperatorId>) -> Reply<'a, u32> {
        Box::pin(async move {
            let call = self.wire.post(&["ranking", "reset"])?.json(&Whose { operator });
            let answer: Reset = self.wire.ask(call).await?;
            Ok(answer.reset)
        })
    }

    fn forget<'a>(&'a self, _by: &'a Principal, operator: OperatorId) -> Reply<'a, ForgottenView> {
        Box::pin(async move {
            let call = self.wire.post(&["ranking", "forget"])?.json(&Whose { operator: Some(operator) });
            self.wire.ask(call).await
        })
    }
}

impl Wakeups for SocketClient {
    fn wakeups<'a>(&'a self, _by: &'a Principal) -> Reply<'a, Vec<WakeupView>> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["wakeups"])?).await })
    }

    fn order_wakeup<'a>(&'a self, _by: &'a Principal, order: WakeupOrder) -> Reply<'a, WakeupView> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["wakeups"])?.json(&order)).await })
    }

    fn wakeup_history<'a>(&'a self, _by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Occurrence>> {
        Box::pin(async move { self.wire.ask(page(self, &["wakeups", "history"], &list)?).await })
    }
}

/// The batch in parts that a request can carry, in order; the last part alone may be the whole.
fn parts(batch: Vec<Inbound>) -> Vec<Vec<Inbound>> {
    let mut parts = vec![Vec::new()];
    let mut size = 0;
    for inbound in batch {
        let own = serde_json::to_vec(&inbound).map_or(0, |bytes| bytes.len());
        if size + own > BATCH_BYTES_MAX && size > 0 {
            parts.push(Vec::new());
            size = 0;
        }
        size += own;
        if let Some(part) = parts.last_mut() {
            part.push(inbound);
        }
    }
    parts
}

impl Frontend for SocketClient {
    fn accept_inbound(&self, channel: Channel, batch: Vec<Inbound>, checkpoint: Option<String>) -> Reply<'_, Accepted> {
        Box::pin(async move {
            let mut accepted = Accepted::default();
            let parts = parts(batch);
            let last = parts.len() - 1;
            for (number, items) in parts.into_iter().enumerate() {
                // The offset goes with the last part: what is taken without it is taken once all the same.
                let checkpoint = checkpoint.clone().filter(|_| number == last);
                let call = self.wire.post(&["adapters", channel.name(), "inbound"])?.json(&Batch { items, checkpoint });
                let part: Accepted = self.wire.ask(call).await?;
                accepted.new += part.new;
                accepted.repeated += part.repeated;
            }
            Ok(accepted)
        })
    }

    fn checkpoint(&self, channel: Channel) -> Reply<'_, Option<String>> {
        Box::pin(async move {
            let offset: Offset = self.wire.ask(self.wire.get(&["adapters", channel.name(), "checkpoint"])?).await?;
            Ok(offset.checkpoint)
        })
    }

    /// Ends when the connection does; ask again then.
    fn live(&self, channel: Channel) -> Reply<'_, LiveStream> {
        Box::pin(async move { self.wire.lines(self.wire.get(&["adapters", channel.name(), "live"])?).await })
    }

    fn placed<'a>(&'a self, channel: Channel, chat: &'a str, key: &'a str, reference: &'a str) -> Reply<'a, ()> {
        Box::pin(async move {
            let call = self.wire.post(&["adapters", channel.name(), "placed"])?;
            self.wire.tell(call.json(&Placed { chat, key, reference })).await
        })
    }

    fn report_health(&self, channel: Channel, health: FrontendHealth) -> Reply<'_, ()> {
        Box::pin(
            async move { self.wire.tell(self.wire.post(&["adapters", channel.name(), "health"])?.json(&health)).await },
        )
    }

    fn deliveries_ready(&self, channel: Channel, wait_ms: i64) -> Reply<'_, ()> {
        Box::pin(async move {
            self.wire.tell(self.wire.get(&["adapters", channel.name(), "ready"])?.query(&Ready { wait_ms })).await
        })
    }

    fn claim_deliveries(&self, channel: Channel, lease_ms: i64, limit: u32) -> Reply<'_, Vec<ClaimedDelivery>> {
        Box::pin(async move {
            let call = self.wire.get(&["adapters", channel.name(), "deliveries"])?.query(&Claim { lease_ms, limit });
            let claimed: Claimed = self.wire.ask(call).await?;
            let mut known = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
            for claim in &claimed.items {
                known.note(&claim.delivery.id, channel);
            }
            drop(known);
            Ok(claimed.items)
        })
    }

    fn confirm_delivery<'a>(&'a self, id: &'a DeliveryId, epoch: u64, report: DeliveryReport) -> Reply<'a, ()> {
        Box::pin(async move {
            let channel = self.claimed.lock().unwrap_or_else(PoisonError::into_inner).channel_of(id);
            let channel = channel.ok_or_else(|| {
                GatewayError::new(ErrorKind::Invalid, format!("delivery {id} was not claimed here; claim it first"))
            })?;
            let call = self.wire.post(&["adapters", channel.name(), "deliveries", id.as_str(), "confirm"])?;
            let told = self.wire.tell(call.json(&Confirm { epoch, report })).await;
            // Whatever the answer, it was the last; what was not heard or could not be kept is told again.
            let again = |error: &GatewayError| {
                matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Storage | ErrorKind::Conflict)
            };
            if !told.as_ref().is_err_and(again) {
                self.claimed.lock().unwrap_or_else(PoisonError::into_inner).forget(id);
            }
            told
        })
    }
}

impl Admin for SocketClient {
    fn status<'a>(&'a self, _by: &'a Principal) -> Reply<'a, StatusView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["status"])?).await })
    }

    fn whoami<'a>(&'a self, _by: &'a Principal) -> Reply<'a, WhoamiView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["whoami"])?).await })
    }

    fn control<'a>(&'a self, _by: &'a Principal) -> Reply<'a, ControlView> {
        Box::pin(async move { self.wire.ask(self.wire.get(&["mode"])?).await })
    }

    fn set_mode<'a>(&'a self, _by: &'a Principal, mode: ExecutionMode) -> Reply<'a, ControlView> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["mode"])?.json(&SetMode { mode })).await })
    }

    fn halt<'a>(&'a self, _by: &'a Principal, reason: Option<String>) -> Reply<'a, ControlView> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["halt"])?.json(&Halt { reason })).await })
    }

    fn resume<'a>(&'a self, _by: &'a Principal) -> Reply<'a, ControlView> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["resume"])?).await })
    }

    fn pair<'a>(&'a self, _by: &'a Principal, request: PairRequest) -> Reply<'a, PairCode> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["pair"])?.json(&request)).await })
    }

    fn unpair<'a>(&'a self, _by: &'a Principal, request: UnpairRequest) -> Reply<'a, Pairing> {
        Box::pin(async move { self.wire.ask(self.wire.post(&["pair", "revoke"])?.json(&request)).await })
    }
}
