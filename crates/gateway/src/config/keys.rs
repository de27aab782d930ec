//! The keys that the files may have, each with an example of its value. Used for suggestions and remedies only; what a key means is
//! with its field. A test compares the list with the schema.

use std::fmt;

/// One known key: its path (`[]` any element, `*` any name) and what its value looks like.
pub(crate) type Key = (&'static str, &'static str);

/// A file whose keys are not fixed.
pub(crate) const NONE: &[Key] = &[];

/// Keys of `settings.json`.
pub(crate) const SETTINGS: &[Key] = &[
    ("app.name", r#""Wakeman""#),
    ("runtime.executionMode", r#""propose""#),
    ("runtime.channels", r#"["telegram", "cli"]"#),
    ("runtime.port", "6900"),
    ("monitor.intervalMs", "60000"),
    ("monitor.alarmBudgetPerWeek", "2"),
    ("monitor.digestAt", r#""09:00""#),
    ("ai.aliases.chat", r#""chat""#),
    ("ai.aliases.router", r#""router""#),
    ("ai.aliases.tip-generator", r#""tip-generator""#),
    ("ai.aliases.embedder", r#""embedder""#),
    ("ai.aliases.judge", r#""judge""#),
    ("ai.fallback.chat", r#""chat-small""#),
    ("ai.fallback.router", r#""router-small""#),
    ("ai.fallback.tip-generator", r#""chat""#),
    ("ai.fallback.embedder", r#""embedder-small""#),
    ("ai.fallback.judge", r#""chat""#),
    ("ai.timeoutMs", "60000"),
    ("ai.dailyBudgetUsd", "5.0"),
    ("ai.promptVersions", r#"{"chat": "v1"}"#),
    ("posthog.context", r#""acme / app.acme.example""#),
    ("posthog.host", r#""https://eu.posthog.com""#),
    ("posthog.insightMonitors[].name", r#""Sign-ups""#),
    ("posthog.insightMonitors[].query", r#""SELECT …""#),
    ("posthog.insightMonitors[].kind", r#""count""#),
    ("posthog.events", r#"["signed_up"]"#),
    ("posthog.rateShare", "0.1"),
    ("github.repository", r#""acme/app""#),
    ("github.defaultBranch", r#""main""#),
    ("github.branchPrefix", r#""wakeman/""#),
    ("github.protectedPaths", r#""owner""#),
    ("vercel.projectId", r#""prj_…""#),
    ("vercel.teamId", r#""team_…""#),
    ("operators[].id", r#""ada""#),
    ("operators[].role", r#""owner""#),
    ("operators[].timezone", r#""Europe/Berlin""#),
    ("operators[].principals", r#"["telegram:123456789"]"#),
    ("operators[].quietHours", r#"["22:00-07:00"]"#),
    ("operators[].holidays", r#"["holidays.ics"]"#),
    ("operators[].busy", r#"["https://calendar.example/me.ics"]"#),
    ("approvals.*.approvers", r#"["ada"]"#),
    ("approvals.*.needed", "1"),
    ("approvals.*.expires", r#""30m""#),
    ("approvals.*.requesterMayApprove", "false"),
    ("approvals.*.channel", r#""telegram""#),
    ("execute.classes", r#"["github.rerun_failed_jobs"]"#),
    ("execute.perHour", "4"),
    ("webhooks.*.url", r#""https://ops.example.com/hook""#),
    ("routes[].minSeverity", r#""critical""#),
    ("routes[].kinds", r#"["finding", "proposal"]"#),
    ("routes[].operators", r#"["ada"]"#),
    ("routes[].to", r#"["telegram"]"#),
    ("routes[].fallback", r#"["discord"]"#),
    ("routes[].escalateAfter", r#""15m""#),
    ("ui.timezone", r#""Europe/Berlin""#),
];

/// Keys of `wakeup.json`.
pub(crate) const WAKEUP: &[Key] = &[
    ("enabled", "true"),
    ("prompts.*.title", r#""Morning look""#),
    ("prompts.*.prompt", r#""Tell me what changed.""#),
    ("schedule[].promptId", r#""morning""#),
    ("schedule[].timeUtc", r#""10:00""#),
    ("schedule[].cron", r#""0 9 * * 1-5""#),
    ("schedule[].timezone", r#""Europe/Berlin""#),
    ("schedule[].late", r#""run""#),
    ("schedule[].only", r#""changed""#),
    ("schedule[].jitter", r#""5m""#),
];

/// Keys of `tools.json`. The example is the value that holds when the file does not name the key.
pub(crate) const TOOLS: &[Key] = &[
    ("posthog.readInsights", "true"),
    ("posthog.readErrors", "true"),
    ("posthog.readLogs", "false"),
    ("posthog.readFlags", "true"),
    ("posthog.readExperiments", "false"),
    ("github.readRepository", "true"),
    ("github.createPullRequests", "true"),
    ("github.pushBranches", "true"),
    ("vercel.triggerDeploys", "false"),
    ("chat.notifyOperator", "true"),
    ("shell.execute", "false"),
];

/// Classes of action that `approvals` and `execute` may name, besides `approvals.default`.
pub(crate) const ACTION_CLASSES: &[&str] = &[
    "github.comment",
    "github.merge_pr",
    "github.open_issue",
    "github.open_pr",
    "github.rerun_failed_jobs",
    "github.revert_pr",
    "plan",
    "posthog.annotate",
    "posthog.set_flag",
    "posthog.update_error_issue",
    "vercel.promote",
    "vercel.rollback",
    "wakeman.promote_policy",
    "wakeman.set_mode",
    "wakeman.set_mute",
    "wakeman.set_wakeup",
    "webhook.post",
];

/// A path into a file: names, and indices as `[0]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyPath(pub Vec<String>);

impl KeyPath {
    pub(crate) fn name(&self, name: &str) -> Self {
        self.and(name.to_owned())
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.and(format!("[{index}]"))
    }

    fn and(&self, segment: String) -> Self {
        Self(self.0.iter().cloned().chain([segment]).collect())
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            let dot = position > 0 && !segment.starts_with('[');
            write!(f, "{}{segment}", if dot { "." } else { "" })?;
        }
        Ok(())
    }
}

/// What remains of each pattern below `path`: `""` for the key itself, `.needed` below a section, `[].id` below a list.
pub(crate) fn below(keys: &[Key], path: &KeyPath) -> Vec<Key> {
    let mut found: Vec<Key> = keys.to_vec();
    for (depth, segment) in path.0.iter().enumerate() {
        found = found.iter().filter_map(|(rest, example)| Some((step(rest, segment, depth == 0)?, *example))).collect();
    }
    found
}

/// What remains of `pattern` after one segment of a path.
fn step(pattern: &'static str, segment: &str, first: bool) -> Option<&'static str> {
    if segment.starts_with('[') {
        return pattern.strip_prefix("[]");
    }
    let pattern = if first { pattern } else { pattern.strip_prefix('.')? };
    let end = pattern.find(['.', '[']).unwrap_or(pattern.len());
    let (head, rest) = pattern.split_at(end);
    (head == "*" || head == segment).then_some(rest)
}

/// The example of the key at `path`.
pub(crate) fn example(keys: &[Key], path: &KeyPath) -> Option<&'static str> {
    below(keys, path).into_iter().find(|(rest, _)| rest.is_empty()).map(|(_, example)| example)
}
