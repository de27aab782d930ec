//! A gateway with canned answers that remembers what it was asked.

#[path = "standing.rs"]
mod standing;

pub use standing::{control, mute, pairing, status};

use std::future::pending;
use std::sync::{Mutex, atomic::AtomicBool, atomic::Ordering};

use serde_json::json;
use wakeman_types::*;

/// Answers every call with the sample of its type, unless told to fail or to hang.
#[derive(Default)]
pub struct Fake {
    calls: Mutex<Vec<String>>,
    failure: Mutex<Option<GatewayError>>,
    hangs: AtomicBool,
    components: Mutex<Vec<ComponentView>>,
}

impl Fake {
    /// From now on everything fails like this.
    pub fn fail(&self, error: GatewayError) {
        *self.failure.lock().unwrap() = Some(error);
    }

    /// From now on nothing is answered.
    pub fn hang(&self) {
        self.hangs.store(true, Ordering::SeqCst);
    }

    /// What `status` reports.
    pub fn set_components(&self, components: Vec<ComponentView>) {
        *self.components.lock().unwrap() = components;
    }

    /// The calls since the last look.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn reply<T: Send + 'static>(&self, call: String, sample: T) -> Reply<'_, T> {
        self.calls.lock().unwrap().push(call);
        let failure = self.failure.lock().unwrap().clone();
        Box::pin(async move {
            if self.hangs.load(Ordering::SeqCst) {
                return pending().await;
            }
            failure.map_or(Ok(sample), Err)
        })
    }
}

impl Chat for Fake {
    fn ask<'a>(&'a self, by: &'a Principal, request: AskRequest) -> Reply<'a, TurnStream> {
        let events = vec![
            TurnEvent::Accepted { thread_id: ThreadId::new("t1"), turn_id: TurnId::new("turn1") },
            TurnEvent::Token { token: format!("re: {}", request.message) },
            TurnEvent::Done { answer: Box::new(turn_answer()) },
        ];
        self.reply(format!("ask {by} {}", request.message), Box::pin(futures::stream::iter(events)) as TurnStream)
    }

    fn stop<'a>(&'a self, by: &'a Principal, thread: &'a ThreadId) -> Reply<'a, u32> {
        self.reply(format!("stop {by} {thread}"), 1)
    }

    fn threads<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Thread>> {
        self.reply(format!("threads {by} {}", words(&list)), page(thread()))
    }

    fn thread<'a>(&'a self, by: &'a Principal, id: &'a ThreadId, list: ListRequest) -> Reply<'a, ThreadView> {
        self.reply(format!("thread {by} {id} {}", words(&list)), thread_view())
    }
}

impl Findings for Fake {
    fn findings<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Finding>> {
        self.reply(format!("findings {by} {}", words(&list)), page(finding()))
    }

    fn finding<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, FindingView> {
        self.reply(format!("finding {by} {id}"), finding_view())
    }

    fn why<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, WhyView> {
        self.reply(format!("why {by} {id}"), why())
    }

    fn acknowledge<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, Finding> {
        self.reply(format!("acknowledge {by} {id}"), finding())
    }

    fn snooze<'a>(&'a self, by: &'a Principal, id: FindingId, duration_ms: i64) -> Reply<'a, Finding> {
        self.reply(format!("snooze {by} {id} {duration_ms}"), finding())
    }

    fn mute<'a>(&'a self, by: &'a Principal, id: FindingId, duration_ms: Option<i64>) -> Reply<'a, Mute> {
        self.reply(format!("mute {by} {id} {duration_ms:?}"), mute())
    }

    fn unmute<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, Finding> {
        self.reply(format!("unmute {by} {id}"), finding())
    }

    fn resolve<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, Finding> {
        self.reply(format!("resolve {by} {id}"), finding())
    }
}

impl Proposals for Fake {
    fn proposals<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Proposal>> {
        self.reply(format!("proposals {by} {}", words(&list)), page(proposal()))
    }

    fn proposal<'a>(&'a self, by: &'a Principal, id: ProposalId) -> Reply<'a, ProposalView> {
        self.reply(format!("proposal {by} {id}"), ProposalView { proposal: proposal() })
    }

    fn decide<'a>(&'a self, by: &'a Principal, id: ProposalId, request: DecisionRequest) -> Reply<'a, Proposal> {
        self.reply(format!("decide {by} {id} {request:?}"), proposal())
    }

    fn resolve_proposal<'a>(
        &'a self,
        by: &'a Principal,
        id: ProposalId,
        request: ResolveRequest,
    ) -> Reply<'a, Proposal> {
        self.reply(format!("resolve_proposal {by} {id} {request:?}"), proposal())
    }
}

impl Ranking for Fake {
    fn feedback<'a>(&'a self, by: &'a Principal, id: FindingId, useful: bool) -> Reply<'a, FeedbackView> {
        let view = FeedbackView { finding: finding(), not_learnt: Some("it was told too long ago".to_owned()) };
        self.reply(format!("feedback {by} {id} {useful}"), view)
    }

    fn tip<'a>(&'a self, by: &'a Principal) -> Reply<'a, TipView> {
        self.reply(format!("tip {by}"), TipView { tip: Some(tip()), considered: 4, notice: None, as_of: tip().at })
    }

    fn tip_feedback<'a>(&'a self, by: &'a Principal, id: TipId, useful: bool) -> Reply<'a, Tip> {
        self.reply(format!("tip_feedback {by} {id} {useful}"), tip())
    }

    fn tip_why<'a>(&'a self, by: &'a Principal, id: TipId) -> Reply<'a, TipWhyView> {
        self.reply(format!("tip_why {by} {id}"), tip_why())
    }

    fn prompt_stats<'a>(&'a self, by: &'a Principal) -> Reply<'a, PromptStatsView> {
        let none = PromptStatsView { prompts: Vec::new(), interval: "95 %".into(), as_of: tip().at };
        self.reply(format!("prompt_stats {by}"), none)
    }

    fn ranking<'a>(&'a self, by: &'a Principal) -> Reply<'a, RankingView> {
        self.reply(format!("ranking {by}"), ranking())
    }

    fn ranking_scores<'a>(&'a self, by: &'a Principal, request: LearntRequest) -> Reply<'a, ScoresView> {
        let none = ScoresView { operator: OperatorId::new("ada"), scores: vec![], notice: None, as_of: tip().at };
        self.reply(format!("ranking_scores {by} {request:?}"), none)
    }

    fn ranking_stats<'a>(&'a self, by: &'a Principal, request: LearntRequest) -> Reply<'a, LearntStatsView> {
        let view = LearntStatsView { stats: Vec::new(), interval: "95 %".into(), as_of: tip().at };
        self.reply(format!("ranking_stats {by} {request:?}"), view)
    }

    fn ranking_features<'a>(&'a self, by: &'a Principal, request: LearntRequest) -> Reply<'a, FeaturesView> {
        self.reply(format!("ranking_features {by} {request:?}"), features())
    }

    fn promote<'a>(&'a self, by: &'a Principal, request: PromoteRequest) -> Reply<'a, ProposalView> {
        self.reply(format!("promote {by} {request:?}"), ProposalView { proposal: proposal() })
    }

    fn rollback<'a>(&'a self, by: &'a Principal) -> Reply<'a, PromotionView> {
        self.reply(format!("rollback {by}"), promotion())
    }

    fn reset_ranking<'a>(&'a self, by: &'a Principal, operator: Option<OperatorId>) -> Reply<'a, u32> {
        self.reply(format!("reset_ranking {by} {operator:?}"), 2)
    }

    fn forget<'a>(&'a self, by: &'a Principal, operator: OperatorId) -> Reply<'a, ForgottenView> {
        let forgotten = ForgottenView { operator: operator.clone(), reactions: 3, states: 1 };
        self.reply(format!("forget {by} {operator}"), forgotten)
    }
}

pub fn tip() -> Tip {
    let text = r##"{"id": "T-7", "kind": "pull", "about": "#471", "title": "It stands still", "body": "Merge it.",
        "policy": "egreedy-v1", "propensity": 0.96, "explored": false, "at": 1793000000000}"##;
    serde_json::from_str(text).unwrap()
}

pub fn tip_why() -> TipWhyView {
    let (tip, operator) = (tip(), OperatorId::new("ada"));
    let (others, moved) = (vec!["F-3".into()], vec![("priority".into(), 0.25)]);
    let reactions = vec!["useful".into()];
    TipWhyView { tip, operator, others, moved, rewards: 4, opinions: vec![], reactions, silent: false, seed: 9 }
}

pub fn promotion() -> PromotionView {
    let (policy, stage, decides) = ("lints-v1".into(), "tenth".into(), "rule-v1".into());
    PromotionView { policy, stage, decides, also: vec![] }
}

pub fn features() -> FeaturesView {
    let text = r#"{"rows": [{"at": 5, "id": "F-12", "policy": "rule-v1", "chosen": "now", "operator": null,
        "reward": 1.0, "features": [["severity", 1.0]]}], "as_of": 7}"#;
    serde_json::from_str(text).unwrap()
}

pub fn ranking() -> RankingView {
    RankingView {
        policies: vec![PolicyView { id: "rule-v1".into(), mean_reward: Some(0.5), ..PolicyView::default() }],
        stage: "shadow".into(),
        tip_stage: "shadow".into(),
        operators: Vec::new(),
        forced: 1,
        unusable: 0,
        notice: None,
        as_of: Timestamp(7),
    }
}

impl Wakeups for Fake {
    fn wakeups<'a>(&'a self, by: &'a Principal) -> Reply<'a, Vec<WakeupView>> {
        self.reply(format!("wakeups {by}"), vec![wakeup()])
    }

    fn order_wakeup<'a>(&'a self, by: &'a Principal, order: WakeupOrder) -> Reply<'a, WakeupView> {
        self.reply(format!("order_wakeup {by} {order:?}"), wakeup())
    }

    fn wakeup_history<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Occurrence>> {
        self.reply(format!("wakeup_history {by} {}", words(&list)), page(occurrence()))
    }
}

impl Frontend for Fake {
    fn accept_inbound(&self, channel: Channel, batch: Vec<Inbound>, checkpoint: Option<String>) -> Reply<'_, Accepted> {
        let ids: Vec<_> = batch.iter().map(|inbound| inbound.id.as_str()).collect();
        let new = u32::try_from(ids.len()).unwrap();
        self.reply(format!("inbound {channel} {ids:?} {checkpoint:?}"), Accepted { new, repeated: 0 })
    }

    fn checkpoint(&self, channel: Channel) -> Reply<'_, Option<String>> {
        self.reply(format!("checkpoint {channel}"), Some("77".to_owned()))
    }

    fn live(&self, channel: Channel) -> Reply<'_, LiveStream> {
        self.reply(format!("live {channel}"), Box::pin(futures::stream::iter(live_events())) as LiveStream)
    }

    fn placed<'a>(&'a self, channel: Channel, chat: &'a str, key: &'a str, reference: &'a str) -> Reply<'a, ()> {
        self.reply(format!("placed {channel} {chat} {key} {reference}"), ())
    }

    fn report_health(&self, channel: Channel, health: FrontendHealth) -> Reply<'_, ()> {
        self.reply(format!("health {channel} {health:?}"), ())
    }

    fn deliveries_ready(&self, channel: Channel, wait_ms: i64) -> Reply<'_, ()> {
        self.reply(format!("ready {channel} {wait_ms}"), ())
    }

    fn claim_deliveries(&self, channel: Channel, lease_ms: i64, limit: u32) -> Reply<'_, Vec<ClaimedDelivery>> {
        self.reply(format!("claim {channel} {lease_ms} {limit}"), vec![claimed()])
    }

    fn confirm_delivery<'a>(&'a self, id: &'a DeliveryId, epoch: u64, report: DeliveryReport) -> Reply<'a, ()> {
        self.reply(format!("confirm {id} {epoch} {report:?}"), ())
    }
}

impl Admin for Fake {
    fn status<'a>(&'a self, by: &'a Principal) -> Reply<'a, StatusView> {
        let components = self.components.lock().unwrap().clone();
        self.reply(format!("status {by}"), StatusView { components, ..status() })
    }

    fn whoami<'a>(&'a self, by: &'a Principal) -> Reply<'a, WhoamiView> {
        self.reply(format!("whoami {by}"), whoami())
    }

    fn pair<'a>(&'a self, by: &'a Principal, request: PairRequest) -> Reply<'a, PairCode> {
        let (operator, role) = (OperatorId::new("lin"), Role::Approver);
        let code = PairCode { code: "7K3M-9QXA".into(), operator, role, expires_at: Timestamp(9) };
        self.reply(format!("pair {by} {request:?}"), code)
    }

    fn unpair<'a>(&'a self, by: &'a Principal, request: UnpairRequest) -> Reply<'a, Pairing> {
        self.reply(format!("unpair {by} {}", request.principal), pairing())
    }

    fn control<'a>(&'a self, by: &'a Principal) -> Reply<'a, ControlView> {
        self.reply(format!("control {by}"), control())
    }

    fn set_mode<'a>(&'a self, by: &'a Principal, mode: ExecutionMode) -> Reply<'a, ControlView> {
        self.reply(format!("set_mode {by} {mode}"), control())
    }

    fn halt<'a>(&'a self, by: &'a Principal, reason: Option<String>) -> Reply<'a, ControlView> {
        self.reply(format!("halt {by} {reason:?}"), control())
    }

    fn resume<'a>(&'a self, by: &'a Principal) -> Reply<'a, ControlView> {
        self.reply(format!("resume {by}"), control())
    }
}

fn words(list: &ListRequest) -> String {
    let text = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".into());
    format!("state={} cursor={} limit={}", text(&list.state), text(&list.cursor), list.limit)
}

pub fn page<T>(item: T) -> Page<T> {
    Page { items: vec![item], next: Some("after 1/2 & more".into()) }
}

pub fn component(name: &str, configured: bool, ok: bool) -> ComponentView {
    ComponentView {
        name: name.into(),
        configured,
        ok,
        attention: false,
        last_success: ok.then_some(Timestamp(5_000)),
        detail: format!("about {name}"),
    }
}

pub fn whoami() -> WhoamiView {
    let principal = Principal::new(Channel::Cli, "1000");
    WhoamiView {
        identity: Identity { principal, operator: OperatorId::new("ada"), role: Role::Owner },
        listed: true,
        paired: None,
    }
}

pub fn finding() -> Finding {
    Finding {
        id: FindingId::new(128),
        fingerprint: "metric:sign-ups:down".into(),
        subject: Subject::Error {
            issue: "0190".into(),
            name: "TypeError".into(),
            description: "\u{1b}[31mred \"quotes\" and ünïcode 🔴".into(),
            source: Some("web/signup/form.ts".into()),
            function: None,
        },
        severity: Severity::Critical,
        state: FindingState::Acknowledged { by: "ada".into(), at: Timestamp(7_000) },
        since: Timestamp(1_000),
        opened_at: Timestamp(2_000),
        updated_at: Timestamp(3_000),
        measure: Some(Measure {
            observed: 41.0,
            expected: 96.5,
            low: 80.0,
            high: 112.0,
            window_ms: MINUTE_MS,
            p_value: 0.0005,
            direction: Direction::Down,
            trend: Trend::Worsening,
        }),
        occurrences: 31,
        series: Vec::new(),
        step_ms: MINUTE_MS,
        also: Vec::new(),
        scope: Some("browser safari".into()),
        causes: Vec::new(),
        none_probability: 0.25,
        thread: ThreadId::new("thread_7f00"),
        proposal: Some(ProposalId::new(31)),
        interruption: Interruption::Now,
        reopened: 1,
        unknown_since: None,
    }
}

pub fn finding_view() -> FindingView {
    FindingView {
        finding: finding(),
        news: FindingNews::Asked,
        proposal: Some(ProposalId::new(31)),
        repair: Some("Propose revert of #482".into()),
    }
}

pub fn why() -> WhyView {
    WhyView {
        finding: finding(),
        policy: "rule-v1".into(),
        interruption: Interruption::Now,
        propensity: 1.0,
        reason: "critical always interrupts".into(),
        features: vec![("severity".into(), 2.0)],
        proposals: vec![ProposalId::new(31)],
        ranking: RankingWhy::default(),
    }
}

pub fn proposal() -> Proposal {
    let action = Action {
        kind: "github.revert_pr".into(),
        target: json!({"repository": "acme/app"}),
        arguments: json!({"number": 482}),
        revision: json!({"head_sha": "9c1e0d4"}),
    };
    let step = StepText { text: "open PR".into(), note: "nothing touched them since".into() };
    let card =
        CardText { title: "Revert #482".into(), steps: vec![step], undo: "revert it".into(), check: "sign-ups".into() };
    Proposal {
        id: ProposalId::new(31),
        action,
        digest: Digest::new("4f9a1c22e07b".repeat(5) + "abcd"),
        card,
        state: ProposalState::Pending,
        finding: Some(FindingId::new(128)),
        thread: ThreadId::new("thread_7f00"),
        requested_by: Principal::system(),
        approvers: vec![OperatorId::new("ada"), OperatorId::new("lin")],
        needed: 1,
        created_at: Timestamp(4_000),
        expires_at: Timestamp(9_000),
        decisions: vec![Decision {
            operator: OperatorId::new("ada"),
            principal: Principal::new(Channel::Telegram, "123456789"),
            verdict: Verdict::Approve,
            reason: None,
            step: None,
            at: Timestamp(5_000),
        }],
        steps: Vec::new(),
        state_since: Timestamp(4_000),
        note: None,
    }
}

pub fn occurrence() -> Occurrence {
    Occurrence {
        wakeup_id: "morning-brief-1a2b3c".into(),
        prompt_id: "morning-brief".into(),
        due_at: Timestamp(60_000),
        state: OccurrenceState::Ran,
        reason: "told".into(),
        attempts: 1,
        at: Timestamp(61_000),
        thread_id: Some(ThreadId::new("thread_7f00")),
        turn_id: None,
    }
}

pub fn wakeup() -> WakeupView {
    WakeupView {
        id: "morning-brief-1a2b3c".into(),
        prompt_id: "morning-brief".into(),
        title: "Morning brief".into(),
        time_utc: Some("06:30".into()),
        cron: None,
        timezone: None,
        late: "run".into(),
        only: Some("changed".into()),
        jitter: None,
        enabled: true,
        paused_by: None,
        was: None,
        origin: "read-only/wakeup.json".into(),
        problem: None,
        next: Some(Timestamp(90_000)),
        last: Some(occurrence()),
    }
}

pub fn thread() -> Thread {
    Thread {
        thread_id: ThreadId::new("thread_7f00"),
        conversation_id: ConversationId::new("conversation-20261101-thread_7f00"),
        channel: Channel::Cli,
        title: "Sign-ups down".into(),
        created_at: Timestamp(1_000),
        updated_at: Timestamp(2_000),
    }
}

pub fn thread_view() -> ThreadView {
    let message = Message {
        conversation_id: thread().conversation_id,
        thread_id: thread().thread_id,
        message_id: MessageId::new("m1"),
        role: MessageRole::User,
        channel: Channel::Cli,
        content: "why?\n".into(),
        created_at: Timestamp(1_500),
        ordinal: 1,
        extra: json!({"mood": "calm"}).as_object().cloned().unwrap(),
    };
    let note = Note {
        thread_id: thread().thread_id,
        ordinal: 1,
        created_at: Timestamp(1_600),
        author: "model".into(),
        content: "watch this".into(),
        extra: serde_json::Map::new(),
    };
    ThreadView { thread: thread(), messages: vec![message], notes: vec![note] }
}

pub fn claimed() -> ClaimedDelivery {
    let delivery = Delivery {
        id: DeliveryId::new("d/1 ü"),
        channel: Channel::Telegram,
        chat: "123456789".into(),
        thread: None,
        class: DeliveryClass::Alert,
        severity: Severity::Critical,
        finding: Some(FindingId::new(128)),
        view: View::Finding(Box::new(finding_view())),
        key: Some("finding:F-128".into()),
        reply_key: None,
        refresh: false,
        instead_of: None,
        told_elsewhere: false,
        created_at: Timestamp(2_500),
    };
    let buttons = vec![CardButton {
        label: "Useful".into(),
        reference: "AAAAAAAAAAAAAAAAAAAAAA".into(),
        style: ButtonStyle::Plain,
        asks_reason: false,
    }];
    let (edit, edit_more, reply_to) = (Some("41".to_owned()), Vec::new(), None);
    let timezone = Some("Europe/Berlin".to_owned());
    ClaimedDelivery { delivery, epoch: 7, attempt: 2, in_doubt: false, edit, edit_more, reply_to, buttons, timezone }
}

/// One live event of every kind.
pub fn live_events() -> Vec<LiveEvent> {
    let (chat, key) = ("-100/7".to_owned(), "turn:turn1".to_owned());
    vec![
        LiveEvent::Typing { chat: chat.clone() },
        LiveEvent::Text { chat, key, reply_to: Some("9".into()), text: "so\nfar".into() },
        LiveEvent::Answer { inbound: "u:5".into(), text: "Done.".into(), alert: true },
    ]
}

/// A message in a chat.
pub fn inbound(id: &str, text: &str) -> Inbound {
    Inbound {
        id: id.into(),
        from: Some(Principal::new(Channel::Telegram, "1")),
        name: "Ada".into(),
        chat: "-100/7".into(),
        direct: false,
        at: Timestamp(1_000),
        said: Said::Text {
            text: text.into(),
            message: "9".into(),
            reply_to: None,
            addressed: true,
            forwarded: false,
            edited: false,
        },
    }
}

/// One error of every kind.
pub fn errors() -> Vec<GatewayError> {
    use ErrorKind::*;
    let first = [NotFound, Invalid, Forbidden, AlreadyDecided, Expired];
    let kinds = first.into_iter().chain([DigestMismatch, Refused, Conflict, Unavailable, Storage]);
    kinds.map(|kind| GatewayError::new(kind, format!("P-31: {kind:?}; do \"this\" instead"))).collect()
}

/// How every message to the fake ends.
pub fn turn_answer() -> TurnAnswer {
    TurnAnswer {
        thread_id: ThreadId::new("t1"),
        turn_id: TurnId::new("turn1"),
        state: TurnState::Answered,
        response: "fine".to_owned(),
        failure: None,
        actions: Vec::new(),
        citations: Vec::new(),
        prompt_version: Some("chat/v1".to_owned()),
        usage: Usage::default(),
    }
}
