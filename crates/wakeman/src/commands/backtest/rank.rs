//! `backtest rank FILE.csv`: plays a policy on a file that knows every arm's reward.

use wakeman_ranking::{
    PolicyId,
    backtest::{Replay, RewardTable, play},
};

use crate::{
    args::BacktestRankArgs,
    failure::{DONE, Failure},
    global::Global,
};

/// Plays and tells.
pub fn run(global: &Global, args: &BacktestRankArgs) -> Result<u8, Failure> {
    let policy: PolicyId = args.policy.parse().map_err(Failure::usage)?;
    let file = args.file.display();
    let progress = global.progress("playing");
    let text = super::read(&args.file)?;
    let table = RewardTable::parse(&text, args.rows).map_err(|error| Failure::usage(format!("{file}: {error}")))?;
    let replay = play(&table, policy, args.seed).map_err(|error| Failure::usage(format!("{file}: {error}")))?;
    drop(progress);
    if global.json {
        global.print_json(&replay)?
    } else {
        global.print(&told(&replay))?
    }
    Ok(DONE)
}

fn told(replay: &Replay) -> String {
    let Replay { policy, seed, rows, arms, dimension, mean_reward, best_constant_reward, .. } = replay;
    let way: Vec<String> = replay.stretches.iter().map(|reward| format!("{reward:.2}")).collect();
    format!(
        "{policy}, seed {seed}: {rows} rows, {arms} arms, {dimension} coordinates\n\
         mean reward {mean_reward:.4} · best single arm {best_constant_reward:.4}\n\
         on the way  {}\n",
        way.join(" ")
    )
}
