use crate::warning;
use proptest::prelude::*;
use wakeman_ranking::*;
use wakeman_types::{Interruption, Severity};

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
        let decision = decide(&RuleV1, &context, seed).unwrap();
        let sum: f64 = decision.propensities.iter().map(|c| c.propensity).sum();
        prop_assert!((sum - 1.0).abs() < 1e-12);
        prop_assert!(decision.propensity() > 0.0);
        prop_assert_eq!(decision.forced && decision.propensity() < 1.0, false);
        prop_assert!(!(decision.forced && decision.explored));
    }

    #[test]
    fn critical_always_interrupts_and_the_rest_is_bound(context in contexts(), seed: u64) {
        let decision = decide(&RuleV1, &context, seed).unwrap();
        if context.severity == Severity::Critical {
            prop_assert_eq!((decision.arm, decision.forced), (Interruption::Now, true));
        } else if context.quiet_hours || context.alarm_budget_left <= 0.0 {
            prop_assert_eq!((decision.arm, decision.forced), (Interruption::Digest, true));
        } else {
            prop_assert!(!decision.forced);
        }
    }

    #[test]
    fn the_same_seed_replays(context in contexts(), seed: u64) {
        prop_assert_eq!(decide(&RuleV1, &context, seed).unwrap(), decide(&RuleV1, &context, seed).unwrap());
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
