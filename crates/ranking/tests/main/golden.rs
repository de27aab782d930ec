use crate::warning;
use wakeman_ranking::*;
use wakeman_types::{Interruption, Severity};

/// Changes one thing of a context.
type Edit = fn(&mut InterruptContext);

/// A seed whose draw keeps the rule, and one that explores.
const KEEPS: u64 = 1;

fn exploring_seed() -> u64 {
    (0..10_000).find(|&seed| decide(&RuleV1, &warning(), seed).expect("sound").explored).expect("one in forty explores")
}

#[test]
fn the_rule_by_table() {
    use Interruption::{Digest, Now, Silent};
    let change = |f: Edit| {
        let mut context = warning();
        f(&mut context);
        context
    };
    let table: [(&str, Edit, Interruption, Reason, bool); 13] = [
        ("as it is", |_| {}, Now, Reason::LargeAndSure, false),
        ("critical", |c| c.severity = Severity::Critical, Now, Reason::Critical, true),
        (
            "critical at night",
            |c| (c.severity, c.quiet_hours) = (Severity::Critical, true),
            Now,
            Reason::Critical,
            true,
        ),
        (
            "critical, no budget",
            |c| (c.severity, c.alarm_budget_left) = (Severity::Critical, 0.0),
            Now,
            Reason::Critical,
            true,
        ),
        ("quiet", |c| c.quiet_hours = true, Digest, Reason::QuietHours, true),
        ("no budget", |c| c.alarm_budget_left = 0.0, Digest, Reason::BudgetSpent, true),
        ("unsure", |c| c.p_value = 0.01, Digest, Reason::WeakEvidence, false),
        ("small", |c| c.effect_size = 0.1, Digest, Reason::SmallEffect, false),
        ("told", |c| c.duplicates = 1, Digest, Reason::ToldBefore, false),
        ("just now", |c| c.minutes_since_last_interruption = Some(3.0), Digest, Reason::JustInterrupted, false),
        ("old", |c| c.age_minutes = 2000.0, Digest, Reason::NotNew, false),
        ("noise before", |c| c.past_useful_rate = Some(0.05), Digest, Reason::RarelyUseful, false),
        ("info again", |c| (c.severity, c.duplicates) = (Severity::Info, 3), Silent, Reason::ToldBefore, false),
    ];
    for (name, edit, arm, reason, forced) in table {
        let decision = decide(&RuleV1, &change(edit), KEEPS).unwrap();
        assert_eq!(
            (decision.arm, decision.reason, decision.forced, decision.explored),
            (arm, reason, forced, false),
            "{name}"
        );
        assert_eq!(decision.reason.words().split(' ').count(), 3, "{name}");
    }
}

#[test]
fn the_record_is_complete() {
    let decision = decide(&RuleV1, &warning(), KEEPS).unwrap();
    let got: Vec<(&str, f64)> = decision.features.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(
        got[..5],
        [("severity", 1.0), ("effect_size", 0.9), ("p_value", 1e-6), ("cause_confidence", 0.8), ("source", 0.0)]
    );
    assert_eq!(got.len(), REGISTRY.len());
    assert_eq!((decision.policy.as_str(), decision.seed, decision.propensity()), ("rule-v1", KEEPS, 0.975));
    let json = serde_json::to_string(&decision).unwrap();
    assert!(
        json.contains(r#""policy":"rule-v1""#) && json.contains(r#"{"arm":"digest","propensity":0.025}"#),
        "{json}"
    );
    assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
}

#[test]
fn exploration_goes_the_other_way_and_says_so() {
    let seed = exploring_seed();
    let now = decide(&RuleV1, &warning(), seed).unwrap();
    assert_eq!((now.arm, now.reason, now.propensity()), (Interruption::Digest, Reason::Exploring, 0.025));
    let critical = InterruptContext { severity: Severity::Critical, ..warning() };
    assert_eq!(decide(&RuleV1, &critical, seed).unwrap().arm, Interruption::Now);
}

#[test]
fn bad_features_are_named() {
    let table: [(&str, Edit, &str); 6] = [
        ("effect_size", |c| c.effect_size = f64::NAN, "feature `effect_size` is NaN"),
        ("p_value", |c| c.p_value = 1.5, "feature `p_value` is 1.5; the registry allows 0 to 1"),
        ("cause_confidence", |c| c.cause_confidence = -0.1, "feature `cause_confidence` is -0.1"),
        ("weekday", |c| c.weekday = 7, "feature `weekday` is 7; the registry allows 0 to 6"),
        ("local_hour", |c| c.local_hour = 24.0, "feature `local_hour` is 24"),
        ("alarm_budget_left", |c| c.alarm_budget_left = f64::INFINITY, "feature `alarm_budget_left` is inf"),
    ];
    for (name, edit, message) in table {
        // Also where a rule would have decided: a log with a hole is no log.
        let mut context = InterruptContext { severity: Severity::Critical, ..warning() };
        edit(&mut context);
        let error = decide(&RuleV1, &context, 0).unwrap_err().to_string();
        assert!(error.starts_with(message), "{name}: {error}");
    }
    assert!(
        effect_size(f64::NAN).is_nan()
            && effect_size(0.0) == 10.0
            && (effect_size(0.5) - effect_size(2.0)).abs() < 1e-12
    );
}

#[test]
fn unknown_policies_are_refused() {
    assert_eq!("rule-v1".parse::<PolicyId>().unwrap(), PolicyId::RuleV1);
    assert_eq!(
        "rule-v9".parse::<PolicyId>().unwrap_err().to_string(),
        "`rule-v9` is not a policy; there are rule-v1, lints-v1, linucb-v1, egreedy-v1, egreedy-v2 and linrff-v1"
    );
}

struct Broken;

impl InterruptPolicy for Broken {
    fn id(&self) -> PolicyId {
        PolicyId::RuleV1
    }
    fn opinion(&self, _: &InterruptContext, _: &Features) -> Opinion {
        Opinion { preferred: Interruption::Now, propensities: [0.9, 0.9, f64::NAN], reason: Reason::LargeAndSure }
    }
}

#[test]
fn a_policy_without_a_distribution_is_an_error() {
    assert!(matches!(decide(&Broken, &warning(), 0), Err(RankError::NoDistribution { .. })));
}
