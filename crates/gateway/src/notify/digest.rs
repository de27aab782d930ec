//! What could wait, told once a day and after quiet hours.

use chrono::{DateTime, Duration};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use wakeman_store::{Commit, Committed, ListQuery, StoreError};
use wakeman_types::{
    Channel, ChoiceRecord, DeliveryClass, DigestLine, DigestView, Finding, FindingState, Interruption, Proposal,
    ProposalState, Resolution, Severity, Timestamp, View,
};

use super::{owe, quiet};
use crate::{
    config::{Operator, RouteKind, TimeOfDay, instant_of},
    core::Core,
    deliver::{Matter, listeners},
    settle::SettleError,
};

/// Lines of a digest; what is below is in `findings`.
const LINES_MAX: usize = 12;
/// Decisions that are looked through.
const CHOICES_MAX: usize = 500;

/// How far one chat has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// What was decided up to then was told, or had nothing to tell.
    until: Timestamp,
    /// Since when it is quiet there, as that was known when it began: a calendar that is changed meanwhile tells nobody what was
    /// withheld because of it. `None`: it is not quiet, or an earlier version began it.
    #[serde(default)]
    quiet_since: Option<Timestamp>,
    /// It was quiet there when it was looked at last.
    quiet: bool,
}

impl Told {
    fn at(now: Timestamp) -> Self {
        Self { until: now, quiet_since: None, quiet: false }
    }

    /// Whether what came at `at` was withheld from `operator`, by what was known then or is known now.
    fn withheld(&self, core: &Core, operator: Option<&Operator>, at: Timestamp) -> bool {
        let by_now = || operator.is_some_and(|operator| quiet::until(core, operator, at).is_some());
        self.quiet_since.is_some_and(|since| at >= since) || by_now()
    }
}

pub(super) async fn pass(core: &Core) -> Result<(), SettleError> {
    let mut seen = Vec::new();
    for share in [Share::All, Share::Withheld] {
        for least in [Severity::Info, Severity::Warning, Severity::Critical] {
            for (channel, chat, operator) in listeners(core, Matter { severity: least, kind: share.kind() }) {
                if !seen.contains(&(channel, chat.clone())) {
                    seen.push((channel, chat.clone()));
                    one(core, (channel, chat), operator, (least, share)).await?;
                }
            }
        }
    }
    Ok(())
}

/// How much of it a chat is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    All,
    /// No route brings digests there, but findings: what was withheld of those in quiet hours, which would be told nowhere else.
    Withheld,
}

impl Share {
    const fn kind(self) -> RouteKind {
        match self {
            Self::All => RouteKind::Digest,
            Self::Withheld => RouteKind::Finding,
        }
    }
}

/// One chat, which hears of what is at `least` this bad.
async fn one(
    core: &Core,
    (channel, chat): (Channel, String),
    operator: Option<&Operator>,
    (least, share): (Severity, Share),
) -> Result<(), SettleError> {
    let (now, name) = (core.now(), format!("digest.{channel}.{chat}"));
    let keep = |commit: Commit, told: Told| commit.checkpoint(name.clone(), serde_json::json!(told));
    let found = core.store.checkpoint(&name).await?.and_then(|value| serde_json::from_value::<Told>(value).ok());
    // A chat that is new is told of what comes from now on. One that is ahead: the clock was put back.
    let Some(told) = found.filter(|told| told.until <= now) else {
        landed(core.store.commit(keep(Commit::new(now), Told::at(now))).await?);
        return Ok(());
    };
    if let Some(operator) = operator.filter(|operator| quiet::is_quiet(core, operator)) {
        if !told.quiet {
            let quiet_since = Some(quiet::since(core, operator, now).max(told.until));
            landed(core.store.commit(keep(Commit::new(now), Told { quiet: true, quiet_since, ..told })).await?);
        }
        return Ok(());
    }
    let zone = operator.and_then(|operator| operator.timezone).unwrap_or(core.zone());
    if !told.quiet && now < next_at(core.settings.monitor.digest_at, zone, told.until) {
        return Ok(());
    }
    let lines = lines(core, operator, (least, share), told).await?;
    let mut commit = keep(Commit::durable(now), Told::at(now));
    if !lines.is_empty() {
        let view = View::Digest(DigestView { lines, since: told.until });
        commit = owe(core, commit, (channel, chat), (DeliveryClass::Note, Severity::Info), (view, None));
    }
    landed(core.store.commit(commit).await?);
    Ok(())
}

/// Nothing in it expects a version, so there is nothing to conflict with.
fn landed(committed: Committed) {
    debug_assert!(committed.landed());
}

/// The first time that this time of day comes in `zone` after `since`.
fn next_at(time: TimeOfDay, zone: Tz, since: Timestamp) -> Timestamp {
    let local = DateTime::from_timestamp_millis(since.ms()).unwrap_or_default().with_timezone(&zone);
    let days = (0..3).filter_map(|days| {
        let date = local.date_naive() + Duration::days(days);
        let at = date.and_hms_opt(time.hour.into(), time.minute.into(), 0)?;
        instant_of(at, zone)
    });
    days.into_iter().find(|at| *at > since).unwrap_or_else(|| since.plus_ms(wakeman_types::DAY_MS))
}

/// What did not reach this operator when it was found, the worst first.
async fn lines(
    core: &Core,
    operator: Option<&Operator>,
    (least, share): (Severity, Share),
    told: Told,
) -> Result<Vec<DigestLine>, StoreError> {
    let since = told.until;
    let query = ListQuery::newest(CHOICES_MAX).since(since.ms());
    let mut lines: Vec<DigestLine> = Vec::new();
    for choice in core.store.list::<ChoiceRecord>(&query).await?.items.into_iter().map(|found| found.value) {
        let seen = lines.iter().any(|line| line.finding.id == choice.finding);
        if choice.at <= since || seen {
            continue;
        }
        let Some(finding) = core.store.get::<Finding>(&choice.finding.to_string()).await? else { continue };
        let finding = finding.value;
        let was_quiet = told.withheld(core, operator, choice.at);
        let waited = match choice.chosen {
            Interruption::Digest => share == Share::All,
            Interruption::Now => was_quiet && finding.severity < Severity::Critical,
            Interruption::Silent => false,
        };
        if waited {
            let reason = reason(core, &choice, &finding, was_quiet).await?;
            lines.push(DigestLine { finding, reason });
        }
    }
    for finding in over_in_quiet_hours(core, operator, told).await? {
        if lines.iter().all(|line| line.finding.id != finding.id) {
            lines.push(DigestLine { finding, reason: "over by now".to_owned() });
        }
    }
    lines.retain(|line| line.finding.severity >= least);
    lines.sort_by_key(|line| (line.finding.is_over(), std::cmp::Reverse(line.finding.severity), line.finding.id));
    lines.truncate(LINES_MAX);
    Ok(lines)
}

/// What this operator was told of before, and whose end came when they were to be left alone.
async fn over_in_quiet_hours(core: &Core, operator: Option<&Operator>, told: Told) -> Result<Vec<Finding>, StoreError> {
    if operator.is_none() {
        return Ok(Vec::new());
    }
    let over = core.store.list::<Finding>(&ListQuery::newest(CHOICES_MAX).state("resolved")).await?.items.into_iter();
    let unheard = |finding: &Finding| match finding.state {
        FindingState::Resolved { at, how: Resolution::Recovered | Resolution::Repaired { .. } } => {
            at > told.until && finding.severity < Severity::Critical && told.withheld(core, operator, at)
        }
        _ => false,
    };
    Ok(over
        .map(|found| found.value)
        .filter(|finding| finding.interruption == Interruption::Now && unheard(finding))
        .collect())
}

/// What a person should know first: that a card waits, that it is over, that somebody has it; else why it could wait.
async fn reason(core: &Core, choice: &ChoiceRecord, finding: &Finding, was_quiet: bool) -> Result<String, StoreError> {
    if let Some(id) = finding.proposal
        && let Some(found) = core.store.get::<Proposal>(&id.to_string()).await?
        && found.value.state == ProposalState::Pending
    {
        return Ok(format!("{id} awaits a decision"));
    }
    Ok(match &finding.state {
        FindingState::Resolved { .. } => "over by now".to_owned(),
        FindingState::Acknowledged { by, .. } => format!("{by} has it"),
        _ if was_quiet => "in quiet hours".to_owned(),
        _ => choice.reason.clone(),
    })
}
