//! The one thing worth doing, and what the prompts brought.

use wakeman_types::{PromptStat, PromptStatsView, Tip, TipView, TipWhyView};

use crate::{Align, Block, Button, Column, Doc, Line, RenderContext, Table, Verb, safe::sanitize, why::trimmed};

/// Features that are listed.
const MOVED_MAX: usize = 5;
/// Other items that are named.
const OTHERS_MAX: usize = 5;

/// The answer to "tip".
pub fn tip_view_doc(view: &TipView, ctx: &RenderContext) -> Doc {
    let doc = match &view.tip {
        Some(tip) => tip_doc(tip, ctx),
        None => Doc::bare().text("Nothing worth a tip now."),
    };
    match &view.notice {
        Some(notice) => doc.text(Line::new().dim(sanitize(notice, 300))),
        None => doc,
    }
}

/// One tip. A model's words are set apart and never rendered as markup or links.
pub fn tip_doc(tip: &Tip, ctx: &RenderContext) -> Doc {
    let (title, body) = (sanitize(&tip.title, 200), sanitize(&tip.body, 500));
    let doc = match &tip.prompt_version {
        Some(_) => Doc::bare().headline(Line::new().dim("Model's tip: ").outside(title)).text(Line::new().dim(body)),
        None => Doc::bare().headline(Line::new().strong("Tip: ").outside(title)).text(Line::new().outside(body)),
    };
    let doc = match tip.worth {
        None => doc
            .button(Button::new("Useful", 'u', Verb::TipFeedback { id: tip.id, useful: true }))
            .button(Button::new("Noise", 'n', Verb::TipFeedback { id: tip.id, useful: false })),
        Some(worth) => {
            let word = if worth >= 0.5 { "useful" } else { "noise" };
            doc.text(Line::new().dim(format!("Noted: {word}.")))
        }
    };
    let doc = doc.button(Button::new("Why", 'w', Verb::WhyTip(tip.id)));
    let by = tip.prompt_version.as_ref().map(|prompt| format!(" · {}", sanitize(prompt, 60))).unwrap_or_default();
    let explored = if tip.explored { ", by chance" } else { "" };
    let policy = sanitize(&tip.policy, 40);
    doc.footer(format!("{} · {} · {policy}{explored}{by}", tip.id, ctx.time(tip.at)))
}

/// The answer to "why" of a tip.
pub fn tip_why_doc(view: &TipWhyView, ctx: &RenderContext) -> Doc {
    let tip = &view.tip;
    let title = sanitize(&tip.title, 200);
    let mut doc = Doc::bare().headline(Line::new().strong("Tip: ").outside(title)).text(chosen(view));
    for line in behind(view) {
        doc = doc.text(Line::new().dim(line));
    }
    doc.footer(format!("{} · shown to {} {}", tip.id, sanitize(view.operator.as_str(), 40), ctx.time(tip.at)))
}

/// `Chosen by egreedy-v1 for its score (probability 0.96); one of 3 items.`
fn chosen(view: &TipWhyView) -> String {
    let tip = &view.tip;
    let policy = sanitize(&tip.policy, 40);
    let from = match view.others.len() {
        0 => "it was the only item".to_owned(),
        others => format!("one of {} items", others + 1),
    };
    let how = if tip.explored { "by chance, to learn" } else { "for its score" };
    format!("Chosen by {policy} {how} (probability {}); {from}.", trimmed(tip.propensity))
}

fn behind(view: &TipWhyView) -> Vec<String> {
    let mut lines = Vec::new();
    let moved = view.moved.iter().filter(|(_, moved)| moved.abs() >= 0.001).take(MOVED_MAX);
    let moved: Vec<String> = moved.map(|(name, moved)| format!("{} {moved:+.3}", sanitize(name, 40))).collect();
    let against = if view.others.is_empty() { "" } else { " against the others" };
    lines.push(match (view.rewards, moved.is_empty()) {
        (0, true) => "No tip was rated yet, so nothing is learnt.".to_owned(),
        (_, true) => format!("Nothing learnt so far moves its score{against}."),
        _ => format!("Its score{against}: {}", moved.join(" · ")),
    });
    if !view.others.is_empty() {
        let named: Vec<String> = view.others.iter().take(OTHERS_MAX).map(|about| sanitize(about, 40)).collect();
        let more = view.others.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("The others: {}{more}", named.join(", ")));
    }
    for opinion in &view.opinions {
        let (policy, about) = (sanitize(&opinion.policy, 40), sanitize(&opinion.about, 40));
        lines.push(format!("{policy} would show {about} (probability {})", trimmed(opinion.propensity)));
    }
    let who = sanitize(view.operator.as_str(), 40);
    match (view.reactions.is_empty(), view.silent) {
        (false, _) => lines.push(format!("{who}: {}", view.reactions.join(", "))),
        (true, true) => lines.push(format!("{who}: no reaction in time")),
        (true, false) => {}
    }
    lines
}

/// `prompts stats`.
pub fn prompt_stats_doc(view: &PromptStatsView) -> Doc {
    if view.prompts.is_empty() {
        return Doc::bare().text("No prompt's tip or note was shown yet.");
    }
    let columns = vec![
        Column::new("prompt", Align::Left),
        Column::new("shown", Align::Right),
        Column::new("reactions", Align::Right),
        Column::new("reward", Align::Right),
        Column::new("95 % between", Align::Left),
    ];
    let table = Table { columns, rows: view.prompts.iter().map(row).collect() };
    Doc::bare().block(Block::Table(table)).text(Line::new().dim(sanitize(&view.interval, 300)))
}

fn row(stat: &PromptStat) -> Vec<Line> {
    let between = format!("{:.2} and {:.2}", stat.lower, stat.upper);
    vec![
        Line::new().strong(sanitize(&format!("{}/{}", stat.id, stat.version), 80)),
        stat.shown.to_string().into(),
        stat.rewards.to_string().into(),
        stat.mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.2}")).into(),
        if stat.rewards == 0 { "nobody reacted".into() } else { between.into() },
    ]
}
