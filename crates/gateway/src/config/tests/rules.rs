//! Who somebody is, who may approve, what is watched.

use wakeman_types::{Identity, MetricKind, MetricQuery, OperatorId, Principal, Role};

use super::super::{ApprovalRule, metric_specs};
use super::{DOCUMENTED, settings};

const TEAM: &str = r#"{"operators": [
    {"id": "ada", "role": "owner", "principals": ["telegram:1", "cli:1000"], "timezone": "Europe/Berlin"},
    {"id": "lin", "role": "approver", "principals": ["telegram:2"]},
    {"id": "grace", "principals": ["tui:1002"]}],
  "approvals": {"default": {"approvers": ["ada"], "expires": "10m"},
                "vercel.rollback": {"approvers": ["ada", "lin"], "needed": 2}, "plan": {"expires": "1h"}},
  "ui": {"timezone": "America/Los_Angeles"}}"#;

fn who(text: &str) -> Option<(String, Role)> {
    let identity = settings(TEAM).value.identity(&text.parse().unwrap())?;
    Some((identity.operator.to_string(), identity.role))
}

#[test]
fn principals_are_their_operator_and_strangers_are_nobody() {
    let table = [
        ("telegram:1", Some(("ada", Role::Owner))),
        ("cli:1000", Some(("ada", Role::Owner))),
        ("telegram:2", Some(("lin", Role::Approver))),
        ("cli:1002", Some(("grace", Role::Viewer))),
        ("cli:1001", Some(("cli:1001", Role::Owner))),
        ("telegram:3", None),
        ("discord:1", None),
        ("web:1", None),
        ("api:1", None),
        ("system:0", None),
    ];
    for (principal, want) in table {
        assert_eq!(who(principal), want.map(|(id, role)| (id.to_owned(), role)), "{principal}");
    }
}

#[test]
fn a_class_overrides_the_default_field_by_field() {
    let settings = settings(TEAM).value;
    let ids = |names: &[&str]| Some(names.iter().map(|name| OperatorId::new(*name)).collect::<Vec<_>>());
    let rule = |approvers, needed, minutes: i64| ApprovalRule {
        approvers,
        needed,
        expires_ms: minutes * 60_000,
        requester_may_approve: true,
        channels: None,
    };
    assert_eq!(settings.approval_rule("vercel.rollback"), rule(ids(&["ada", "lin"]), 2, 10));
    assert_eq!(settings.approval_rule("plan"), rule(ids(&["ada"]), 1, 60));
    assert_eq!(settings.approval_rule("github.revert_pr"), rule(ids(&["ada"]), 1, 10));
    let none = super::settings("{}").value;
    assert_eq!(none.approval_rule("plan"), rule(None, 1, 30));
}

#[test]
fn without_names_every_approver_and_owner_decides_with_names_only_those() {
    let settings = settings(TEAM).value;
    let person = |operator: &str, role| Identity {
        principal: Principal::new(wakeman_types::Channel::Telegram, "9"),
        operator: OperatorId::new(operator),
        role,
    };
    let open = ApprovalRule { approvers: None, needed: 1, expires_ms: 1, requester_may_approve: true, channels: None };
    assert!(open.allows(&person("x", Role::Owner)) && open.allows(&person("x", Role::Approver)));
    assert!(!open.allows(&person("x", Role::Viewer)));
    assert_eq!(settings.approvers(&open), [OperatorId::new("ada"), OperatorId::new("lin")]);
    let named = settings.approval_rule("default");
    assert!(named.allows(&person("ada", Role::Owner)) && !named.allows(&person("lin", Role::Owner)));
    assert_eq!(settings.approvers(&named), [OperatorId::new("ada")]);
}

#[test]
fn times_are_shown_in_the_operators_zone_or_the_instances() {
    let settings = settings(TEAM).value;
    assert_eq!(settings.timezone_of(&OperatorId::new("ada")).name(), "Europe/Berlin");
    assert_eq!(settings.timezone_of(&OperatorId::new("lin")).name(), "America/Los_Angeles");
}

#[test]
fn every_metric_has_an_id_of_its_own() {
    let text = r#"{"posthog": {"events": ["signed_up", "$pageview", "signed_up", "注册", "!!"], "insightMonitors": [
        {"name": "Sign-ups (web)", "query": "a"}, {"name": "sign ups / web", "query": "b", "kind": "ratio"},
        {"name": "???", "query": "c", "kind": "duration"}]}}"#;
    let specs = metric_specs(&settings(text).value);
    let ids: Vec<_> = specs.iter().map(|spec| (spec.id.as_str(), spec.name.as_str(), spec.kind)).collect();
    assert_eq!(
        ids,
        [
            ("signed_up", "signed_up", MetricKind::Count),
            ("pageview", "$pageview", MetricKind::Count),
            ("注册", "注册", MetricKind::Count),
            ("metric", "!!", MetricKind::Count),
            ("sign-ups-web", "Sign-ups (web)", MetricKind::Count),
            ("sign-ups-web-2", "sign ups / web", MetricKind::Ratio),
            ("metric-2", "???", MetricKind::Duration),
        ]
    );
    assert_eq!(specs[0].query, MetricQuery::Event { event: "signed_up".to_owned() });
    assert_eq!(specs[5].query, MetricQuery::HogQl { query: "b".to_owned() });
}

#[test]
fn the_documented_example_watches_three_metrics() {
    assert_eq!(metric_specs(&settings(DOCUMENTED).value).len(), 3);
}
