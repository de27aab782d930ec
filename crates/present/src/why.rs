//! Everything behind a finding: the evidence, every cause, and why it was told the way it was.

use wakeman_types::{Finding, Interruption, Measure, RankingWhy, Subject, WhyView};

use crate::{
    Block, Chart, Doc, Line, RenderContext,
    cause::with_all_causes,
    finding::{facts, headline, tone},
    number::{counted, one_in, span},
    safe::sanitize,
};

/// Ten years: what the decision log says of somebody who was never interrupted.
const NEVER_MINUTES: f64 = 5_256_000.0;
/// Features that are listed; the rest are counted.
const FEATURES_MAX: usize = 12;
/// Learnt weights that are listed.
const MOVED_MAX: usize = 5;

/// The policy of a decision whose record is gone.
const NO_RECORD: &str = "none";

/// The answer to "why".
pub fn why_doc(view: &WhyView, ctx: &RenderContext) -> Doc {
    let finding = &view.finding;
    let mut doc = Doc::card(tone(finding)).headline(Line::new().strong(headline(finding, ctx)));
    doc = section(doc, "Evidence").text(facts(finding));
    if let Some(measure) = &finding.measure {
        doc = doc.text(chance(measure, &finding.subject));
    }
    if let Some(chart) = Chart::of(finding, ctx) {
        doc = doc.block(Block::Chart(Box::new(chart)));
    }
    doc = with_all_causes(section(doc, "Causes"), finding, ctx);
    doc = section(doc, "How it was told").text(told(view));
    doc = doc.text(Line::new().dim(features(&view.features)));
    for line in learnt(&view.ranking) {
        doc = doc.text(Line::new().dim(line));
    }
    if !view.proposals.is_empty() {
        let ids: Vec<String> = view.proposals.iter().map(ToString::to_string).collect();
        doc = doc.text(format!("Proposals: {}", ids.join(", ")));
    }
    doc.footer(id_line(finding, ctx))
}

fn section(doc: Doc, title: &str) -> Doc {
    doc.gap().text(Line::new().dim(title))
}

/// How rare the numbers would be if nothing had changed.
fn chance(measure: &Measure, subject: &Subject) -> String {
    let over = match subject {
        Subject::Metric { .. } if measure.window_ms > 0 => format!("Measured over {}. ", span(measure.window_ms)),
        _ => String::new(),
    };
    format!("{over}Chance of this without any change: {}.", one_in(measure.p_value))
}

/// `At once: critical. Chosen by rule-v1 (probability 0.95).`
fn told(view: &WhyView) -> String {
    let how = match view.interruption {
        Interruption::Now => "At once",
        Interruption::Digest => "In the digest",
        Interruption::Silent => "In the list only",
    };
    let reason = sanitize(&view.reason, 120);
    if view.policy == NO_RECORD {
        return format!("{how}. Why is no longer known: {reason}.");
    }
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let policy = sanitize(&view.policy, 40);
    format!("{how}{reason}. Chosen by {policy} (probability {}).", trimmed(view.propensity))
}

/// What was learnt: what moved the score, what other policies would have done, what was made of it. Nothing where nothing is known.
fn learnt(why: &RankingWhy) -> Vec<String> {
    let mut lines = Vec::new();
    let moved = why.moved.iter().filter(|(_, moved)| moved.abs() >= 0.001).take(MOVED_MAX);
    let moved: Vec<String> = moved.map(|(name, moved)| format!("{} {moved:+.3}", sanitize(name, 40))).collect();
    if !moved.is_empty() && why.rewards > 0 {
        let from = counted(why.rewards, "reaction");
        lines.push(format!("Learnt from {from}, towards now (+) or the digest (-): {}", moved.join(" · ")));
    }
    if !why.history.is_empty() {
        let words: Vec<String> =
            why.history.iter().map(|(word, count)| format!("{count} {}", sanitize(word, 40))).collect();
        lines.push(format!("Of this kind lately: {}", words.join(", ")));
    }
    for opinion in &why.opinions {
        let chance = opinion.arms.iter().find(|arm| arm.arm == opinion.preferred).map_or(0.0, |arm| arm.propensity);
        let policy = sanitize(&opinion.policy, 40);
        lines.push(format!("{policy} would choose {} (probability {})", arm(opinion.preferred), trimmed(chance)));
    }
    for reaction in &why.reactions {
        let who = sanitize(reaction.operator.as_str(), 40);
        lines.push(match reaction.reward {
            Some(reward) => format!("{who}: {}, reward {}", reaction.reactions.join(", "), trimmed(reward)),
            None => format!("{who}: no reaction in time"),
        });
    }
    lines.extend(why.fallback.as_ref().map(|fallback| sanitize(fallback, 300)));
    lines
}

const fn arm(arm: Interruption) -> &'static str {
    match arm {
        Interruption::Now => "at once",
        Interruption::Digest => "the digest",
        Interruption::Silent => "the list only",
    }
}

/// `severity 1 · hour 14 · p 0.0001`.
fn features(features: &[(String, f64)]) -> String {
    let mut items: Vec<String> = features
        .iter()
        .take(FEATURES_MAX)
        .map(|(name, value)| match name.as_str() {
            "minutes_since_last_interruption" if *value >= NEVER_MINUTES => format!("{name} never"),
            name => format!("{} {}", sanitize(name, 40), trimmed(*value)),
        })
        .collect();
    if features.len() > FEATURES_MAX {
        items.push(format!("{} more", features.len() - FEATURES_MAX));
    }
    if items.is_empty() { String::new() } else { format!("It saw: {}", items.join(" · ")) }
}

/// At most four decimals, none that are zero; what would vanish is told by its exponent.
pub(crate) fn trimmed(number: f64) -> String {
    if number != 0.0 && number.abs() < 0.0001 {
        return format!("{number:.1e}");
    }
    let text = format!("{number:.4}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn id_line(finding: &Finding, ctx: &RenderContext) -> String {
    format!(
        "{} · opened {} · thread {}",
        finding.id,
        ctx.time(finding.opened_at),
        sanitize(finding.thread.as_str(), 60)
    )
}
