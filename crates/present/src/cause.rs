//! Causes: how a change is named, why it is or is not likely.

use wakeman_types::{CandidateCause, Change, ChangeKind, ChangeRef, Direction, Finding, MINUTE_MS, Reason, Subject};

use crate::{
    Block, Doc, Line, RenderContext,
    number::{counted, probability, span},
    safe::{quoted, sanitize},
};

/// Longest title of a change, in characters.
const TITLE_LEN_MAX: usize = 72;
/// The same where several stand in a line.
const SHORT_TITLE_MAX: usize = 40;
/// Longest name: an author, a flag, a file.
pub(crate) const NAME_LEN_MAX: usize = 60;
/// Less likely causes that are named; the rest are counted.
const LESS_LIKELY_MAX: usize = 2;

/// `#482 "signup: new form", merged 14:04 by lin`.
pub(crate) fn change_line(change: &Change, ctx: &RenderContext) -> Line {
    let title = own_title(change);
    let named = Line::new().outside(sanitize(&change.label(), NAME_LEN_MAX));
    let named = match title {
        "" => named,
        title => named.plain(" ").outside(quoted(title, TITLE_LEN_MAX)),
    };
    let done = named.plain(format!(", {} {}", past_tense(change.kind), ctx.time(change.at)));
    let by = match &change.author {
        Some(author) => done.plain(" by ").outside(sanitize(author, NAME_LEN_MAX)),
        None => done,
    };
    match rollout(change).filter(|share| !title.contains(share.as_str())) {
        Some(share) => by.plain(format!(" to {share} of users")),
        None => by,
    }
}

/// What the title says that the label does not: a flag's is often its key again, or begins with it.
fn own_title(change: &Change) -> &str {
    let (label, title) = (change.label(), change.title.trim());
    let rest = title.strip_prefix(label.as_str()).map_or(title, |rest| rest.trim_start_matches([':', ' ']));
    if label.ends_with(rest) { "" } else { rest }
}

fn past_tense(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Merge => "merged",
        ChangeKind::Deploy => "deployed",
        ChangeKind::Release => "published",
        ChangeKind::Flag | ChangeKind::Experiment => "edited",
        ChangeKind::Config => "pushed",
    }
}

fn rollout(change: &Change) -> Option<String> {
    match &change.reference {
        ChangeRef::Flag { rollout: Some(share), .. } if (0.0..=1.0).contains(share) => {
            Some(format!("{} %", (share * 100.0).round()))
        }
        _ => None,
    }
}

/// What happened, as the thing a change came before: `the drop`.
fn onset(finding: &Finding) -> &'static str {
    match (&finding.subject, finding.measure.as_ref().map(|measure| measure.direction)) {
        (Subject::Metric { .. }, Some(Direction::Down)) => "the drop",
        (Subject::Metric { .. }, Some(Direction::Up)) => "the rise",
        (Subject::Metric { .. }, None) => "it began",
        (Subject::Error { .. }, _) => "the first of these errors",
        (Subject::Run { .. } | Subject::Deployment { .. }, _) => "the failure",
    }
}

fn lead(lead_ms: i64, onset: &str) -> String {
    match lead_ms {
        ms if ms >= MINUTE_MS => format!("{} before {onset}", span(ms)),
        ms if ms <= -MINUTE_MS => format!("{} after {onset}", span(ms.saturating_neg())),
        _ => format!("within a minute of {onset}"),
    }
}

fn files(paths: &[String]) -> String {
    paths.iter().take(3).map(|path| sanitize(path, NAME_LEN_MAX)).collect::<Vec<_>>().join(", ")
}

fn list(words: &[String]) -> String {
    words.iter().take(4).map(|word| sanitize(word, NAME_LEN_MAX)).collect::<Vec<_>>().join(", ")
}

fn percent_of_expected(ratio: f64) -> String {
    if ratio.is_finite() { format!("{} %", (ratio.max(0.0) * 100.0).round()) } else { "an unknown share".to_owned() }
}

/// One reason in full, as a bullet under a likely cause.
fn reason(reason: &Reason, finding: &Finding, ctx: &RenderContext) -> String {
    match reason {
        Reason::Lead { lead_ms } => lead(*lead_ms, onset(finding)),
        Reason::WentLive { at } => format!("went live {}", ctx.time(*at)),
        Reason::FilesInErrors { files: paths, errors } => {
            format!("touches {}, named in {}", files(paths), counted(*errors, "new error"))
        }
        Reason::NamesSubject { words } => format!("names what broke: {}", list(words)),
        Reason::SplitConfirms { exposed, unexposed } => format!(
            "its users are at {} of what was expected, the others at {}",
            percent_of_expected(*exposed),
            percent_of_expected(*unexposed)
        ),
        Reason::SplitClears => "its users are no worse off than the others".to_owned(),
        Reason::Carries { changes } => format!("contains {}, which explains it better", list(changes)),
        Reason::SameCommit => match finding.subject {
            Subject::Deployment { .. } => "is the commit being deployed".to_owned(),
            _ => "is the commit that failed".to_owned(),
        },
    }
}

/// The bullets under a cause: timing in one, then each other reason, strongest first.
pub(crate) fn reason_lines(cause: &CandidateCause, finding: &Finding, ctx: &RenderContext) -> Vec<String> {
    let is_timing = |reason: &Reason| matches!(reason, Reason::Lead { .. } | Reason::WentLive { .. });
    let mut lines: Vec<String> = Vec::new();
    let timing: Vec<String> = cause.reasons.iter().filter(|r| is_timing(r)).map(|r| reason(r, finding, ctx)).collect();
    for each in &cause.reasons {
        if !is_timing(each) {
            lines.push(reason(each, finding, ctx));
        } else if !timing.is_empty() && !lines.contains(&timing.join("; ")) {
            lines.push(timing.join("; "));
        }
    }
    lines
}

/// Why it is not the likely one, in a few words; empty when nothing speaks against it.
fn against(cause: &CandidateCause, finding: &Finding) -> String {
    let words = cause.reasons.iter().find_map(|reason| match reason {
        Reason::SplitClears => Some("its users are no worse off".to_owned()),
        Reason::Carries { changes } => Some(format!("contains {}", list(changes))),
        Reason::Lead { lead_ms } if *lead_ms <= -MINUTE_MS => Some(format!("came {}", lead(*lead_ms, onset(finding)))),
        _ => None,
    });
    words.map(|words| format!(" ({words})")).unwrap_or_default()
}

fn less_likely(causes: &[CandidateCause], finding: &Finding) -> Vec<Line> {
    let mut items: Vec<Line> = causes
        .iter()
        .take(LESS_LIKELY_MAX)
        .map(|cause| {
            let label = sanitize(&cause.change.label(), NAME_LEN_MAX);
            let rest = format!(" {}{}", probability(cause.probability), against(cause, finding));
            let bare = matches!(cause.change.reference, ChangeRef::Commit { .. } | ChangeRef::Deployment { .. });
            let named = Line::new().outside(label);
            match own_title(&cause.change) {
                // A hash alone says nothing to anybody.
                title if bare && !title.is_empty() => named.plain(" ").outside(quoted(title, SHORT_TITLE_MAX)),
                _ => named,
            }
            .plain(rest)
        })
        .collect();
    let others = &causes[causes.len().min(LESS_LIKELY_MAX)..];
    if !others.is_empty() {
        let together = others.iter().map(|cause| cause.probability).sum();
        items.push(format!("{} {}", counted(others.len() as u64, "other"), probability(together)).into());
    }
    items
}

/// The causes as a card shows them: the likely one with its reasons, the others in one line.
pub(crate) fn with_causes(doc: Doc, finding: &Finding, ctx: &RenderContext) -> Doc {
    let none = probability(finding.none_probability);
    let Some(likely) = finding.likely_cause() else {
        if finding.causes.is_empty() {
            return doc.text("No change is known that could have caused it.");
        }
        let head = Line::new().strong(format!("Likely none of the known changes, {none}"));
        let items = less_likely(&finding.causes, finding);
        return doc.text(head).text(Line::new().plain("Less likely: ").join(Line::joined(items, " · ")));
    };
    let head = format!("Likely cause, {}: ", probability(likely.probability));
    let doc = doc.text(Line::new().strong(head).join(change_line(&likely.change, ctx)));
    let doc = reason_lines(likely, finding, ctx).into_iter().fold(doc, Doc::bullet);
    let mut items = less_likely(&finding.causes[1..], finding);
    items.push(format!("none of these {none}").into());
    doc.text(Line::new().plain("Less likely: ").join(Line::joined(items, " · ")))
}

/// Every cause with every reason, for who asks why.
pub(crate) fn with_all_causes(doc: Doc, finding: &Finding, ctx: &RenderContext) -> Doc {
    let none = format!("{} none of the known changes", probability(finding.none_probability));
    let doc = finding.causes.iter().fold(doc, |doc, cause| {
        let head = Line::new().strong(probability(cause.probability)).plain(" ").join(change_line(&cause.change, ctx));
        reason_lines(cause, finding, ctx).into_iter().fold(doc.block(Block::Text(head)), Doc::bullet)
    });
    doc.text(none)
}
