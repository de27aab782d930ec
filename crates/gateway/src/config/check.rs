//! What the types cannot say of settings: ranges, references between keys, what must never run unasked.

use std::collections::{BTreeMap, BTreeSet};

use wakeman_types::{Channel, OperatorId, Principal, Role};

use super::{
    error::Problem,
    explain::quote,
    keys::ACTION_CLASSES,
    settings::{Approval, InsightMonitor, Operator, PromptChoice, Settings},
    suggest::nearest,
};

/// An interval longer than this would not be watching.
const INTERVAL_MS_MAX: u64 = 86_400_000;
/// A proposal open for longer than this would act on a world long gone.
const EXPIRES_MS_MAX: i64 = 30 * wakeman_types::DAY_MS;
/// Words in a class of action that change what users get at once. Such a class always needs an approval.
const ALWAYS_APPROVED: &[(&str, &str)] = &[
    ("wakeman", "changes Wakeman itself"),
    ("deploy", "deploys"),
    ("deployment", "deploys"),
    ("redeploy", "deploys"),
    ("rollback", "deploys"),
    ("promote", "deploys"),
    ("release", "deploys"),
    ("vercel", "deploys"),
    ("flag", "changes a flag"),
    ("flags", "changes a flag"),
    ("experiment", "changes a flag"),
    ("merge", "merges"),
    ("automerge", "merges"),
    ("plan", "can merge or deploy"),
];

/// Wrong values, and settings that cannot do what they seem to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub problems: Vec<Problem>,
    pub warnings: Vec<(String, String)>,
}

impl Found {
    fn wrong(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.problems.push(Problem::new(key, text));
    }

    fn wrong_if(&mut self, wrong: bool, key: impl Into<String>, text: impl Into<String>) {
        if wrong {
            self.wrong(key, text);
        }
    }

    fn odd(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.warnings.push((key.into(), text.into()));
    }
}

pub(crate) fn check_settings(settings: &Settings) -> Found {
    let mut found = Found::default();
    check_numbers(settings, &mut found);
    check_watched(settings, &mut found);
    check_github(settings, &mut found);
    check_operators(settings, &mut found);
    check_approvals(settings, &mut found);
    check_execute(settings, &mut found);
    check_routes(settings, &mut found);
    found
}

fn check_routes(settings: &Settings, found: &mut Found) {
    for (index, route) in settings.routes.iter().enumerate() {
        let key = format!("routes[{index}]");
        let text = "names no channel; write one, like [\"telegram\"], or remove the route";
        found.wrong_if(route.to.is_empty(), format!("{key}.to"), text);
        let text = "names nothing, so the route is for nothing; write one, like [\"finding\"], or remove the key";
        found.wrong_if(route.kinds.as_ref().is_some_and(Vec::is_empty), format!("{key}.kinds"), text);
        let text = "names nobody, so the route is for nobody; name an operator or remove the key";
        found.wrong_if(route.operators.as_ref().is_some_and(Vec::is_empty), format!("{key}.operators"), text);
        for (at, id) in route.operators.iter().flatten().enumerate() {
            let known = settings.operators.iter().map(|operator| operator.id.as_str());
            let remedy = match nearest(id.as_str(), known) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "list them in operators".to_owned(),
            };
            let text = format!("\"{id}\" is not an operator; {remedy}");
            found.wrong_if(settings.operator(id).is_none(), format!("{key}.operators[{at}]"), text);
        }
    }
}

fn check_numbers(settings: &Settings, found: &mut Found) {
    found.wrong_if(settings.app.name.trim().is_empty(), "app.name", "is empty; write a name, like \"Wakeman\"");
    for (key, ms) in [("monitor.intervalMs", settings.monitor.interval_ms), ("ai.timeoutMs", settings.ai.timeout_ms)] {
        let text = format!("{ms} is out of range; write milliseconds from 1 to {INTERVAL_MS_MAX}, like 60000");
        found.wrong_if(!(1..=INTERVAL_MS_MAX).contains(&ms), key, text);
    }
    let budget = settings.ai.daily_budget_usd;
    let text = format!("{budget} is below 0; write US dollars a day, like 5.0");
    found.wrong_if(budget < 0.0, "ai.dailyBudgetUsd", text);
    let share = settings.posthog.rate_share;
    let text = format!("{share} is not a share; write a number above 0 and up to 1, like 0.1");
    found.wrong_if(!(share > 0.0 && share <= 1.0), "posthog.rateShare", text);
    for (id, choice) in &settings.ai.prompt_versions {
        let none = match choice {
            PromptChoice::One(version) => version.is_empty(),
            PromptChoice::Weighted(weights) => weights.values().all(|weight| *weight == 0),
        };
        let text = "chooses no version; write one, like \"v1\", or give one a weight above 0";
        found.wrong_if(none, format!("ai.promptVersions.{id}"), text);
    }
}

fn check_watched(settings: &Settings, found: &mut Found) {
    for (index, event) in settings.posthog.events.iter().enumerate() {
        let text = "is empty; write the event's name as PostHog shows it, or remove it";
        found.wrong_if(event.trim().is_empty(), format!("posthog.events[{index}]"), text);
    }
    for (index, monitor) in settings.posthog.insight_monitors.iter().enumerate() {
        let key = format!("posthog.insightMonitors[{index}]");
        let text = "is empty; write what people call it, like \"Sign-ups\"";
        found.wrong_if(monitor.name.trim().is_empty(), format!("{key}.name"), text);
        let same = |other: &&InsightMonitor| other.name.trim() == monitor.name.trim();
        if settings.posthog.insight_monitors[..index].iter().any(|other| same(&other)) {
            let text = format!("{} is there twice, so nobody can tell them apart; rename one", quote(&monitor.name));
            found.odd(format!("{key}.name"), text);
        }
        let text = "is empty; write HogQL that yields one number";
        found.wrong_if(monitor.query.trim().is_empty(), format!("{key}.query"), text);
    }
}

fn check_github(settings: &Settings, found: &mut Found) {
    let branch = &settings.github.default_branch;
    let prefix = &settings.github.branch_prefix;
    let text = format!("{} is not a branch; write it like \"main\"", quote(branch));
    found.wrong_if(!is_ref(branch), "github.defaultBranch", text);
    let text = format!("{} is not a branch prefix; write it like \"wakeman/\", with a slash at the end", quote(prefix));
    let fine = prefix.strip_suffix('/').is_some_and(is_ref);
    found.wrong_if(!fine, "github.branchPrefix", text);
    let text = format!("{} holds the default branch, which is never written to; choose another", quote(prefix));
    found.wrong_if(fine && branch.starts_with(prefix.as_str()), "github.branchPrefix", text);
}

/// The part of git's rules for branch names that a person can break by accident.
fn is_ref(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    !name.starts_with('-')
        && name.split('/').all(part)
        && !name.contains("..")
        && !name.contains("@{")
        && name.chars().all(|c| !c.is_control() && !" ~^:?*[\\".contains(c))
}

fn check_operators(settings: &Settings, found: &mut Found) {
    let mut ids = BTreeSet::new();
    let mut owners: BTreeMap<&Principal, &OperatorId> = BTreeMap::new();
    for (index, operator) in settings.operators.iter().enumerate() {
        let (key, id) = (format!("operators[{index}]"), &operator.id);
        let reserved = id.as_str().parse::<Principal>().is_ok();
        let text = format!("\"{id}\" is kept for local accounts; write a name, like \"ada\"");
        found.wrong_if(reserved, format!("{key}.id"), text);
        let text = format!("\"{id}\" is there twice; give each operator an id of their own");
        found.wrong_if(!ids.insert(id), format!("{key}.id"), text);
        for (at, principal) in operator.principals.iter().enumerate() {
            if let Some(other) = owners.insert(principal, id) {
                let text = match other == id {
                    true => format!("\"{principal}\" is listed twice; remove one"),
                    false => format!("\"{principal}\" belongs to {other} already; a principal is one person's"),
                };
                found.wrong(format!("{key}.principals[{at}]"), text);
            }
        }
    }
}

fn check_approvals(settings: &Settings, found: &mut Found) {
    for (class, approval) in &settings.approvals {
        let key = format!("approvals.{class}");
        if class != "default" && !ACTION_CLASSES.contains(&class.as_str()) {
            found.odd(&key, unknown_class(class, ACTION_CLASSES.iter().copied().chain(["default"])));
        }
        check_approvers(settings, &key, approval, found);
        if let Some(expires) = approval.expires {
            let text = "is longer than 30 days; write a shorter one, like \"30m\"";
            found.wrong_if(expires.ms() > EXPIRES_MS_MAX, format!("{key}.expires"), text);
        }
        check_needed(settings, class, approval, found);
        check_requester(settings, class, approval, found);
        check_channel(settings, class, approval, found);
    }
}

/// Where the requester may not approve, somebody else must be able to.
fn check_requester(settings: &Settings, class: &str, approval: &Approval, found: &mut Found) {
    let rule = settings.approval_rule(class);
    if approval.requester_may_approve == Some(false) && settings.approvers(&rule).len() <= usize::from(rule.needed) {
        let text = "leaves too few to approve what one of them asks for; name more approvers, or remove the key";
        found.odd(format!("approvals.{class}.requesterMayApprove"), text);
    }
}

/// An approver channel must be one that a person can speak on, and that somebody who may approve is on.
fn check_channel(settings: &Settings, class: &str, approval: &Approval, found: &mut Found) {
    let Some(channel) = approval.channel else { return };
    let key = format!("approvals.{class}.channel");
    if matches!(channel, Channel::System | Channel::Api) {
        let text = format!("\"{}\" is no channel that people decide on; write one like \"telegram\"", channel.name());
        return found.wrong(key, text);
    }
    let rule = settings.approval_rule(class);
    let there = |operator: &Operator| operator.principals.iter().any(|principal| principal.channel() == channel);
    let may = settings.approvers(&rule);
    if channel != Channel::Cli && !settings.operators.iter().any(|who| may.contains(&who.id) && there(who)) {
        let text =
            format!("nobody who may approve is on {}, so it can never be approved; list a principal", channel.name());
        found.odd(key, text);
    }
}

fn unknown_class<'a>(class: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(class, known) {
        Some(meant) => format!("is not a class of action; did you mean {meant}?"),
        None => "is not a class of action; it is ignored".to_owned(),
    }
}

fn check_approvers(settings: &Settings, key: &str, approval: &Approval, found: &mut Found) {
    let Some(approvers) = &approval.approvers else { return };
    let text = "names nobody, so nothing could be approved; name an operator or remove the key";
    found.wrong_if(approvers.is_empty(), format!("{key}.approvers"), text);
    for (index, id) in approvers.iter().enumerate() {
        let key = format!("{key}.approvers[{index}]");
        let text = format!("\"{id}\" is there twice; remove one");
        found.wrong_if(approvers[..index].contains(id), &key, text);
        match settings.operator(id) {
            Some(operator) if operator.role == Role::Viewer => {
                found.odd(key, format!("lets {id} approve, who is a viewer elsewhere"));
            }
            Some(_) => {}
            None => check_unlisted_approver(settings, &key, id, found),
        }
    }
}

/// `cli:1000` may stand for a local account, unless an operator lists it.
fn check_unlisted_approver(settings: &Settings, key: &str, id: &OperatorId, found: &mut Found) {
    let local = id.as_str().parse::<Principal>().ok().filter(|p| p.channel() == Channel::Cli);
    match local.and_then(|principal| settings.identity(&principal)) {
        Some(identity) if identity.operator == *id => {}
        Some(identity) => {
            found.wrong(key, format!("\"{id}\" is {}; write \"{}\"", identity.operator, identity.operator));
        }
        None => {
            let known = settings.operators.iter().map(|operator| operator.id.as_str());
            let remedy = match nearest(id.as_str(), known) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "add them to operators".to_owned(),
            };
            found.wrong(key, format!("\"{id}\" is not an operator; {remedy}"));
        }
    }
}

/// A class that asks for more people than it names itself is wrong; one that inherits too few can merely never be approved.
fn check_needed(settings: &Settings, class: &str, approval: &Approval, found: &mut Found) {
    let key = format!("approvals.{class}.needed");
    if approval.needed == Some(0) {
        return found.wrong(key, "0 would run actions that nobody approved; write 1 or more");
    }
    let rule = settings.approval_rule(class);
    let Some(approvers) = &rule.approvers else { return };
    let (needed, named) = (usize::from(rule.needed), approvers.len());
    if needed <= named || named == 0 {
        return;
    }
    let people = if named == 1 { "1 operator" } else { &format!("{named} operators") };
    let text = format!("{needed} is more than the {people} in approvers; name more or write {named}");
    match (&approval.approvers, approval.needed) {
        (Some(_), Some(_)) => found.wrong(key, text),
        _ => {
            found.odd(key, format!("asks for {needed}, but approvers has {named}: it can never be approved; name more"))
        }
    }
}

fn check_execute(settings: &Settings, found: &mut Found) {
    for (index, class) in settings.execute.classes.iter().enumerate() {
        let key = format!("execute.classes[{index}]");
        if let Some(does) = always_approved(class) {
            found.wrong(key, format!("{} {does} and always needs an approval; remove it", quote(class)));
        } else if !ACTION_CLASSES.contains(&class.as_str()) {
            found.odd(key, format!("{} {}", quote(class), unknown_class(class, ACTION_CLASSES.iter().copied())));
        }
    }
}

/// What a class does that always needs an approval: `deploys`, `changes a flag`, `merges`. `None`: it may run unattended.
pub(crate) fn always_approved(class: &str) -> Option<&'static str> {
    let words = class.split(|c: char| !c.is_alphanumeric());
    let mut gated = words.filter_map(|word| ALWAYS_APPROVED.iter().find(|(w, _)| word.eq_ignore_ascii_case(w)));
    gated.next().map(|(_, does)| *does)
}
