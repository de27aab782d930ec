//! The trait, method by method. Each first asks who speaks.

use std::sync::Arc;

use wakeman_store::ListQuery;
use wakeman_types::{
    Accepted, Admin, AskRequest, Channel, Chat, ClaimedDelivery, ControlView, DecisionRequest, DeliveryId,
    DeliveryReport, ErrorKind, ExecutionMode, FeaturesView, FeedbackView, Finding, FindingId, FindingNews, FindingView,
    Findings, ForgottenView, Frontend, FrontendHealth, GatewayError, Identity, Inbound, LearntRequest, LearntStatsView,
    ListRequest, LiveStream, Message, Mute, Note, Occurrence, OccurrenceState, OperatorId, Page, PairCode, PairRequest,
    Pairing, Principal, PromoteRequest, PromotionView, PromptStatsView, Proposal, ProposalId, ProposalState,
    ProposalView, Proposals, Ranking, RankingView, Reply, ResolveRequest, Role, SafeMode, ScoresView, StatusView,
    Thread, ThreadId, ThreadView, Tip, TipId, TipView, TipWhyView, TurnStream, UnpairRequest, Verdict, WakeupOrder,
    WakeupView, Wakeups, WhoamiView, WhyView,
};

use super::{
    counted::Counted,
    lists::{limit, page},
    not_found, settle_error, storage_error,
};
use crate::{
    act::{self, DecideError, draft::repair_label},
    brain::Brain,
    core::Core,
    deliver,
    findings::{
        verbs::{Word, apply},
        why,
    },
    inbox, modes, pairing, rank, wake,
};

const FINDING_STATES: [&str; 4] = ["open", "acknowledged", "snoozed", "resolved"];

/// The brain as every surface sees it.
pub struct Desk {
    core: Arc<Core>,
    brain: Arc<Brain>,
}

impl Desk {
    /// A desk over this instance.
    pub fn new(core: Arc<Core>) -> Self {
        let brain = Brain::new(Arc::clone(&core));
        Self { core, brain }
    }

    /// A desk over this instance whose brain others share.
    pub fn with_brain(core: Arc<Core>, brain: Arc<Brain>) -> Self {
        Self { core, brain }
    }

    /// Whether the process is about to end, and takes no more questions.
    pub(crate) fn is_closing(&self) -> bool {
        self.brain.is_closing()
    }

    /// Who may ask: an operator, or who holds an API token, whose role the server checked.
    async fn asker(&self, by: &Principal) -> Result<Identity, GatewayError> {
        match by.channel() {
            Channel::Api => {
                Ok(Identity { principal: by.clone(), operator: OperatorId::new(by.to_string()), role: Role::Viewer })
            }
            _ => self.identify(by).await,
        }
    }

    /// Who speaks, or a refusal that says what to do about it.
    async fn identify(&self, by: &Principal) -> Result<Identity, GatewayError> {
        let known = self.core.identify(by).await.map_err(|error| storage_error(&error))?;
        known.ok_or_else(|| {
            GatewayError::new(
                ErrorKind::Forbidden,
                format!("{by} is not an operator; an owner can add it under `operators` in read-only/settings.json"),
            )
        })
    }

    /// Reading is for operators, for Wakeman's own parts, and for who holds an API token: the server checked its role.
    async fn may_read(&self, by: &Principal) -> Result<(), GatewayError> {
        match by.channel() {
            Channel::System | Channel::Api => Ok(()),
            _ => self.identify(by).await.map(drop),
        }
    }

    async fn get_finding(&self, id: FindingId) -> Result<Finding, GatewayError> {
        let found = self.core.store.get::<Finding>(&id.to_string()).await.map_err(|e| storage_error(&e))?;
        found.map(|f| f.value).ok_or_else(|| not_found(format!("there is no finding {id}; `findings` lists them")))
    }

    async fn apply(&self, by: &Principal, id: FindingId, word: Word) -> Result<Finding, GatewayError> {
        apply(&self.core, &self.identify(by).await?, id, word).await
    }

    async fn finding_view(&self, by: &Principal, id: FindingId) -> Result<FindingView, GatewayError> {
        self.may_read(by).await?;
        let finding = self.get_finding(id).await?;
        let repair = finding.likely_cause().and_then(|cause| repair_label(&self.core, cause));
        Ok(FindingView { proposal: finding.proposal, finding, news: FindingNews::Asked, repair })
    }

    async fn why_view(&self, by: &Principal, id: FindingId) -> Result<WhyView, GatewayError> {
        self.may_read(by).await?;
        let finding = self.get_finding(id).await?;
        why(&self.core, finding).await.map_err(|error| storage_error(&error))
    }

    async fn decided(
        &self,
        by: &Principal,
        id: ProposalId,
        request: &DecisionRequest,
    ) -> Result<Proposal, GatewayError> {
        match act::decide(&self.core, by, id, request).await {
            Ok(proposal) => {
                deliver::refresh_card(&self.core, &proposal).await;
                Ok(proposal)
            }
            Err(error @ DecideError::Expired { .. }) if request.decision == Verdict::Approve => {
                let refusal = GatewayError::from(error);
                act::expire(&self.core, id).await.map_err(|e| settle_error(&e))?;
                let renewed = act::renew(&self.core, id).await.map_err(|e| settle_error(&e))?;
                Err(GatewayError::new(refusal.kind, format!("{id} expired{}", renewed.words())))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn thread_view(&self, by: &Principal, id: &ThreadId, list: &ListRequest) -> Result<ThreadView, GatewayError> {
        self.may_read(by).await?;
        let store = &self.core.store;
        let found = store.get::<Thread>(id.as_str()).await.map_err(|e| storage_error(&e))?;
        let thread = found.ok_or_else(|| not_found(format!("there is no thread {id}; `threads` lists them")))?.value;
        let newest = ListQuery::newest(limit(list.limit)).parent(id.as_str());
        let messages = store.list::<Message>(&newest.clone()).await.map_err(|e| storage_error(&e))?;
        let notes = store.list::<Note>(&newest).await.map_err(|e| storage_error(&e))?;
        Ok(ThreadView {
            thread,
            messages: messages.items.into_iter().rev().map(|found| found.value).collect(),
            notes: notes.items.into_iter().rev().map(|found| found.value).collect(),
        })
    }

    /// The one-look summary, for Wakeman's own parts. Of a damaged database it says what can be read, and that it is damaged.
    ///
    /// # Errors
    /// When a sound database does not answer.
    pub async fn status_now(&self) -> Result<StatusView, GatewayError> {
        let core = &self.core;
        let read = match Counted::read(core).await {
            Ok(counted) => (counted, false),
            Err(_) if core.safe_mode.is_some() => (Counted::default(), true),
            Err(error) => return Err(storage_error(&error)),
        };
        let (counted, unread) = read;
        let warnings = core.warnings.iter().cloned().chain(counted.notice);
        Ok(StatusView {
            instance: core.instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            watching: core.watching(),
            mode: core.mode().name().to_owned(),
            mode_set: counted.mode_set,
            halt: counted.halt,
            mutes: counted.mutes,
            open_findings: counted.open,
            awaiting: counted.awaiting,
            components: core.health.components(),
            interruptions: counted.interruptions,
            critical_interruptions: counted.critical_interruptions,
            alarm_budget: core.settings.monitor.alarm_budget_per_week,
            undelivered: counted.undelivered,
            model: self.brain.model_view(),
            pairings: counted.pairings,
            next_wakeup: core.safe_mode.is_none().then(|| wake::next_wakeup(core)).flatten(),
            safe_mode: core.safe_mode.clone().map(|safe| SafeMode { unread, ..safe }),
            as_of: core.now(),
            timezone: core.zone().name().to_owned(),
            warnings: warnings.collect(),
        })
    }
}

impl Chat for Desk {
    fn ask<'a>(&'a self, by: &'a Principal, request: AskRequest) -> Reply<'a, TurnStream> {
        Box::pin(async move {
            let who = self.asker(by).await?;
            let events = self.brain.ask(&who, request).await?;
            Ok(Box::pin(events) as TurnStream)
        })
    }

    fn stop<'a>(&'a self, by: &'a Principal, thread: &'a ThreadId) -> Reply<'a, u32> {
        Box::pin(async move {
            self.asker(by).await?;
            Ok(u32::try_from(self.brain.stop(thread)).unwrap_or(u32::MAX))
        })
    }

    fn threads<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Thread>> {
        Box::pin(async move {
            self.may_read(by).await?;
            page(&self.core.store, &list, &[]).await
        })
    }

    fn thread<'a>(&'a self, by: &'a Principal, id: &'a ThreadId, list: ListRequest) -> Reply<'a, ThreadView> {
        Box::pin(async move { self.thread_view(by, id, &list).await })
    }
}

impl Findings for Desk {
    fn findings<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Finding>> {
        Box::pin(async move {
            self.may_read(by).await?;
            page(&self.core.store, &list, &FINDING_STATES).await
        })
    }

    fn finding<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, FindingView> {
        Box::pin(self.finding_view(by, id))
    }

    fn why<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, WhyView> {
        Box::pin(self.why_view(by, id))
    }

    fn acknowledge<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, Finding> {
        Box::pin(self.apply(by, id, Word::Acknowledge))
    }

    fn snooze<'a>(&'a self, by: &'a Principal, id: FindingId, duration_ms: i64) -> Reply<'a, Finding> {
        Box::pin(self.apply(by, id, Word::Snooze(duration_ms)))
    }

    fn mute<'a>(&'a self, by: &'a Principal, id: FindingId, duration_ms: Option<i64>) -> Reply<'a, Mute> {
        Box::pin(async move { modes::mute(&self.core, &self.identify(by).await?, id, duration_ms).await })
    }

    fn unmute<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, Finding> {
        Box::pin(async move { modes::unmute(&self.core, &self.identify(by).await?, id).await })
    }

    fn resolve<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, Finding> {
        Box::pin(self.apply(by, id, Word::Resolve))
    }
}

impl Proposals for Desk {
    fn proposals<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Proposal>> {
        Box::pin(async move {
            self.may_read(by).await?;
            page(&self.core.store, &list, &ProposalState::ALL.map(ProposalState::name)).await
        })
    }

    fn proposal<'a>(&'a self, by: &'a Principal, id: ProposalId) -> Reply<'a, ProposalView> {
        Box::pin(async move {
            self.may_read(by).await?;
            let found = self.core.store.get::<Proposal>(&id.to_string()).await.map_err(|e| storage_error(&e))?;
            let found = found.ok_or_else(|| not_found(format!("there is no proposal {id}; `proposals` lists them")))?;
            Ok(ProposalView { proposal: found.value })
        })
    }

    fn decide<'a>(&'a self, by: &'a Principal, id: ProposalId, request: DecisionRequest) -> Reply<'a, Proposal> {
        Box::pin(async move { self.decided(by, id, &request).await })
    }

    fn renew<'a>(&'a self, by: &'a Principal, id: ProposalId) -> Reply<'a, ProposalView> {
        Box::pin(async move {
            let proposal = act::renew_for(&self.core, &self.identify(by).await?, id).await?;
            Ok(ProposalView { proposal })
        })
    }

    fn resolve_proposal<'a>(
        &'a self,
        by: &'a Principal,
        id: ProposalId,
        request: ResolveRequest,
    ) -> Reply<'a, Proposal> {
        Box::pin(async move {
            let resolved = act::review::resolve(&self.core, &self.identify(by).await?, id, &request).await?;
            deliver::refresh_card(&self.core, &resolved).await;
            Ok(resolved)
        })
    }
}

impl Ranking for Desk {
    fn feedback<'a>(&'a self, by: &'a Principal, id: FindingId, useful: bool) -> Reply<'a, FeedbackView> {
        Box::pin(async move {
            let who = self.identify(by).await?;
            rank::feedback(&self.core, &who, id, useful).await
        })
    }

    fn tip<'a>(&'a self, by: &'a Principal) -> Reply<'a, TipView> {
        Box::pin(async move { rank::recommend(&self.core, &self.brain, &self.asker(by).await?).await })
    }

    fn tip_feedback<'a>(&'a self, by: &'a Principal, id: TipId, useful: bool) -> Reply<'a, Tip> {
        Box::pin(async move { rank::tip_feedback(&self.core, &self.asker(by).await?, id, useful).await })
    }

    fn tip_why<'a>(&'a self, by: &'a Principal, id: TipId) -> Reply<'a, TipWhyView> {
        Box::pin(async move { rank::tip_why(&self.core, &self.asker(by).await?, id).await })
    }

    fn prompt_stats<'a>(&'a self, by: &'a Principal) -> Reply<'a, PromptStatsView> {
        Box::pin(async move {
            self.may_read(by).await?;
            rank::prompt_stats(&self.core).await.map_err(|error| storage_error(&error))
        })
    }

    fn ranking<'a>(&'a self, by: &'a Principal) -> Reply<'a, RankingView> {
        Box::pin(async move {
            self.may_read(by).await?;
            rank::status(&self.core).await.map_err(|error| storage_error(&error))
        })
    }

    fn ranking_scores<'a>(&'a self, by: &'a Principal, request: LearntRequest) -> Reply<'a, ScoresView> {
        Box::pin(async move { rank::scores(&self.core, &self.asker(by).await?, &request).await })
    }

    fn ranking_stats<'a>(&'a self, by: &'a Principal, request: LearntRequest) -> Reply<'a, LearntStatsView> {
        Box::pin(async move { rank::stats(&self.core, &self.asker(by).await?, &request).await })
    }

    fn ranking_features<'a>(&'a self, by: &'a Principal, request: LearntRequest) -> Reply<'a, FeaturesView> {
        Box::pin(async move { rank::features(&self.core, &self.asker(by).await?, &request).await })
    }

    fn promote<'a>(&'a self, by: &'a Principal, request: PromoteRequest) -> Reply<'a, ProposalView> {
        Box::pin(async move { rank::promote(&self.core, &self.identify(by).await?, &request).await })
    }

    fn rollback<'a>(&'a self, by: &'a Principal) -> Reply<'a, PromotionView> {
        Box::pin(async move { rank::rollback(&self.core, &self.identify(by).await?).await })
    }

    fn reset_ranking<'a>(&'a self, by: &'a Principal, operator: Option<OperatorId>) -> Reply<'a, u32> {
        Box::pin(async move { rank::reset(&self.core, &self.identify(by).await?, operator.as_ref()).await })
    }

    fn forget<'a>(&'a self, by: &'a Principal, operator: OperatorId) -> Reply<'a, ForgottenView> {
        Box::pin(async move { rank::forget(&self.core, &self.identify(by).await?, &operator).await })
    }
}

impl Wakeups for Desk {
    fn wakeups<'a>(&'a self, by: &'a Principal) -> Reply<'a, Vec<WakeupView>> {
        Box::pin(async move {
            self.may_read(by).await?;
            wake::wakeup_views(&self.core).await.map_err(|error| storage_error(&error))
        })
    }

    fn order_wakeup<'a>(&'a self, by: &'a Principal, order: WakeupOrder) -> Reply<'a, WakeupView> {
        Box::pin(async move { wake::order(&self.core, &self.identify(by).await?, order).await })
    }

    fn wakeup_history<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Occurrence>> {
        Box::pin(async move {
            self.may_read(by).await?;
            page(&self.core.store, &list, &OccurrenceState::ALL.map(OccurrenceState::name)).await
        })
    }
}

impl Desk {
    /// Refuses an adapter whose channel this process leaves to nobody: nothing is owed there, so it would look well and tell nothing.
    fn serves(&self, channel: Channel) -> Result<(), GatewayError> {
        if self.core.served.contains(&channel) {
            return Ok(());
        }
        if let Some(safe) = &self.core.safe_mode {
            let message =
                format!("safe mode, nothing is told or heard: {}; `wakeman doctor` has the steps", safe.reason);
            return Err(GatewayError::new(ErrorKind::Unavailable, message));
        }
        let remedy = format!("start it with `wakeman run --apart {channel}`");
        let message =
            format!("the daemon does not leave {channel} to another process, so nothing is told there; {remedy}");
        Err(GatewayError::new(ErrorKind::Refused, message))
    }
}

impl Frontend for Desk {
    fn accept_inbound(&self, channel: Channel, batch: Vec<Inbound>, checkpoint: Option<String>) -> Reply<'_, Accepted> {
        Box::pin(async move {
            self.serves(channel)?;
            inbox::accept(&self.core, channel, batch, checkpoint).await
        })
    }

    fn checkpoint(&self, channel: Channel) -> Reply<'_, Option<String>> {
        Box::pin(async move {
            self.serves(channel)?;
            inbox::checkpoint(&self.core, channel).await
        })
    }

    fn live(&self, channel: Channel) -> Reply<'_, LiveStream> {
        // At once, not when it is first polled: nothing in between is missed.
        let stream = self.serves(channel).map(|()| self.core.surfaces.listen(channel));
        Box::pin(async move { stream })
    }

    fn placed<'a>(&'a self, channel: Channel, chat: &'a str, key: &'a str, reference: &'a str) -> Reply<'a, ()> {
        Box::pin(async move {
            self.serves(channel)?;
            deliver::placed(&self.core, channel, chat, key, reference).await.map_err(|error| storage_error(&error))
        })
    }

    fn report_health(&self, channel: Channel, health: FrontendHealth) -> Reply<'_, ()> {
        let served = self.serves(channel);
        if served.is_ok() {
            let now = self.core.now();
            match health.ok {
                true => self.core.health.succeeded(channel.name(), now, health.detail.clone()),
                false => self.core.health.failed(channel.name(), health.detail.clone()),
            }
            self.core.surfaces.reported(channel, health, now);
        }
        Box::pin(async { served })
    }

    fn deliveries_ready(&self, channel: Channel, wait_ms: i64) -> Reply<'_, ()> {
        Box::pin(async move {
            self.serves(channel)?;
            deliver::ready(&self.core, channel, wait_ms).await
        })
    }

    fn claim_deliveries(&self, channel: Channel, lease_ms: i64, limit: u32) -> Reply<'_, Vec<ClaimedDelivery>> {
        Box::pin(async move {
            self.serves(channel)?;
            deliver::claim(&self.core, channel, lease_ms, limit).await
        })
    }

    fn confirm_delivery<'a>(&'a self, id: &'a DeliveryId, epoch: u64, report: DeliveryReport) -> Reply<'a, ()> {
        Box::pin(deliver::confirm(&self.core, id, epoch, report))
    }
}

impl Admin for Desk {
    fn status<'a>(&'a self, by: &'a Principal) -> Reply<'a, StatusView> {
        Box::pin(async move {
            self.may_read(by).await?;
            let zone = match self.core.identify(by).await.map_err(|error| storage_error(&error))? {
                Some(identity) => self.core.settings.timezone_of(&identity.operator),
                None => self.core.zone(),
            };
            Ok(StatusView { timezone: zone.name().to_owned(), ..self.status_now().await? })
        })
    }

    fn whoami<'a>(&'a self, by: &'a Principal) -> Reply<'a, WhoamiView> {
        Box::pin(async move {
            let identity = self.identify(by).await?;
            let listed = self.core.settings.operators.iter().any(|operator| operator.id == identity.operator);
            let paired = match self.core.settings.identity(by) {
                Some(_) => None,
                None => self.core.store.get::<Pairing>(&by.to_string()).await.map_err(|e| storage_error(&e))?,
            };
            Ok(WhoamiView { identity, listed, paired: paired.map(|found| found.value) })
        })
    }

    fn control<'a>(&'a self, by: &'a Principal) -> Reply<'a, ControlView> {
        Box::pin(async move {
            self.may_read(by).await?;
            modes::view(&self.core).await.map_err(|error| storage_error(&error))
        })
    }

    fn set_mode<'a>(&'a self, by: &'a Principal, mode: ExecutionMode) -> Reply<'a, ControlView> {
        Box::pin(async move { modes::set_mode(&self.core, &self.identify(by).await?, mode).await })
    }

    fn halt<'a>(&'a self, by: &'a Principal, reason: Option<String>) -> Reply<'a, ControlView> {
        Box::pin(async move { modes::halt(&self.core, &self.identify(by).await?, reason).await })
    }

    fn resume<'a>(&'a self, by: &'a Principal) -> Reply<'a, ControlView> {
        Box::pin(async move { modes::resume(&self.core, &self.identify(by).await?).await })
    }

    fn pair<'a>(&'a self, by: &'a Principal, request: PairRequest) -> Reply<'a, PairCode> {
        Box::pin(async move { pairing::make_code(&self.core, &self.identify(by).await?, request).await })
    }

    fn unpair<'a>(&'a self, by: &'a Principal, request: UnpairRequest) -> Reply<'a, Pairing> {
        Box::pin(async move { pairing::revoke(&self.core, &self.identify(by).await?, &request.principal).await })
    }
}
