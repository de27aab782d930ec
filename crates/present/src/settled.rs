//! What became of a card, as one line: `Approved by ada 14:41 → merged 14:44 (PR #483) → 🟢 sign-ups recovered 15:02, …`.

use wakeman_types::{
    Action, Direction, Finding, FindingState, HaltSet, HeldView, Outcome, Proposal, ProposalState, SettledView, Step,
    Subject, Verdict, VerificationResult,
};

use crate::{
    Block, Doc, Line, RenderContext, Style, Tone,
    again::ways_on,
    cause::NAME_LEN_MAX,
    finding::{self, lower_name},
    number::value,
    proposal::{ids, names, title},
    recovery::back_in_band,
    safe::{quoted, sanitize},
};

/// Longest reason quoted in the line, in characters.
const REASON_LEN_MAX: usize = 200;
/// Longest account of why something did not run, or what is in doubt. It ends with the remedy, so less of it would be of no use.
const FAILURE_LEN_MAX: usize = 400;

/// The message of what became of a card.
pub fn settled_doc(view: &SettledView, ctx: &RenderContext) -> Doc {
    let line = settled_line(view, ctx);
    let mut doc = Doc::card(crate::proposal::tone(view.proposal.state)).block(Block::Headline(line));
    doc.buttons = ways_on(&view.proposal, view.finding.as_ref(), ctx.now);
    doc.footer(format!("{} · {}", ids(&view.proposal), title(&view.proposal)))
}

/// The one line of what became of a card. Its marks stand where the outcome is told.
pub fn settled_line(view: &SettledView, ctx: &RenderContext) -> Line {
    let line = chain(&view.proposal, view.finding.as_ref(), view.verification, ctx);
    match view.held.as_ref().and_then(|held| kept(&view.proposal, held, ctx)) {
        Some(why) => line.plain(why),
        None => line,
    }
}

/// What keeps an approved proposal from running, what will come of it, and whose word changes that.
fn kept(proposal: &Proposal, held: &HeldView, ctx: &RenderContext) -> Option<String> {
    let (begins, until) = match proposal.state {
        ProposalState::Approved => ("begins", format!(" by {}, else it expires", ctx.time(proposal.expires_at))),
        ProposalState::Executing => ("goes on", String::new()),
        _ => return None,
    };
    let halt =
        |halt: &HaltSet| format!("the halt of {} {}", sanitize(halt.by.as_str(), NAME_LEN_MAX), ctx.time(halt.at));
    let mode = held.observe.then(|| "mode observe".to_owned());
    let by: Vec<String> = held.halt.as_ref().map(halt).into_iter().chain(mode).collect();
    let words = [held.halt.as_ref().map(|_| "`resume`"), held.observe.then_some("`mode propose`")];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let who = match names(&held.owners, " or ") {
        nobody if nobody.is_empty() => "an owner".to_owned(),
        owners => owners,
    };
    let (by, words) = (by.join(" and "), words.join(" and "));
    Some(format!(". Held by {by}, so nothing is run: it {begins} once {who} says {words}{until}."))
}

/// The line for a proposal, with what is known of its finding and its check.
pub(crate) fn chain(
    proposal: &Proposal,
    finding: Option<&Finding>,
    verification: Option<VerificationResult>,
    ctx: &RenderContext,
) -> Line {
    let mut links: Vec<Line> = decided(proposal, ctx).into_iter().map(Line::from).collect();
    links.extend(done_steps(proposal, ctx).into_iter().map(Line::from));
    links.extend(present_state(proposal, finding, verification, ctx));
    Line::joined(links, " → ")
}

/// `Approved by ada 14:41`, `Approved by ada 14:41 and lin 14:43`.
fn decided(proposal: &Proposal, ctx: &RenderContext) -> Option<String> {
    let yes = proposal.decisions.iter().filter(|decision| decision.verdict == Verdict::Approve);
    let each: Vec<_> = yes
        .map(|d| {
            let only = d.step.map(|step| format!(" (step {step})")).unwrap_or_default();
            format!("{} {}{only}", sanitize(d.operator.as_str(), NAME_LEN_MAX), ctx.time(d.at))
        })
        .collect();
    (!each.is_empty()).then(|| format!("Approved by {}", each.join(" and ")))
}

/// The number of the pull request or issue a finished step is about: as the remote answered, else as it was asked for.
fn number_in(step: &Step) -> Option<u64> {
    let answered = match &step.outcome {
        Some(Outcome::Done { output }) => output.get("number"),
        _ => None,
    };
    answered.or_else(|| step.action.arguments.get("number"))?.as_u64()
}

fn done_steps(proposal: &Proposal, ctx: &RenderContext) -> Vec<String> {
    let done = |step: &&Step| matches!(step.outcome, Some(Outcome::Done { .. }));
    let steps: Vec<&Step> = proposal.steps.iter().filter(done).collect();
    let merged = steps.iter().any(|step| step.action.kind == "github.merge_pr");
    // A merge names the pull request it merged; that it was opened before goes without saying.
    let told = steps.iter().filter(|step| !(merged && step.action.kind == "github.revert_pr"));
    told.map(|step| done_step(step, proposal, ctx)).collect()
}

/// What one finished step did: `merged 14:44 (PR #483)`.
fn done_step(step: &Step, proposal: &Proposal, ctx: &RenderContext) -> String {
    let at = ctx.time(step.settled_at.unwrap_or(proposal.state_since));
    let named = |text: &str| number_in(step).map_or_else(|| text.to_owned(), |n| format!("{text} #{n}"));
    match step.action.kind.as_str() {
        "github.revert_pr" => format!("{} opened {at}", named("PR")),
        "github.merge_pr" => format!("merged {at} ({})", named("PR")),
        "github.open_issue" => format!("{} opened {at}", named("issue")),
        "github.open_pr" => format!("{} opened {at}", named("PR")),
        "github.comment" => format!("commented {at} ({})", named("on")),
        "github.rerun_failed_jobs" => format!("failed jobs started again {at}"),
        "posthog.set_flag" => flag_set(&step.action, &at),
        "posthog.annotate" => format!("annotated {at}"),
        "posthog.update_error_issue" => format!("error {} {at}", argument(step, "status", "updated")),
        "vercel.rollback" => {
            format!("production rolled back to {} {at}", argument(step, "deployment", "an earlier deployment"))
        }
        "vercel.promote" => format!("{} promoted {at}", argument(step, "deployment", "deployment")),
        "wakeman.promote_policy" => match step.action.arguments.get("decides").and_then(|decides| decides.as_bool()) {
            Some(false) => format!("rule-v1 decides again {at}"),
            _ => format!("{} decides one in ten {at}", argument(step, "policy", "the policy")),
        },
        "wakeman.set_mode" => format!("mode {} {at}", argument(step, "mode", "set")),
        "wakeman.set_mute" => match step.action.arguments.get("until") {
            Some(until) if until.is_i64() => format!("muted {at}"),
            _ => format!("mute lifted {at}"),
        },
        "wakeman.set_wakeup" => format!("wakeup {} set {at}", argument(step, "id", "")),
        "webhook.post" => {
            format!(
                "posted to {} {at}; whether it arrived there cannot be checked",
                argument(step, "name", "the webhook")
            )
        }
        kind => format!("{} done {at}", sanitize(kind, NAME_LEN_MAX)),
    }
}

/// A text among the arguments of a step, made safe.
fn argument(step: &Step, name: &str, otherwise: &str) -> String {
    let text = step.action.arguments.get(name).and_then(|value| value.as_str());
    text.map_or_else(|| otherwise.to_owned(), |text| sanitize(text, NAME_LEN_MAX))
}

fn flag_set(action: &Action, at: &str) -> String {
    let key = action.arguments.get("key").and_then(|key| key.as_str());
    let flag = key.map_or_else(|| "flag".to_owned(), |key| format!("flag {}", sanitize(key, NAME_LEN_MAX)));
    match action.arguments.get("active").and_then(|active| active.as_bool()) {
        Some(true) => format!("{flag} on {at}"),
        Some(false) => format!("{flag} off {at}"),
        None => format!("{flag} set {at}"),
    }
}

/// The last link: where it stands now.
fn present_state(
    proposal: &Proposal,
    finding: Option<&Finding>,
    verification: Option<VerificationResult>,
    ctx: &RenderContext,
) -> Option<Line> {
    let at = ctx.time(proposal.state_since);
    let note = || proposal.note.as_deref().map(|note| sanitize(note, REASON_LEN_MAX)).filter(|note| !note.is_empty());
    let because = || note().map(|note| format!(": {note}")).unwrap_or_default();
    Some(match proposal.state {
        ProposalState::Drafted => format!("Drafted {at}, not shown yet").into(),
        ProposalState::Pending => pending(proposal, ctx).into(),
        ProposalState::Approved => "not begun yet".into(),
        ProposalState::Rejected => rejected(proposal, ctx).into(),
        ProposalState::Expired => expired(proposal, finding, ctx).into(),
        ProposalState::Superseded => superseded(proposal, finding, &at).into(),
        ProposalState::Executing => executing(proposal, ctx).into(),
        ProposalState::Succeeded => match verification {
            Some(VerificationResult::Unknown) => bad(Tone::Warning, format!("could not be checked{}", because())),
            _ => match sanitize(&proposal.card.check, REASON_LEN_MAX).trim_end_matches('.') {
                "" => "done".into(),
                check => format!("to be checked: {check}").into(),
            },
        },
        ProposalState::Failed => match uncalled(proposal) {
            Some(from) => {
                let why = reason(proposal).map(|(_, reason)| format!(": {}", sanitize(reason, FAILURE_LEN_MAX)));
                bad(Tone::Warning, format!("Not run{from}{}", why.unwrap_or_else(because)))
            }
            None => bad(Tone::Warning, format!("failed {at}{}", failure(proposal).unwrap_or_else(because))),
        },
        ProposalState::NeedsReview => {
            let doubt = failure(proposal).unwrap_or_else(because);
            let doubt = doubt.trim_end_matches('.');
            let then = format!("Once you have looked, say `resolve {0} done` or `resolve {0} failed`", proposal.id);
            bad(Tone::Warning, format!("it is not known since {at} whether it took effect{doubt}. {then}"))
        }
        ProposalState::Verified => Line::new().mark(Tone::Good).with(verified(finding, &at, ctx), Style::Good),
        ProposalState::NotRecovered => {
            bad(finding.map_or(Tone::Warning, finding::tone), not_recovered(finding, &at) + &because())
        }
    })
}

fn bad(tone: Tone, text: String) -> Line {
    Line::new().mark(tone).with(text, Style::Bad)
}

fn pending(proposal: &Proposal, ctx: &RenderContext) -> String {
    let missing = usize::from(proposal.needed).saturating_sub(proposal.approvals());
    let until = ctx.time(proposal.expires_at);
    if let Some(next) = proposal.next_step().filter(|_| proposal.has_begun() && proposal.approvals() == 0) {
        return format!("step {} waits for a yes of its own until {until}", next.number);
    }
    if proposal.approvals() == 0 {
        format!("Waits for a decision until {until}")
    } else {
        format!("needs {missing} more until {until}")
    }
}

fn rejected(proposal: &Proposal, ctx: &RenderContext) -> String {
    let no = proposal.decisions.iter().rev().find(|decision| decision.verdict == Verdict::Reject);
    let Some(no) = no else { return format!("Rejected {}", ctx.time(proposal.state_since)) };
    let rest = if proposal.has_begun() { ", the rest was not run" } else { "" };
    let who = format!("Rejected by {} {}{rest}", sanitize(no.operator.as_str(), NAME_LEN_MAX), ctx.time(no.at));
    match no.reason.as_deref().filter(|reason| !reason.trim().is_empty()) {
        Some(reason) => format!("{who}: {}", quoted(reason, REASON_LEN_MAX)),
        None => who,
    }
}

/// `P-31 expired at 15:05, nothing was run. Sign-ups are still low.`
fn expired(proposal: &Proposal, finding: Option<&Finding>, ctx: &RenderContext) -> String {
    let head = format!("{} expired at {}, {} was run.", proposal.id, ctx.time(proposal.expires_at), not_run(proposal));
    match finding.filter(|finding| !finding.is_over()) {
        Some(finding) => format!("{head} {}.", still(finding)),
        None => head,
    }
}

fn not_run(proposal: &Proposal) -> &'static str {
    if proposal.has_begun() { "nothing more" } else { "nothing" }
}

/// How a finding that is not over stands: `Sign-ups are still low`.
fn still(finding: &Finding) -> String {
    let name = finding::subject_name(&finding.subject);
    let verb = if name.ends_with('s') { "are" } else { "is" };
    let direction = finding.measure.as_ref().map(|measure| measure.direction);
    match (&finding.subject, finding.unknown_since, direction) {
        (Subject::Metric { .. }, None, Some(Direction::Down)) => format!("{name} {verb} still low"),
        (Subject::Metric { .. }, None, Some(Direction::Up)) => format!("{name} {verb} still high"),
        _ => format!("{} is still open", finding.id),
    }
}

fn superseded(proposal: &Proposal, finding: Option<&Finding>, at: &str) -> String {
    let why = proposal.note.as_deref().map(|note| sanitize(note, REASON_LEN_MAX)).filter(|note| !note.is_empty());
    if let Some(why) = why {
        return format!("{} is withdrawn {at}, {} was run: {why}", proposal.id, not_run(proposal));
    }
    match finding.and_then(|finding| finding.proposal).filter(|id| *id != proposal.id) {
        Some(newer) => format!("{newer} took the place of {} {at}", proposal.id),
        None => format!("A newer proposal took the place of {} {at}", proposal.id),
    }
}

fn executing(proposal: &Proposal, ctx: &RenderContext) -> String {
    let total = proposal.steps.len();
    let Some(step) = proposal.steps.iter().find(|step| step.outcome.is_none()) else { return "under way".to_owned() };
    let text = usize::try_from(step.number).ok().and_then(|n| proposal.card.steps.get(n.checked_sub(1)?));
    let what = text.map(|text| format!(": {}", sanitize(&text.text, REASON_LEN_MAX))).unwrap_or_default();
    let waits = step.waiting_for.as_deref().map(|reason| format!(", waits for {}", sanitize(reason, REASON_LEN_MAX)));
    let next = step.not_before.filter(|at| *at > ctx.now).map(|at| format!(", next try {}", ctx.time(at)));
    format!("step {} of {total}{what}{}{}", step.number, waits.unwrap_or_default(), next.unwrap_or_default())
}

/// The reason the failing or doubtful step itself recorded.
fn failure(proposal: &Proposal) -> Option<String> {
    let (step, reason) = reason(proposal)?;
    let text = sanitize(reason, FAILURE_LEN_MAX);
    Some(if proposal.steps.len() > 1 { format!(" at step {}: {text}", step.number) } else { format!(": {text}") })
}

/// The step that ended it, and why.
fn reason(proposal: &Proposal) -> Option<(&Step, &str)> {
    proposal.steps.iter().find_map(|step| match &step.outcome {
        Some(Outcome::Failed { reason } | Outcome::Unknown { reason }) => Some((step, reason.as_str())),
        _ => None,
    })
}

/// From where nothing was called at all, because the world was not as it was shown, or the approval did not hold: `` or ` from step 2 on`.
fn uncalled(proposal: &Proposal) -> Option<String> {
    let step = reason(proposal).map(|(step, _)| step).or_else(|| proposal.next_step())?;
    let uncalled = step.intended_at.is_none() && step.tries == 0;
    let first = !proposal.steps.iter().any(|step| matches!(step.outcome, Some(Outcome::Done { .. })));
    uncalled.then(|| if first { String::new() } else { format!(" from step {} on", step.number) })
}

/// Whether it was approved, and nothing of it was called because the world was not as it was shown, or the approval did not hold.
pub(crate) fn was_not_run(proposal: &Proposal) -> bool {
    proposal.state == ProposalState::Failed && uncalled(proposal).is_some_and(|from| from.is_empty())
}

fn verified(finding: Option<&Finding>, at: &str, ctx: &RenderContext) -> String {
    let Some(finding) = finding else { return format!("checked {at}") };
    let at = match finding.state {
        FindingState::Resolved { at, .. } => ctx.time(at),
        _ => at.to_owned(),
    };
    let back = format!("{} recovered {at}", lower_name(&finding.subject));
    match back_in_band(finding) {
        Some(numbers) => format!("{back}, {numbers}"),
        None => back,
    }
}

fn not_recovered(finding: Option<&Finding>, at: &str) -> String {
    let Some(finding) = finding else { return format!("not as it should be {at}") };
    let name = lower_name(&finding.subject);
    match (&finding.subject, &finding.measure) {
        (Subject::Metric { kind, .. }, Some(measure)) => format!(
            "{name} not back by {at}, {} where {} expected",
            value(*kind, measure.observed),
            value(*kind, measure.expected)
        ),
        (Subject::Error { .. }, _) => format!("{name} still occurs {at}"),
        (Subject::Run { .. } | Subject::Deployment { .. }, _) => format!("{name} still fails {at}"),
        (Subject::Metric { .. }, None) => format!("{name} not back by {at}"),
    }
}
