//! The policies with what came of them.

use wakeman_types::{PolicyView, RankingView};

use crate::{Align, Block, Column, Doc, Line, Table, safe::sanitize, sparkline};

/// `ranking status`.
pub fn ranking_doc(view: &RankingView) -> Doc {
    let columns = vec![
        Column::new("policy", Align::Left),
        Column::new("problem", Align::Left),
        Column::new("role", Align::Left),
        Column::new("decided", Align::Right),
        Column::new("rewards", Align::Right),
        Column::new("mean", Align::Right),
        Column::new("regret", Align::Right),
        Column::new("agrees", Align::Right),
        Column::new("ESS", Align::Right),
        Column::new("reward", Align::Left).optional(),
        Column::new("agreement", Align::Left).optional(),
    ];
    let table = Table { columns, rows: view.policies.iter().map(row).collect() };
    let mut doc = Doc::bare().block(Block::Table(table));
    for policy in &view.policies {
        if let Some(bound) = &policy.bound {
            let (id, rounds) = (sanitize(&policy.id, 40), bound.rounds);
            let (estimate, lower, upper) = (bound.estimate, bound.lower, bound.upper);
            let s = if rounds == 1 { "" } else { "s" };
            doc = doc.text(format!(
                "{id} against rule-v1: {estimate:+.3}, surely between {lower:+.3} and {upper:+.3} ({rounds} decision{s})"
            ));
        }
    }
    if !view.operators.is_empty() {
        let all = view.operators.iter().map(|one| format!("{} {}", sanitize(one.operator.as_str(), 40), one.rewards));
        doc = doc.text(format!("Learnt from: {}", all.collect::<Vec<_>>().join(" · ")));
    }
    if view.unusable > 0 {
        doc = doc.text(format!("{} logged decisions cannot be used; the session log names them", view.unusable));
    }
    match &view.notice {
        Some(notice) => doc.text(Line::new().strong(sanitize(notice, 300))),
        None => doc,
    }
}

fn row(policy: &PolicyView) -> Vec<Line> {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let share = (policy.share > 0.0 && policy.share < 1.0).then(|| format!(" {:.0} %", policy.share * 100.0));
    vec![
        Line::new().strong(sanitize(&policy.id, 40)),
        sanitize(&policy.problem, 20).into(),
        format!("{}{}", sanitize(&policy.role, 20), share.unwrap_or_default()).into(),
        policy.decisions.to_string().into(),
        policy.rewards.to_string().into(),
        number(policy.mean_reward).into(),
        number(policy.regret).into(),
        policy.agreement.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0)).into(),
        policy.ess.map_or_else(|| "-".to_owned(), |ess| format!("{ess:.0}")).into(),
        sparkline(&policy.reward_history).into(),
        sparkline(&policy.agreement_history).into(),
    ]
}
