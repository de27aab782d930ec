//! The one thing worth doing, and what the prompts brought.

use wakeman_types::{PromptStat, PromptStatsView, Tip, TipView};

use crate::{Align, Block, Button, Column, Doc, Line, RenderContext, Table, Verb, safe::sanitize};

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
    let by = tip.prompt_version.as_ref().map(|prompt| format!(" · {}", sanitize(prompt, 60))).unwrap_or_default();
    let explored = if tip.explored { ", by chance" } else { "" };
    let policy = sanitize(&tip.policy, 40);
    doc.footer(format!("{} · {} · {policy}{explored}{by}", tip.id, ctx.time(tip.at)))
}

/// `prompts stats`.
pub fn prompt_stats_doc(view: &PromptStatsView) -> Doc {
    if view.prompts.is_empty() {
        return Doc::bare().text("No prompt's text was shown to anybody yet, so there is nothing to count.");
    }
    let columns = vec![
        Column::new("prompt", Align::Left),
        Column::new("shown", Align::Right),
        Column::new("reactions", Align::Right),
        Column::new("reward", Align::Right),
        Column::new("surely between", Align::Left),
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
