//! `backtest ope FILE.csv`: what another policy would have brought, from a log of decisions.

use wakeman_ranking::{
    PolicyId,
    ope::{Evaluation, LogFile, LoggedRounds, cross_fitted, evaluate, progressive_propensities},
};

use crate::{
    args::BacktestOpeArgs,
    failure::{DONE, Failure},
    global::Global,
};

/// Evaluates and tells.
pub fn run(global: &Global, args: &BacktestOpeArgs) -> Result<u8, Failure> {
    let policy = args.policy.as_deref().map(str::parse::<PolicyId>).transpose().map_err(Failure::usage)?;
    let file = args.file.display();
    let progress = global.progress("evaluating");
    let text = super::read(&args.file)?;
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(format!("{file}: {error}"));
    let log = LogFile::parse(&text).map_err(|error| wrong(&error))?;
    if let (Some(policy), Some(_)) = (policy, &log.target) {
        global.note(&format!("--policy {policy} is not used: {file} has columns pi_<arm>, and those are judged"));
    }
    let target = target(&log, policy).map_err(|error| wrong(&error))?;
    let model = match log.model {
        Some(model) => model,
        None => cross_fitted(&log.contexts, log.dimension, log.arms.len(), &log.chosen, &log.rewards)
            .map_err(|error| wrong(&error))?,
    };
    let rounds = LoggedRounds::new(log.arms.len(), log.chosen, log.propensities, log.rewards, target)
        .map_err(|error| wrong(&error))?;
    let found = evaluate(&rounds, &model, args.lambda).map_err(|error| wrong(&error))?;
    drop(progress);
    if global.json {
        global.print_json(&found)?
    } else {
        global.print(&told(&found))?
    }
    Ok(DONE)
}

/// The target's probabilities: the file's, else those of the named policy as it would have learnt.
fn target(log: &LogFile, policy: Option<PolicyId>) -> Result<Vec<f64>, String> {
    if let Some(target) = &log.target {
        return Ok(target.clone());
    }
    let Some(policy) = policy else {
        return Err("there are no columns pi_<arm>; add them, or name the policy to judge with --policy".to_owned());
    };
    if log.dimension == 0 {
        return Err(format!("there are no columns x_*; {policy} needs contexts"));
    }
    match progressive_propensities(policy, &log.contexts, log.dimension, log.arms.len(), &log.chosen, &log.rewards) {
        Some(made) => made.map_err(|error| error.to_string()),
        None => Err(format!("{policy} judges findings by fixed rules; take one that learns, like linucb-v1")),
    }
}

fn lambda(value: f64) -> String {
    if value == f64::MAX { "inf".to_owned() } else { value.to_string() }
}

fn told(found: &Evaluation) -> String {
    let (e, i) = (&found.estimates, &found.intervals);
    let lines = [
        ("ips", e.ips, i.ips),
        ("snips", e.snips, i.snips),
        ("dm", e.dm, i.dm),
        ("dr", e.dr, i.dr),
        ("switch_dr", e.switch_dr, i.switch_dr),
        ("dros", e.dros, i.dros),
    ];
    let mut text = String::new();
    for (name, value, (lower, upper)) in lines {
        text.push_str(&format!("{name:<10} {value:>8.4}   95 % {lower:.4} to {upper:.4}\n"));
    }
    let changed =
        if (i.logged.lower..=i.logged.upper).contains(&found.logged) { "" } else { ", of late: the mean changed" };
    text.push_str(&format!(
        "logged     {:>8.4}   95 % at all times {:.4} to {:.4}{changed}\n",
        found.logged, i.logged.lower, i.logged.upper
    ));
    text.push_str(&format!(
        "{} rounds, worth {:.0} of the target's own · largest weight {:.1} · lambda {} (switch_dr), {} (dros)\n",
        found.rounds,
        found.ess,
        found.largest_weight,
        lambda(found.lambda),
        lambda(found.lambda_dros)
    ));
    text
}
