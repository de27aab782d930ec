//! What follows `wakeups`.

use clap::{Args as ClapArgs, Subcommand};
use wakeman_types::WakeupRules;

use super::StateArgs;

/// `wakeups …`
#[derive(Debug, Subcommand)]
pub enum WakeupsCommand {
    /// What became of the due slots, newest first.
    History(StateArgs),
    /// One of your own: `add "weekdays 09:00 Europe/Berlin" morning-brief`, or in your words.
    Add {
        /// When: `daily 09:00`, `mon,thu 17:30 Europe/Berlin`, `every 2 hours`, `cron 0 9 * * 1-5`.
        when: String,
        /// Something shipped (morning-brief, night-check, weekly-review, release-check, tip), or what to ask in your words.
        #[arg(required = true, num_args = 1..)]
        what: Vec<String>,
        #[command(flatten)]
        rules: WakeupRulesArgs,
    },
    /// Another time or other rules for one.
    Edit {
        /// Which, as `wakeups` names it.
        id: String,
        /// When, as for `add` [default: as before].
        #[arg(num_args = 0..)]
        when: Vec<String>,
        #[command(flatten)]
        rules: WakeupRulesArgs,
    },
    /// Leaves its slots out until `resume`.
    Pause {
        /// Which.
        id: String,
    },
    /// No longer leaves its slots out.
    Resume {
        /// Which.
        id: String,
    },
    /// Runs it once, now.
    Run {
        /// Which.
        id: String,
    },
    /// Leaves its next slot out.
    Skip {
        /// Which.
        id: String,
    },
}

/// The rules of a wakeup, as in `wakeup.json`.
#[derive(Debug, ClapArgs)]
pub struct WakeupRulesArgs {
    /// Speaks only when something changed or is open: changed, open, open-or-changed, always.
    #[arg(long, value_name = "RULE")]
    pub only: Option<String>,
    /// Put off by up to so long, each time otherwise, like 5m; or off.
    #[arg(long, value_name = "TIME")]
    pub jitter: Option<String>,
    /// What becomes of it when it is late: run, skip, within:30m.
    #[arg(long, value_name = "RULE")]
    pub late: Option<String>,
}

impl From<WakeupRulesArgs> for WakeupRules {
    fn from(WakeupRulesArgs { only, jitter, late }: WakeupRulesArgs) -> Self {
        Self { only, jitter, late }
    }
}
