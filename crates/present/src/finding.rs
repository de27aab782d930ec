//! A finding: the line that wakes people, what was measured, what probably did it.

use wakeman_types::{
    Direction, FeedbackView, Finding, FindingNews, FindingState, FindingView, HOUR_MS, Measure, MetricKind, Severity,
    Subject, Trend, short_sha,
};

use crate::{
    Block, Button, Chart, Doc, Line, RenderContext, Tone, Verb,
    cause::{NAME_LEN_MAX, with_causes},
    number::{deviation, expected, group, range, value},
    recovery,
    safe::{quoted, sanitize},
};

/// Longest error message on a card, in characters.
const DESCRIPTION_LEN_MAX: usize = 160;
/// What the snooze button asks for.
const SNOOZE_MS: i64 = 2 * HOUR_MS;

/// The tone a finding is told in: its severity while it lasts.
pub(crate) fn tone(finding: &Finding) -> Tone {
    match (finding.is_over(), finding.severity) {
        (true, _) => recovery::tone(finding),
        (_, Severity::Critical) => Tone::Critical,
        (_, Severity::Warning) => Tone::Warning,
        (_, Severity::Info) => Tone::Quiet,
    }
}

/// What the finding is about, as it begins a sentence: `Sign-ups`, `TypeError in web/signup/form.ts`, `Workflow CI`.
pub fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Metric { name, .. } => sanitize(name, NAME_LEN_MAX),
        Subject::Error { name, source, .. } => {
            let error = sanitize(name, NAME_LEN_MAX);
            match source {
                Some(file) => format!("{error} in {}", sanitize(file, NAME_LEN_MAX)),
                None => error,
            }
        }
        Subject::Run { workflow, .. } => format!("Workflow {}", sanitize(workflow, NAME_LEN_MAX)),
        Subject::Deployment { environment, .. } => format!("Deployment to {}", sanitize(environment, NAME_LEN_MAX)),
    }
}

/// The name inside a sentence: `sign-ups`, but `API calls` and `TypeError` stay as they are.
pub(crate) fn lower_name(subject: &Subject) -> String {
    let name = subject_name(subject);
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() && !matches!(subject, Subject::Error { .. }) => {
            first.to_lowercase().chain(name.chars().skip(1)).collect()
        }
        _ => name,
    }
}

/// The one line of a finding without its mark: `Sign-ups down 62 % since 14:10 (25 min ago)`.
pub fn headline(finding: &Finding, ctx: &RenderContext) -> String {
    let what = what(finding, ctx);
    match &finding.subject {
        _ if finding.is_over() => what,
        Subject::Deployment { status, .. } if has_failed(status) => {
            format!("{what} {}", ctx.time_with_age(finding.since))
        }
        _ => format!("{what} since {}", ctx.time_with_age(finding.since)),
    }
}

/// The headline without its time, for lists that have a column for it: `Sign-ups down 62 %`.
pub(crate) fn what(finding: &Finding, ctx: &RenderContext) -> String {
    if finding.is_over() {
        return recovery::headline(finding, ctx);
    }
    let name = subject_name(&finding.subject);
    match &finding.subject {
        Subject::Metric { kind, .. } => match &finding.measure {
            Some(measure) => format!("{name} {}", moved(*kind, measure)),
            None => format!("{name} not as expected"),
        },
        Subject::Error { .. } => {
            let again = if finding.reopened > 0 { "Error is back" } else { "New error" };
            format!("{again}: {name}, {}", times(finding.occurrences))
        }
        Subject::Run { .. } => format!("{name} fails on the default branch"),
        Subject::Deployment { status, .. } if has_failed(status) => format!("{name} failed"),
        Subject::Deployment { .. } => format!("{name} stuck"),
    }
}

/// `down 62 %`, `up 85 %`; a share and a value of zero are told as they stand, so that no percentage misleads.
fn moved(kind: MetricKind, measure: &Measure) -> String {
    let way = match measure.direction {
        Direction::Up => "up",
        Direction::Down => "down",
    };
    match deviation(measure) {
        Some(percent) if kind != MetricKind::Ratio && measure.observed != 0.0 => format!("{way} {percent}"),
        _ => format!("{way} to {}", value(kind, measure.observed)),
    }
}

fn has_failed(status: &str) -> bool {
    matches!(status, "failure" | "error")
}

fn times(number: u64) -> String {
    match number {
        1 => "once".to_owned(),
        _ => format!("{} times", group(number)),
    }
}

/// The second line: the numbers with their comparison, where it hits, where it is heading.
pub(crate) fn facts(finding: &Finding) -> Line {
    let mut items: Vec<Line> = Vec::new();
    match &finding.subject {
        Subject::Metric { kind, .. } => items.extend(finding.measure.as_ref().map(|m| comparison(*kind, m).into())),
        Subject::Error { description, function, .. } => {
            if !description.trim().is_empty() {
                items.push(Line::new().outside(quoted(description, DESCRIPTION_LEN_MAX)));
            }
            items.extend(function.as_ref().map(|name| Line::new().plain("in ").outside(sanitize(name, NAME_LEN_MAX))));
        }
        Subject::Run { run, sha, .. } => {
            if finding.occurrences > 1 {
                items.push(format!("{} failing runs in a row", group(finding.occurrences)).into());
            }
            items.push(Line::new().plain(format!("run {run} at ")).outside(sanitize(short_sha(sha), 12)));
        }
        Subject::Deployment { sha, status, id, .. } => {
            items.push(Line::new().plain("status ").outside(sanitize(status, 40)));
            items.push(Line::new().plain(format!("deployment {id} at ")).outside(sanitize(short_sha(sha), 12)));
        }
    }
    items.extend(finding.scope.as_ref().map(|scope| Line::new().plain("only ").outside(sanitize(scope, NAME_LEN_MAX))));
    items.extend(finding.measure.as_ref().map(|measure| trend(measure).into()));
    Line::joined(items, " · ")
}

/// `41 where 96 were expected (80–112)`.
pub(crate) fn comparison(kind: MetricKind, measure: &Measure) -> String {
    format!(
        "{} where {} expected ({})",
        value(kind, measure.observed),
        expected(kind, measure.expected),
        range(kind, measure.low, measure.high)
    )
}

fn trend(measure: &Measure) -> &'static str {
    match (measure.trend, measure.direction) {
        (Trend::Worsening, Direction::Down) => "still falling",
        (Trend::Worsening, Direction::Up) => "still rising",
        (Trend::Steady, _) => "steady",
        (Trend::Recovering, _) => "recovering",
    }
}

/// What else shows the same problem: `Also: activated down 75 % · TypeError in web/signup/form.ts, 12 times`.
fn also(finding: &Finding) -> Option<Line> {
    let one = |related: &wakeman_types::Related| {
        let name = lower_name(&related.subject);
        match (&related.subject, &related.measure) {
            (Subject::Metric { kind, .. }, Some(measure)) => format!("{name} {}", moved(*kind, measure)),
            (Subject::Error { .. }, _) => format!("{name}, {}", times(related.occurrences)),
            _ => name,
        }
    };
    let items: Vec<String> = finding.also.iter().map(one).collect();
    (!items.is_empty()).then(|| Line::new().plain("Also: ").outside(items.join(" · ")))
}

/// Why it is said again, or who has it; nothing for one that is new.
fn standing(view: &FindingView, ctx: &RenderContext) -> Vec<Line> {
    let finding = &view.finding;
    let mut lines = Vec::new();
    match view.news {
        FindingNews::Escalated => lines.push("Worse than when it was first told.".into()),
        FindingNews::Joined => lines.push("More shows it than when it was first told.".into()),
        FindingNews::Reopened if finding.reopened > 1 => {
            lines.push(format!("Came back for the {} time.", ordinal(finding.reopened)).into());
        }
        FindingNews::Reopened => lines.push("Came back after it was over.".into()),
        FindingNews::Unanswered => lines.push("Told once more: nobody has reacted yet.".into()),
        FindingNews::New | FindingNews::Asked => {}
    }
    match &finding.state {
        FindingState::Acknowledged { by, at } => {
            lines.push(format!("Acknowledged by {} {}.", sanitize(by, NAME_LEN_MAX), ctx.time(*at)).into());
        }
        FindingState::Snoozed { by, until } => {
            lines.push(format!("Snoozed by {} until {}.", sanitize(by, NAME_LEN_MAX), ctx.time(*until)).into());
        }
        FindingState::Open | FindingState::Resolved { .. } => {}
    }
    if let Some(since) = finding.unknown_since.filter(|_| !finding.is_over()) {
        let text = format!("Not readable since {}: its state is unknown, not fine.", ctx.time_with_age(since));
        lines.push(Line::new().with(text, crate::Style::Bad));
    }
    lines
}

fn ordinal(number: u32) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

/// A finding as a card.
pub fn finding_doc(view: &FindingView, ctx: &RenderContext) -> Doc {
    let finding = &view.finding;
    let mut doc = Doc::card(tone(finding)).headline(Line::new().strong(headline(finding, ctx))).text(facts(finding));
    for line in also(finding).into_iter().chain(standing(view, ctx)) {
        doc = doc.text(line);
    }
    if let Some(chart) = Chart::of(finding, ctx) {
        doc = doc.block(Block::Chart(Box::new(chart)));
    }
    let doc = with_causes(doc.gap(), finding, ctx).gap();
    buttons(doc, view).footer(finding.id.to_string())
}

fn buttons(doc: Doc, view: &FindingView) -> Doc {
    let (id, over) = (view.finding.id, view.finding.is_over());
    let mut doc = doc;
    if matches!(view.finding.state, FindingState::Open) {
        // "It is mine" is said in words; one tap says whether it was worth the interruption.
        doc = doc.button(Button::new("Useful", 'u', Verb::Feedback { id, useful: true })).button(Button::new(
            "Noise",
            'n',
            Verb::Feedback { id, useful: false },
        ));
    }
    if !over {
        doc = doc.button(Button::new("Snooze", 's', Verb::Snooze { id, duration_ms: SNOOZE_MS }));
    }
    doc = doc.button(Button::new("Why", 'w', Verb::Why(id)));
    match view.proposal {
        Some(proposal) if !over => {
            let label = view.repair.as_ref().map_or_else(|| format!("Show {proposal}"), |label| sanitize(label, 60));
            doc.button(Button::new(label, 'p', Verb::Proposal(proposal)))
        }
        _ => doc,
    }
}
/// `F-128 is ada's now.`: how a finding stands after somebody said something of it.
pub fn standing_line(finding: &Finding, ctx: &RenderContext) -> String {
    let id = finding.id;
    match &finding.state {
        FindingState::Open => format!("{id} is open."),
        FindingState::Acknowledged { by, .. } => format!("{id} is {}'s now.", sanitize(by, NAME_LEN_MAX)),
        FindingState::Snoozed { until, .. } => format!("{id} is quiet until {}.", ctx.time(*until)),
        FindingState::Resolved { .. } => format!("{id} is closed."),
    }
}

/// `F-128 noted as useful; …`
pub fn feedback_line(view: &FeedbackView, useful: bool) -> String {
    let (id, word) = (view.finding.id, if useful { "useful" } else { "noise" });
    match &view.not_learnt {
        None => format!("{id} noted as {word}; what interrupts you is learnt from this."),
        Some(why) => format!("{id} noted as {word}, but nothing is learnt from it: {}.", sanitize(why, 300)),
    }
}
