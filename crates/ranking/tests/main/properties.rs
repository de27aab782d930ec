use crate::warning;
use proptest::prelude::*;
use std::sync::LazyLock;
use wakeman_ranking::promotion::Stage;
use wakeman_ranking::reward::Outcome;
use wakeman_ranking::*;
use wakeman_types::{Interruption, Severity};

/// Two policies that share the decisions, as while a promotion is staged: their probabilities by the share of each.
struct Staged(Stage, LintsV1);

impl InterruptPolicy for Staged {
    fn id(&self) -> PolicyId {
        PolicyId::LintsV1
    }

    fn opinion(&self, context: &InterruptContext, features: &Features) -> Opinion {
        let (rule, lints) = (RuleV1.opinion(context, features), self.1.opinion(context, features));
        let mut mixed = if self.0.share() > 0.5 { lints } else { rule };
        for (mixed, (r, l)) in mixed.propensities.iter_mut().zip(rule.propensities.iter().zip(&lints.propensities)) {
            *mixed = (1.0 - self.0.share()) * r + self.0.share() * l;
        }
        mixed
    }
}

/// One that would never interrupt.
struct Mute;

impl InterruptPolicy for Mute {
    fn id(&self) -> PolicyId {
        PolicyId::LintsV1
    }

    fn opinion(&self, _: &InterruptContext, _: &Features) -> Opinion {
        Opinion { preferred: Interruption::Silent, propensities: [0.0, 0.0, 1.0], reason: Reason::LearntNoise }
    }
}

/// Every policy that decides about findings, knowing nothing and taught the worst; each stage between two; one that is against it.
static POLICIES: LazyLock<Vec<Box<dyn InterruptPolicy>>> = LazyLock::new(|| {
    let critical = InterruptContext { severity: Severity::Critical, ..warning() };
    let mut taught = LintsV1::new().unwrap();
    for _ in 0..200 {
        for context in [&critical, &warning()] {
            taught.learn(&context.features().unwrap(), Interruption::Now, Outcome::Known { worth: 0.0 }).unwrap();
        }
    }
    let mut all: Vec<Box<dyn InterruptPolicy>> = vec![Box::new(Mute), Box::new(taught.clone())];
    for stage in [Stage::Shadow, Stage::Tenth, Stage::Half, Stage::Whole] {
        all.push(Box::new(Staged(stage, taught.clone())));
    }
    for id in PolicyId::ALL.into_iter().filter(|id| id.card().problem == Problem::Interrupt) {
        all.push(match id {
            PolicyId::RuleV1 => Box::new(RuleV1),
            PolicyId::LintsV1 => Box::new(LintsV1::new().unwrap()),
            other => panic!("{other} decides about findings: list it here"),
        });
    }
    all
});

prop_compose! {
    fn contexts()(
        severity in prop_oneof![Just(Severity::Info), Just(Severity::Warning), Just(Severity::Critical)],
        source in prop_oneof![Just(SourceKind::Metric), Just(SourceKind::Error), Just(SourceKind::Run), Just(SourceKind::Deployment)],
        (effect_size, p_value, cause_confidence) in (0.0..10.0, 0.0..=1.0, 0.0..=1.0),
        (local_hour, weekday, quiet_hours) in (0.0..24.0, 0u8..7, any::<bool>()),
        minutes_since_last_interruption in proptest::option::of(0.0..1e6),
        (interruptions_today, interruptions_this_week, alarm_budget_left) in (0u32..9, 0u32..99, -3.0..3.0),
        (duplicates, age_minutes, open_findings, open_proposals) in (0u32..6, 0.0..1e5, 0u32..9, 0u32..9),
        past_useful_rate in proptest::option::of(0.0..=1.0),
    ) -> InterruptContext {
        InterruptContext {
            severity, effect_size, p_value, cause_confidence, source, local_hour, weekday, quiet_hours,
            minutes_since_last_interruption, interruptions_today, interruptions_this_week, alarm_budget_left,
            duplicates, age_minutes, open_findings, open_proposals, past_useful_rate,
        }
    }
}

proptest! {
    #[test]
    fn propensities_are_a_distribution_and_the_chosen_arm_was_possible(context in contexts(), seed: u64) {
        for policy in POLICIES.iter() {
            let decision = decide(policy.as_ref(), &context, seed).unwrap();
            let sum: f64 = decision.propensities.iter().map(|c| c.propensity).sum();
            prop_assert!((sum - 1.0).abs() < 1e-9);
            prop_assert!(decision.propensity() > 0.0);
            prop_assert_eq!(decision.forced && decision.propensity() < 1.0, false);
            prop_assert!(!(decision.forced && decision.explored));
        }
    }

    #[test]
    fn critical_always_interrupts_and_the_rest_is_bound(context in contexts(), seed: u64) {
        for policy in POLICIES.iter() {
            let decision = decide(policy.as_ref(), &context, seed).unwrap();
            if context.severity == Severity::Critical {
                prop_assert_eq!((decision.arm, decision.forced, decision.explored), (Interruption::Now, true, false));
            } else if context.quiet_hours || context.alarm_budget_left <= 0.0 {
                prop_assert_eq!((decision.arm, decision.forced), (Interruption::Digest, true));
            } else {
                prop_assert!(!decision.forced);
            }
        }
    }

    #[test]
    fn the_same_seed_replays(context in contexts(), seed: u64) {
        for policy in POLICIES.iter() {
            let again = decide(policy.as_ref(), &context, seed).unwrap();
            prop_assert_eq!(decide(policy.as_ref(), &context, seed).unwrap(), again);
        }
    }

    #[test]
    fn worse_ranks_higher_in_the_digest(context in contexts()) {
        let info = InterruptContext { severity: Severity::Info, ..context.clone() };
        let warning = InterruptContext { severity: Severity::Warning, ..context };
        prop_assert!(digest_score(&warning.features().unwrap()) > digest_score(&info.features().unwrap()));
    }
}

#[test]
fn exploration_happens_as_often_as_logged() {
    let explored = (0..40_000).filter(|&seed| decide(&RuleV1, &warning(), seed).unwrap().explored).count();
    // 0.025 of 40,000 is 1,000, with a standard deviation of 31.
    assert!((880..=1120).contains(&explored), "{explored}");
}
