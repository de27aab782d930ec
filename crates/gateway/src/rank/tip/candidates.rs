//! What can be a tip without a model: findings nobody ended, proposals that wait, pull requests and issues that stand still.

use chrono_tz::Tz;
use futures::future::join;
use wakeman_present::{RenderContext, headline, span};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{
    DAY_MS, Finding, FindingId, FindingState, HOUR_MS, Interruption, MINUTE_MS, Proposal, ProposalId, Severity,
    Timestamp, TipKind,
};

use crate::{
    core::Core,
    modes::muted,
    ports::{Openness, SourceError, TopicCard},
};

/// Findings and proposals that are looked at, the newest.
const LOOKED_AT: usize = 50;
/// Topics that are asked for; the code host tells the last changed first.
const TOPICS: usize = 100;
/// Topics that become items, those that stand still longest.
const TOPICS_KEPT: usize = 10;
/// Who was interrupted so lately needs no tip about the same.
const NEWS_MS: i64 = HOUR_MS;
/// A finding that somebody has, or put off, is stale after this long.
const STALE_FINDING_MS: i64 = DAY_MS;
/// A snoozed one after this.
const STALE_SNOOZE_MS: i64 = 3 * DAY_MS;
/// A pull request.
const STALE_PULL_MS: i64 = 7 * DAY_MS;
/// An issue.
const STALE_ISSUE_MS: i64 = 30 * DAY_MS;

/// One item that could be the tip.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub kind: TipKind,
    /// The same each time: `F-3`, `P-2`, `#482`, `idea:…`.
    pub about: String,
    pub title: String,
    pub body: String,
    pub finding: Option<FindingId>,
    pub proposal: Option<ProposalId>,
    pub url: Option<String>,
    /// The prompt that wrote it.
    pub prompt: Option<String>,
    /// Since when it stands.
    pub since: Timestamp,
    /// Past its time.
    pub overdue: bool,
    /// 0 lowest, 1 highest.
    pub priority: f64,
}

impl Candidate {
    /// An item of no kind in particular yet.
    pub fn new(kind: TipKind, about: String, title: String, body: String, since: Timestamp) -> Self {
        let (finding, proposal, url, prompt) = (None, None, None, None);
        Self { kind, about, title, body, finding, proposal, url, prompt, since, overdue: false, priority: 0.5 }
    }
}

/// Everything that could be a tip, with times in `zone`. What a source did not say is named in `notices`.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub(super) async fn gather(core: &Core, zone: Tz, notices: &mut Vec<String>) -> Result<Vec<Candidate>, StoreError> {
    let render = RenderContext { now: core.now(), zone };
    let waiting = core.store.list::<Proposal>(&ListQuery::newest(LOOKED_AT).state("pending")).await?.items;
    let mut all: Vec<Candidate> = waiting.iter().filter_map(|found| proposal(&render, &found.value)).collect();
    let states = ["open", "acknowledged", "snoozed"].map(str::to_owned).into();
    let query = ListQuery { states: Some(states), ..ListQuery::newest(LOOKED_AT) };
    let findings = core.store.list::<Finding>(&query).await?.items;
    // A finding whose repair waits is told by the repair.
    let covered: Vec<Option<FindingId>> = all.iter().map(|item| item.finding).collect();
    let open = findings.iter().map(|found| &found.value).filter(|finding| !covered.contains(&Some(finding.id)));
    for item in open {
        // Who does not want to hear of a subject wants no tip about it either.
        if muted(core, &item.fingerprint).await?.is_none() {
            all.extend(of_finding(&render, item));
        }
    }
    all.extend(topics(core, &render, notices).await);
    Ok(all)
}

fn proposal(render: &RenderContext, proposal: &Proposal) -> Option<Candidate> {
    let (id, now) = (proposal.id, render.now);
    if now.since(proposal.created_at) < 5 * MINUTE_MS || proposal.expires_at <= now {
        return None;
    }
    let body = format!(
        "It waits for a decision since {} and expires {}. `proposal {id}` shows what would run.",
        render.time(proposal.created_at),
        render.time(proposal.expires_at)
    );
    let title = format!("{id} waits for you: {}", proposal.card.title);
    Some(Candidate {
        finding: proposal.finding,
        proposal: Some(id),
        overdue: proposal.expires_at.since(now) < 10 * MINUTE_MS,
        priority: 0.9,
        ..Candidate::new(TipKind::Proposal, id.to_string(), title, body, proposal.created_at)
    })
}

fn of_finding(render: &RenderContext, finding: &Finding) -> Option<Candidate> {
    let (id, now) = (finding.id, render.now);
    let age = now.since(finding.opened_at);
    let lasted = span(age.max(MINUTE_MS));
    let body = match &finding.state {
        FindingState::Open if finding.interruption == Interruption::Now && age < NEWS_MS => return None,
        FindingState::Open => {
            format!("Nobody has taken {id} for {lasted}. `ack {id}` takes it, `why {id}` shows what is behind it.")
        }
        FindingState::Acknowledged { by, at } if now.since(*at) >= STALE_FINDING_MS => {
            let with = span(now.since(*at));
            format!("{id} is with {by} for {with} and still holds. `resolve {id}` if it is over.")
        }
        FindingState::Snoozed { until, .. } if age >= STALE_SNOOZE_MS => {
            let until = render.time(*until);
            format!("{id} is {lasted} old, still holds, and is snoozed until {until}. `ack {id}` or `resolve {id}`.")
        }
        _ => return None,
    };
    Some(Candidate {
        finding: Some(id),
        overdue: age >= STALE_FINDING_MS,
        priority: match finding.severity {
            Severity::Critical => 1.0,
            Severity::Warning => 0.7,
            Severity::Info => 0.3,
        },
        ..Candidate::new(TipKind::Finding, id.to_string(), headline(finding, render), body, finding.opened_at)
    })
}

/// Pull requests and issues that stand still, where the repository may be read.
async fn topics(core: &Core, render: &RenderContext, notices: &mut Vec<String>) -> Vec<Candidate> {
    let Some(code) = core.readers.code.as_ref().filter(|_| core.tools.allows("github", "readRepository")) else {
        return Vec::new();
    };
    let (pulls, issues) = join(code.pull_list(Openness::Open, TOPICS), code.issue_list(Openness::Open, TOPICS)).await;
    let mut all = stale(render, pulls, (TipKind::Pull, STALE_PULL_MS), notices);
    all.extend(stale(render, issues, (TipKind::Issue, STALE_ISSUE_MS), notices));
    all
}

fn stale(
    render: &RenderContext,
    cards: Result<Vec<TopicCard>, SourceError>,
    (kind, after_ms): (TipKind, i64),
    notices: &mut Vec<String>,
) -> Vec<Candidate> {
    let now = render.now;
    let mut cards = cards.unwrap_or_else(|error| {
        notices.push(format!("GitHub's lists are not looked at: {error}"));
        Vec::new()
    });
    cards.retain(|card| card.state == "open" && now.since(card.updated_at) >= after_ms);
    cards.sort_by_key(|card| (card.updated_at, card.number));
    cards.truncate(TOPICS_KEPT);
    cards.into_iter().map(|card| topic(render, card, kind, after_ms)).collect()
}

fn topic(render: &RenderContext, card: TopicCard, kind: TipKind, after_ms: i64) -> Candidate {
    let (now, about) = (render.now, format!("#{}", card.number));
    let still = span(now.since(card.updated_at));
    let author = card.author.as_deref().unwrap_or("its author");
    let (what, next) = match kind {
        TipKind::Pull => ("pull request", format!("Merge it, close it, or ask {author} what it waits for.")),
        _ => ("issue", "Close it, or say what it waits for.".to_owned()),
    };
    let title = format!("{about} \"{}\" has stood still for {still}", card.title);
    let body = format!("An open {what}, last changed {}. {next}", render.time(card.updated_at));
    Candidate {
        url: card.url,
        overdue: now.since(card.updated_at) >= 4 * after_ms,
        priority: if kind == TipKind::Pull { 0.5 } else { 0.3 },
        ..Candidate::new(kind, about, title, body, card.updated_at)
    }
}
