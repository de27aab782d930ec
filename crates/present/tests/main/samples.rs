//! One of everything, at a fixed time: Thursday 5 November 2026, 14:35 in Berlin, 13:35 UTC.
#![allow(dead_code, reason = "each test binary that includes these samples uses some of them")]
#![allow(clippy::unwrap_used, reason = "the samples are written here and can be read")]

#[path = "sample_briefs.rs"]
mod sample_briefs;

use chrono_tz::Europe::Berlin;
pub use sample_briefs::{brief, occurrence};
use wakeman_present::RenderContext;
use wakeman_types::*;

pub const NOW: Timestamp = Timestamp::from_secs(1_793_885_700);

pub fn ctx() -> RenderContext {
    RenderContext::new(NOW, Berlin)
}

/// Minutes before [`NOW`].
pub fn ago(minutes: i64) -> Timestamp {
    NOW.plus_ms(-minutes * MINUTE_MS)
}

pub fn merge() -> Change {
    Change {
        id: ChangeId::new("pr:482"),
        kind: ChangeKind::Merge,
        at: ago(31),
        live_at: Some(ago(27)),
        title: "signup: new form".into(),
        author: Some("lin".into()),
        url: Some("https://github.com/acme/app/pull/482".into()),
        reference: ChangeRef::PullRequest { number: 482, merge_sha: "9c1e0d4aa".into() },
        files: vec!["web/signup/form.ts".into()],
    }
}

pub fn flag() -> Change {
    Change {
        id: ChangeId::new("flag:checkout-fast@13"),
        kind: ChangeKind::Flag,
        at: ago(95),
        live_at: None,
        title: "checkout-fast".into(),
        author: Some("alan".into()),
        url: None,
        reference: ChangeRef::Flag { id: 7, key: "checkout-fast".into(), active: Some(true), rollout: Some(0.5) },
        files: vec![],
    }
}

/// A day's worth of shape: a wave, then a drop at the onset.
pub fn series(onset: Timestamp) -> Vec<SeriesPoint> {
    (0..60)
        .map(|i| {
            let at = ago(300 - i * 5);
            let expected = 20.0 + 6.0 * (i as f64 / 9.0).sin();
            let wobble = [1.5, -2.0, 0.5, 2.5, -1.0, -0.5, 1.0][i as usize % 7];
            let value = if at >= onset { expected * 0.38 } else { expected + wobble };
            SeriesPoint { at, value: value.round(), expected, low: expected * 0.75, high: expected * 1.25 }
        })
        .collect()
}

pub fn measure() -> Measure {
    Measure {
        observed: 36.0,
        expected: 95.0,
        low: 80.0,
        high: 112.0,
        window_ms: 25 * MINUTE_MS,
        p_value: 2.5e-5,
        direction: Direction::Down,
        trend: Trend::Worsening,
    }
}

pub fn finding() -> Finding {
    Finding {
        id: FindingId::new(128),
        fingerprint: "metric:sign-ups:down".into(),
        subject: Subject::Metric {
            metric: MetricId::new("sign-ups"),
            name: "Sign-ups".into(),
            kind: MetricKind::Count,
            event: Some("signed_up".into()),
        },
        severity: Severity::Critical,
        state: FindingState::Open,
        since: ago(25),
        opened_at: ago(5),
        updated_at: ago(1),
        measure: Some(measure()),
        occurrences: 0,
        series: series(ago(25)),
        step_ms: 5 * MINUTE_MS,
        also: Vec::new(),
        scope: None,
        causes: vec![
            CandidateCause {
                change: merge(),
                probability: 0.87,
                reasons: vec![
                    Reason::Lead { lead_ms: 6 * MINUTE_MS },
                    Reason::WentLive { at: ago(27) },
                    Reason::FilesInErrors { files: vec!["web/signup/form.ts".into()], errors: 31 },
                ],
            },
            CandidateCause { change: flag(), probability: 0.05, reasons: vec![Reason::SplitClears] },
        ],
        none_probability: 0.06,
        thread: ThreadId::new("thread_7f00"),
        proposal: Some(ProposalId::new(31)),
        interruption: Interruption::Now,
        reopened: 0,
        unknown_since: None,
    }
}

pub fn recovered() -> Finding {
    Finding {
        state: FindingState::Resolved { at: ago(-27), how: Resolution::Repaired { proposal: ProposalId::new(31) } },
        measure: Some(Measure { observed: 94.0, expected: 93.0, ..measure() }),
        ..finding()
    }
}

/// A finding about something else, without numbers or causes.
pub fn about(subject: Subject) -> Finding {
    Finding {
        id: FindingId::new(129),
        fingerprint: "other".into(),
        subject,
        severity: Severity::Warning,
        measure: None,
        occurrences: 31,
        series: vec![],
        causes: vec![],
        none_probability: 1.0,
        proposal: None,
        ..finding()
    }
}

pub fn error() -> Subject {
    Subject::Error {
        issue: "018f".into(),
        name: "TypeError".into(),
        description: "Cannot read properties of undefined (reading 'email')".into(),
        source: Some("web/signup/form.ts".into()),
        function: Some("submitForm".into()),
    }
}

pub fn run() -> Subject {
    Subject::Run { workflow: "CI".into(), run: 8812, sha: "9c1e0d4aa0".into(), url: None }
}

pub fn deployment(status: &str) -> Subject {
    Subject::Deployment { id: 77, sha: "9c1e0d4aa0".into(), environment: "production".into(), status: status.into() }
}

pub fn asked(finding: Finding) -> FindingView {
    let proposal = finding.proposal;
    FindingView { finding, news: FindingNews::New, proposal, repair: proposal.map(|_| "Propose revert of #482".into()) }
}

fn action(kind: &str, arguments: serde_json::Value) -> Action {
    Action {
        kind: kind.into(),
        target: serde_json::json!({"repository": "acme/app"}),
        arguments,
        revision: serde_json::json!({"merge_sha": "9c1e0d4aa"}),
    }
}

pub fn step(number: u32, kind: &str, arguments: serde_json::Value) -> Step {
    Step {
        number,
        action: action(kind, arguments),
        intended_at: None,
        idempotency_key: None,
        tries: 0,
        not_before: None,
        waiting_for: None,
        waiting_since: None,
        settled_at: None,
        outcome: None,
    }
}

pub fn settled_step(step: Step, at: Timestamp, outcome: Outcome) -> Step {
    Step { intended_at: Some(at), tries: 1, settled_at: Some(at), outcome: Some(outcome), ..step }
}

pub fn decision(operator: &str, verdict: Verdict, at: Timestamp) -> Decision {
    let principal = Principal::new(Channel::Telegram, format!("123456789{operator}"));
    Decision { operator: OperatorId::new(operator), principal, verdict, reason: None, step: None, at }
}

pub fn proposal() -> Proposal {
    Proposal {
        id: ProposalId::new(31),
        action: action("plan", serde_json::json!({"steps": []})),
        digest: Digest::new("4f9a1c22e07b".to_owned() + &"0".repeat(52)),
        card: CardText {
            title: "Revert #482 on acme/app, then merge the revert".into(),
            steps: vec![
                StepText {
                    text: "open PR on wakeman/P-31 restoring 3 files to 9c1e0d4".into(),
                    note: "nothing touched them since".into(),
                },
                StepText { text: "merge it when its checks pass".into(), note: "head must still be the PR's".into() },
            ],
            undo: "revert the revert".into(),
            check: "sign-ups back in 80–112 within 40 min".into(),
        },
        state: ProposalState::Pending,
        finding: Some(FindingId::new(128)),
        thread: ThreadId::new("thread_7f00"),
        requested_by: Principal::system(),
        approvers: vec![OperatorId::new("ada"), OperatorId::new("lin")],
        needed: 1,
        created_at: ago(1),
        expires_at: ago(-30),
        decisions: vec![],
        steps: vec![
            step(1, "github.revert_pr", serde_json::json!({"number": 482})),
            step(2, "github.merge_pr", serde_json::json!({})),
        ],
        state_since: ago(1),
        note: None,
    }
}

/// The sample proposal as it looks in `state`.
pub fn proposal_in(state: ProposalState) -> Proposal {
    let mut proposal = Proposal { state, state_since: ago(-9), ..proposal() };
    let yes = decision("ada", Verdict::Approve, ago(-6));
    let opened = Outcome::Done { output: serde_json::json!({"number": 483, "head_sha": "aa"}) };
    let merged = Outcome::Done { output: serde_json::json!({"number": 483, "sha": "bb"}) };
    let [first, second] = [proposal.steps[0].clone(), proposal.steps[1].clone()];
    let opened = settled_step(first.clone(), ago(-7), opened);
    let merged = settled_step(second.clone(), ago(-9), merged);
    let gone = |at: Step, outcome: Outcome| settled_step(at, ago(-9), outcome);
    use ProposalState as S;
    match state {
        S::Drafted | S::Pending | S::Expired | S::Superseded => {}
        S::Rejected => {
            let reason = Some("we roll forward".to_owned());
            proposal.decisions = vec![Decision { reason, ..decision("lin", Verdict::Reject, ago(-6)) }];
        }
        S::Approved => proposal.decisions = vec![yes],
        S::Executing => {
            let waiting = Step { waiting_for: Some("its checks".into()), not_before: Some(ago(-10)), ..second };
            (proposal.decisions, proposal.steps) = (vec![yes], vec![opened, waiting]);
        }
        S::Succeeded | S::Verified | S::NotRecovered => {
            (proposal.decisions, proposal.steps) = (vec![yes], vec![opened, merged]);
        }
        S::Failed => {
            let reason = "the head moved to 77aa001; ask for a new proposal".to_owned();
            (proposal.decisions, proposal.steps) = (vec![yes], vec![opened, gone(second, Outcome::Failed { reason })]);
        }
        S::NeedsReview => {
            let reason = "GitHub closed the connection; look for a revert of #482".to_owned();
            (proposal.decisions, proposal.steps) = (vec![yes], vec![gone(first, Outcome::Unknown { reason }), second]);
        }
    }
    proposal
}

pub fn settled(state: ProposalState) -> SettledView {
    let (finding, verification) = match state {
        ProposalState::Verified => (recovered(), Some(VerificationResult::Recovered)),
        ProposalState::NotRecovered => (finding(), Some(VerificationResult::NotRecovered)),
        ProposalState::Superseded => (Finding { proposal: Some(ProposalId::new(32)), ..finding() }, None),
        _ => (finding(), None),
    };
    let mut proposal = proposal_in(state);
    if state == ProposalState::Verified {
        proposal.state_since = ago(-27);
    }
    SettledView { proposal, finding: Some(finding), verification, held: None }
}

pub fn silent() -> SourceNotice {
    SourceNotice {
        source: "PostHog".into(),
        silent_since: Some(ago(9)),
        reason: "429".into(),
        next_try: Some(ago(-23)),
        metrics: 14,
    }
}

pub fn digest() -> DigestView {
    let line = |id: u64, name: &str, observed: f64, reason: &str| DigestLine {
        finding: Finding {
            id: FindingId::new(id),
            subject: Subject::Metric {
                metric: MetricId::new("m"),
                name: name.into(),
                kind: MetricKind::Count,
                event: None,
            },
            severity: Severity::Info,
            measure: Some(Measure { observed, ..measure() }),
            since: ago(140),
            ..finding()
        },
        reason: reason.into(),
    };
    DigestView {
        lines: vec![line(130, "Invites", 70.0, "few users hit"), line(131, "Exports", 77.0, "inside alarm budget")],
        since: ago(24 * 60 + 335),
    }
}

pub fn component(name: &str, ok: bool, seconds: Option<i64>, detail: &str) -> ComponentView {
    ComponentView {
        name: name.into(),
        configured: true,
        ok,
        attention: false,
        last_success: seconds.map(|s| NOW.plus_ms(-s * 1000)),
        detail: detail.into(),
    }
}

pub fn status() -> StatusView {
    StatusView {
        instance: "default".into(),
        version: "0.1.0".into(),
        watching: "acme/app".into(),
        mode: "propose".into(),
        mode_set: None,
        halt: None,
        mutes: 0,
        open_findings: 0,
        awaiting: 1,
        components: vec![
            component("posthog", true, Some(40), "14 metrics, 8 % of the hourly budget"),
            component("github", true, Some(12), ""),
            ComponentView { configured: false, ..component("vercel", false, None, "") },
        ],
        interruptions: 1,
        critical_interruptions: 0,
        alarm_budget: 2,
        undelivered: 0,
        model: None,
        pairings: Vec::new(),
        safe_mode: None,
        next_wakeup: Some(NOW.plus_ms(18 * HOUR_MS + 25 * MINUTE_MS)),
        as_of: NOW,
        timezone: "Europe/Berlin".into(),
        warnings: vec![],
    }
}

pub fn why() -> WhyView {
    WhyView {
        finding: finding(),
        policy: "rule-v1".into(),
        interruption: Interruption::Now,
        propensity: 1.0,
        reason: "critical".into(),
        features: vec![("severity".into(), 2.0), ("p".into(), 2.5e-5), ("hour".into(), 14.0)],
        proposals: vec![ProposalId::new(31)],
        ranking: RankingWhy::default(),
    }
}

pub fn thread() -> ThreadView {
    let thread = Thread {
        thread_id: ThreadId::new("thread_7f00"),
        conversation_id: ConversationId::new("conversation-2026-11-05T13-30-00-000Z-thread_7f00"),
        channel: Channel::Cli,
        title: "Sign-ups down 62 %".into(),
        created_at: ago(5),
        updated_at: ago(1),
    };
    let message = |ordinal: u64, role, content: &str| Message {
        conversation_id: thread.conversation_id.clone(),
        thread_id: thread.thread_id.clone(),
        message_id: MessageId::new(format!("m{ordinal}")),
        role,
        channel: Channel::Cli,
        content: content.into(),
        created_at: ago(6 - ordinal as i64),
        ordinal,
        extra: Default::default(),
    };
    ThreadView {
        messages: vec![
            message(
                1,
                MessageRole::Agent,
                "🔴 Sign-ups down 62 % since 14:10 (20 min ago)\n  · 6 min before the drop\nF-128",
            ),
            message(2, MessageRole::User, "why F-128\u{1b}[2J"),
        ],
        notes: vec![Note {
            thread_id: thread.thread_id.clone(),
            ordinal: 1,
            created_at: ago(2),
            author: "model".into(),
            content: "The form's e-mail field was renamed; see https://evil.example/x".into(),
            extra: Default::default(),
        }],
        thread,
    }
}

pub fn delivery(view: View) -> Delivery {
    Delivery {
        id: DeliveryId::new("d1"),
        channel: Channel::Cli,
        chat: "local".into(),
        thread: Some(ThreadId::new("thread_7f00")),
        class: DeliveryClass::Alert,
        severity: Severity::Critical,
        finding: Some(FindingId::new(128)),
        view,
        key: None,
        reply_key: None,
        refresh: false,
        instead_of: None,
        told_elsewhere: false,
        created_at: NOW,
    }
}

/// A policy of which nothing is known.
pub fn policy(id: &str, role: &str) -> PolicyView {
    PolicyView { id: id.into(), problem: "interrupt".into(), role: role.into(), ..PolicyView::default() }
}

/// A promotion that has begun; what was learnt of two operators.
pub fn ranking() -> RankingView {
    let known = |policy: PolicyView, mean: f64| PolicyView {
        decisions: 412,
        scored: 540,
        rewards: 311,
        mean_reward: Some(mean),
        regret: Some(0.9 - mean),
        agreement: Some(0.78),
        ess: Some(204.0),
        reward_history: (0..24).map(|i| mean + 0.01 * f64::from(i)).collect(),
        agreement_history: (0..24).map(|i| 0.7 + 0.02 * f64::from(i % 6)).collect(),
        ..policy
    };
    let bound = BoundView { against: "rule-v1".into(), estimate: 0.061, lower: 0.012, upper: 0.11, rounds: 540 };
    let mut lints = known(policy("lints-v1", "active"), 0.71);
    (lints.bound, lints.share, lints.decisions) = (Some(bound), 0.1, 54);
    let tips = |id: &str, role: &str| PolicyView { problem: "tip".into(), ..policy(id, role) };
    RankingView {
        policies: vec![
            PolicyView { share: 0.9, ..known(policy("rule-v1", "active"), 0.64) },
            lints,
            tips("egreedy-v1", "active"),
            PolicyView { regret: None, ..known(tips("egreedy-v2", "shadow"), 0.5) },
            PolicyView { problem: "replay".into(), ..policy("linrff-v1", "available") },
        ],
        stage: "tenth".into(),
        tip_stage: "shadow".into(),
        operators: vec![
            OperatorPolicyView {
                policy: "lints-v1".into(),
                operator: OperatorId::new("ada"),
                rewards: 250,
                updated_at: NOW,
            },
            OperatorPolicyView {
                policy: "lints-v1".into(),
                operator: OperatorId::new("lin"),
                rewards: 61,
                updated_at: NOW,
            },
        ],
        forced: 31,
        unusable: 2,
        notice: None,
        as_of: NOW,
    }
}

/// The one thing worth doing.
pub fn tip() -> Tip {
    Tip {
        id: TipId::new(7),
        kind: TipKind::Pull,
        about: "#471".into(),
        title: "#471 \"retry\u{202e} uploads\" has stood still for 12 days".into(),
        body: "An open pull request, last changed 22 Oct 09:00. Merge it, close it, or ask lin what it waits for."
            .into(),
        finding: None,
        proposal: None,
        url: None,
        prompt_version: None,
        policy: "egreedy-v1".into(),
        propensity: 0.96,
        explored: false,
        at: NOW,
        worth: None,
    }
}

/// An entry of the schedule.
pub fn wakeup() -> WakeupView {
    let entry = serde_json::json!({
        "id": "morning-brief-1a2b3c", "promptId": "morning-brief", "title": "Morning brief", "cron": "0 9 * * 1-5",
        "timezone": "Europe/Berlin", "late": "within:30m", "enabled": true, "origin": "read-only/wakeup.json",
        "next": ago(-18 * 60 - 25), "last": occurrence(),
    });
    serde_json::from_value(entry).unwrap()
}

/// What it may do by itself.
pub fn control() -> ControlView {
    let (by, principal): (OperatorId, Principal) = (OperatorId::new("ada"), "telegram:1".parse().unwrap());
    let reason = Some("wrong *flag*".to_owned());
    let halt = HaltSet { by: by.clone(), principal: principal.clone(), at: ago(5), reason };
    ControlView {
        mode: ExecutionMode::Execute,
        configured: ExecutionMode::Propose,
        set: Some(ModeSet { mode: ExecutionMode::Execute, by, principal, at: ago(60) }),
        halt: Some(halt),
        classes: vec!["github.rerun_failed_jobs".into()],
        per_hour: 4,
        mutes: vec![],
        owners: vec![OperatorId::new("ada")],
    }
}

/// What a person gets who asks.
pub fn answers() -> Vec<View> {
    let text = "Sign-ups fell because of #482 [^1].\n```\nselect 1\n```\nAsk @everyone.".to_owned();
    vec![
        View::Status(Box::new(status())),
        View::Findings(Page { items: vec![finding()], next: None }),
        View::Proposals(Page { items: vec![proposal()], next: None }),
        View::Details(Box::new(ProposalView { proposal: proposal() })),
        View::Why(Box::new(why())),
        View::Thread(Box::new(thread())),
        View::Answer(AnswerView { text, answer: TurnId::new("t1"), state: TurnState::Answered }),
    ]
}

/// What a chat is answered with when somebody looks at something, and what is told beside findings and cards.
pub fn looks() -> Vec<View> {
    let brief = BriefView {
        note: Some("Look at @ada's form, see https://evil.example.".into()),
        prompt: Some("morning-brief/v1".into()),
        ..brief(vec![BriefLine::Finding { finding: Box::new(finding()) }])
    };
    let tip = tip();
    let why = TipWhyView {
        tip: tip.clone(),
        operator: OperatorId::new("ada"),
        others: vec!["F-3".into()],
        moved: vec![("priority".into(), 0.212)],
        rewards: 6,
        opinions: vec![],
        reactions: vec!["noise".into()],
        silent: false,
        seed: 7,
    };
    let identity = Identity {
        principal: Principal::new(Channel::Telegram, "42"),
        operator: OperatorId::new("ada"),
        role: Role::Owner,
    };
    vec![
        View::Brief(Box::new(brief)),
        View::Storm(StormView { count: 200, since: ago(4), worst: Box::new(finding()) }),
        View::Tip(Box::new(TipView { tip: Some(tip), considered: 3, notice: None, as_of: NOW })),
        View::TipWhy(Box::new(why)),
        View::AskReason(AskReasonView { proposal: proposal().id }),
        View::Control(Box::new(control())),
        View::Ranking(Box::new(ranking())),
        View::Wakeups(WakeupsView { items: vec![wakeup()] }),
        View::Occurrences(Page { items: vec![occurrence()], next: None }),
        View::Threads(Page { items: vec![thread().thread], next: None }),
        View::Whoami(WhoamiView { identity, listed: true, paired: None }),
        View::Help,
    ]
}
