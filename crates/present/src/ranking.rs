//! The policies with what came of them.

use wakeman_types::{ForgottenView, OperatorPolicyView, PolicyView, PromotionView, Proposal, RankingView};

use crate::{Align, Block, Column, Doc, Line, Table, number::counted, safe::sanitize, sparkline};

/// Signs that a history is drawn in.
const DRAWN_POINTS: usize = 6;

/// What the column `worth` counts.
const WORTH: &str = "worth: how many decisions of its own the log stands for as evidence";

/// `ranking status`.
pub fn ranking_doc(view: &RankingView) -> Doc {
    // What matters most stands left: a narrow terminal leaves out from the right.
    let columns = vec![
        Column::new("policy", Align::Left),
        Column::new("role", Align::Left),
        Column::new("reward", Align::Left),
        Column::new("regret", Align::Right),
        Column::new("agrees", Align::Left),
        Column::new("decided", Align::Right).optional(),
        Column::new("reactions", Align::Right).optional(),
        Column::new("worth", Align::Right).optional(),
        Column::new("problem", Align::Left).optional(),
    ];
    let table = Table { columns, rows: view.policies.iter().map(row).collect() };
    let known = view.policies.iter().any(|policy| policy.ess.is_some());
    let doc = Doc::bare().block(Block::Table(table));
    with_bounds(if known { doc.text(Line::new().dim(WORTH)) } else { doc }, view)
}

/// The same for a chat, where a telephone has no room for columns.
pub fn ranking_chat_doc(view: &RankingView) -> Doc {
    with_bounds(view.policies.iter().fold(Doc::bare(), |doc, policy| doc.text(told(policy))), view)
}

/// `lints-v1 (interrupt, shadow): reward 0.612 ▂▃▅ · regret 0.081 · agrees in 60 % · 100 reactions`
fn told(policy: &PolicyView) -> Line {
    let (problem, role) = (sanitize(&policy.problem, 20), sanitize(&policy.role, 20));
    let head = Line::new().strong(sanitize(&policy.id, 40));
    let head = head.plain(format!(" ({problem}, {role}{}): ", share(policy)));
    let history = drawn(&policy.reward_history);
    let reward = policy.mean_reward.map(|mean| format!("reward {mean:.3} {history}").trim_end().to_owned());
    let regret = policy.regret.map(|regret| format!("regret {regret:.3}"));
    let agrees = policy.agreement.map(|share| format!("agrees in {:.0} %", share * 100.0));
    let reactions = (policy.rewards > 0).then(|| counted(policy.rewards, "reaction"));
    let known: Vec<String> = [reward, regret, agrees, reactions].into_iter().flatten().collect();
    head.plain(if known.is_empty() { "nothing is known yet".to_owned() } else { known.join(" · ") })
}

fn with_bounds(mut doc: Doc, view: &RankingView) -> Doc {
    for policy in &view.policies {
        if let Some(bound) = &policy.bound {
            let (id, rounds, against) = (sanitize(&policy.id, 40), bound.rounds, sanitize(&bound.against, 40));
            let (estimate, lower, upper) = (bound.estimate, bound.lower, bound.upper);
            let s = if rounds == 1 { "" } else { "s" };
            doc = doc.text(format!(
                "{id} against {against}: {estimate:+.3}, 95 % between {lower:+.3} and {upper:+.3} ({rounds} decision{s})"
            ));
        }
    }
    if !view.operators.is_empty() {
        let one = |one: &OperatorPolicyView| {
            let (policy, operator) = (sanitize(&one.policy, 40), sanitize(one.operator.as_str(), 40));
            format!("{operator} {} ({policy})", one.rewards)
        };
        let all = view.operators.iter().map(one);
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

/// A promotion was proposed.
pub fn promotion_line(proposal: &Proposal) -> String {
    let (id, title) = (proposal.id, sanitize(&proposal.card.title, 200));
    format!("{id} waits for an owner: {title}. `approve {id}` shows the card.")
}

/// A promotion was rolled back.
pub fn rolled_back_line(view: &PromotionView) -> String {
    let one = |view: &PromotionView| {
        format!("{} is rolled back; {} decides.", sanitize(&view.policy, 40), sanitize(&view.decides, 40))
    };
    std::iter::once(view).chain(&view.also).map(one).collect::<Vec<_>>().join(" ")
}

/// So many learnt states begin anew.
pub fn reset_line(count: u32) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} learnt state{s} reset; what is told from now on counts.")
}

/// Somebody was forgotten.
pub fn forgotten_line(view: &ForgottenView) -> String {
    let s = if view.reactions == 1 { "" } else { "s" };
    format!("Forgotten: {}, with {} reaction{s}.", sanitize(view.operator.as_str(), 40), view.reactions)
}

fn row(policy: &PolicyView) -> Vec<Line> {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let drawn = |value: String, history: &[f64]| format!("{value} {}", drawn(history)).trim_end().to_owned();
    let agrees = policy.agreement.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0));
    vec![
        Line::new().strong(sanitize(&policy.id, 40)),
        format!("{}{}", sanitize(&policy.role, 20), share(policy)).into(),
        drawn(number(policy.mean_reward), &policy.reward_history).into(),
        number(policy.regret).into(),
        drawn(agrees, &policy.agreement_history).into(),
        policy.decisions.to_string().into(),
        policy.rewards.to_string().into(),
        policy.ess.map_or_else(|| "-".to_owned(), |ess| format!("{ess:.0}")).into(),
        sanitize(&policy.problem, 20).into(),
    ]
}

/// ` 10 %`; nothing where it is all or none.
fn share(policy: &PolicyView) -> String {
    let part = policy.share > 0.0 && policy.share < 1.0;
    if part { format!(" {:.0} %", policy.share * 100.0) } else { String::new() }
}

/// A history in a few signs.
fn drawn(history: &[f64]) -> String {
    let means: Vec<f64> = history
        .chunks(history.len().div_ceil(DRAWN_POINTS).max(1))
        .map(|part| part.iter().sum::<f64>() / part.len() as f64)
        .collect();
    sparkline(&means)
}
