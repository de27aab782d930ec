//! What was learnt, looked at: scores, what was brought to whom, what the policies saw.

use wakeman_types::{FeatureRow, FeaturesView, LearntStat, LearntStatsView, ScoreRow, ScoresView};

use crate::{Align, Block, Column, Doc, Line, RenderContext, Table, safe::sanitize, why::trimmed};

/// `ranking score`.
pub fn scores_doc(view: &ScoresView) -> Doc {
    let doc = if view.scores.is_empty() {
        Doc::bare().text("Nothing could be a tip now, so there is nothing to score.")
    } else {
        let columns = vec![
            Column::new("policy", Align::Left),
            Column::new("item", Align::Left),
            Column::new("score", Align::Right),
            Column::new("propensity", Align::Right),
            Column::new("", Align::Left).growing().optional(),
        ];
        let row = |row: &ScoreRow| {
            vec![
                Line::new().strong(sanitize(&row.policy, 40)),
                sanitize(&row.about, 40).into(),
                format!("{:.3}", row.score).into(),
                format!("{:.3}", row.propensity).into(),
                Line::new().outside(sanitize(&row.title, 200)),
            ]
        };
        let table = Table { columns, rows: view.scores.iter().map(row).collect() };
        Doc::bare().block(Block::Table(table)).text(format!("For {}.", sanitize(view.operator.as_str(), 40)))
    };
    match &view.notice {
        Some(notice) => doc.text(Line::new().dim(sanitize(notice, 300))),
        None => doc,
    }
}

/// `ranking stats`.
pub fn learnt_stats_doc(view: &LearntStatsView, ctx: &RenderContext) -> Doc {
    if view.stats.is_empty() {
        return Doc::bare().text("Nothing a policy chose was told yet.");
    }
    let columns = vec![
        Column::new("operator", Align::Left),
        Column::new("policy", Align::Left),
        Column::new("told", Align::Right),
        Column::new("reactions", Align::Right),
        Column::new("silent", Align::Right),
        Column::new("reward", Align::Right),
        Column::new("95 % between", Align::Left),
        Column::new("last", Align::Right).optional(),
    ];
    let row = |stat: &LearntStat| {
        let between = format!("{:.2} and {:.2}", stat.lower, stat.upper);
        vec![
            Line::new().strong(sanitize(stat.operator.as_str(), 40)),
            sanitize(&stat.policy, 40).into(),
            stat.told.to_string().into(),
            stat.rewards.to_string().into(),
            stat.silent.to_string().into(),
            stat.mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.2}")).into(),
            if stat.rewards == 0 { "no reaction yet".into() } else { between.into() },
            ctx.time(stat.last).into(),
        ]
    };
    let table = Table { columns, rows: view.stats.iter().map(row).collect() };
    Doc::bare().block(Block::Table(table)).text(Line::new().dim(sanitize(&view.interval, 300)))
}

/// `ranking features`: a line for each decision, and what was seen of it.
pub fn features_doc(view: &FeaturesView, ctx: &RenderContext) -> Doc {
    if view.rows.is_empty() {
        return Doc::bare().text("Nothing was decided yet.");
    }
    view.rows.iter().fold(Doc::bare(), |doc, row| {
        let seen: Vec<String> =
            row.features.iter().map(|(name, value)| format!("{} {}", sanitize(name, 40), trimmed(*value))).collect();
        doc.text(decision(row, ctx)).text(Line::new().dim(seen.join(" · ")))
    })
}

/// `T-7 · 14:35 · egreedy-v1 chose #471 · ada · reward 1`
fn decision(row: &FeatureRow, ctx: &RenderContext) -> Line {
    let (policy, chosen) = (sanitize(&row.policy, 40), sanitize(&row.chosen, 40));
    let operator = row.operator.as_ref().map(|one| format!(" · {}", sanitize(one.as_str(), 40))).unwrap_or_default();
    let reward = row.reward.map_or_else(|| "no reaction".to_owned(), |reward| format!("reward {}", trimmed(reward)));
    let rest = format!(" · {} · {policy} chose {chosen}{operator} · {reward}", ctx.time(row.at));
    Line::new().strong(sanitize(&row.id, 40)).plain(rest)
}
