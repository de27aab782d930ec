//! Where settings of other programs of the contract have their counterpart here.

/// Key (a trailing `*` covers the rest), and what to do instead.
const HINTS: &[(&str, &str)] = &[
    ("telegram.allowedChatIds", "add operators with \"telegram:<numeric id>\" to operators"),
    ("ai.model", "models belong to the LiteLLM proxy; name its alias in ai.aliases.chat"),
    ("ai.modelChoices*", "models belong to the LiteLLM proxy; name its aliases in ai.aliases and ai.fallback"),
    ("posthog.enableLogs", "switch posthog.readLogs in read-only/tools.json"),
    ("posthog.enableFlags", "switch posthog.readFlags in read-only/tools.json"),
    ("posthog.enableExperiments", "switch posthog.readExperiments in read-only/tools.json"),
    ("posthog.error*", "errors are judged by their own history; there is no threshold to set"),
    ("posthog.criticalErrorThreshold", "errors are judged by their own history; there is no threshold to set"),
    ("regressionThresholdPercent", "a metric's band is learnt from its own history; there is no threshold to set"),
    ("minimumPreviousValue", "a metric's band is learnt from its own history; there is no minimum to set"),
];

/// What to do instead of setting `key`.
pub(crate) fn hint(key: &str) -> Option<&'static str> {
    let covers = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => key == pattern || key.ends_with(&format!(".{pattern}")),
    };
    HINTS.iter().find(|(pattern, _)| covers(pattern)).map(|(_, hint)| *hint)
}
