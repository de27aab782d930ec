//! The learning policies of the product: interrupt and tip.

use crate::warning;
use proptest::prelude::*;
use wakeman_ranking::bandit::BanditError;
use wakeman_ranking::reward::Outcome;
use wakeman_ranking::tip::{TIP_REGISTRY, TipContext, TipPolicy};
use wakeman_ranking::*;
use wakeman_types::{Interruption, Severity};

/// One to whom large effects are useful and small ones noise.
fn taught() -> LintsV1 {
    let mut policy = LintsV1::new().unwrap();
    for i in 0..120_u32 {
        let large = i % 2 == 0;
        let context = InterruptContext {
            effect_size: if large { 1.5 } else { 0.2 },
            local_hour: f64::from(i % 24),
            weekday: u8::try_from(i % 7).unwrap(),
            ..warning()
        };
        let outcome = Outcome::Known { worth: f64::from(u8::from(large)) };
        policy.learn(&context.features().unwrap(), Interruption::Now, outcome).unwrap();
    }
    policy
}

#[test]
fn it_learns_what_is_noise_and_says_why() {
    let policy = taught();
    let small = InterruptContext { effect_size: 0.2, ..warning() };
    let large = InterruptContext { effect_size: 1.5, ..warning() };
    let (kept, told) = (decide(&policy, &small, 3).unwrap(), decide(&policy, &large, 3).unwrap());
    assert_eq!((kept.arm, kept.reason), (Interruption::Digest, Reason::LearntNoise));
    assert_eq!((told.arm, told.reason), (Interruption::Now, Reason::LearntUseful));
    assert_eq!(policy.contributions(&large.features().unwrap())[0].0, "effect_size");
}

#[test]
fn silence_teaches_nothing_about_worth() {
    let (mut silent, untouched) = (taught(), taught());
    let features = warning().features().unwrap();
    for outcome in [Outcome::Censored, Outcome::Silent] {
        (0..50).for_each(|_| silent.learn(&features, Interruption::Now, outcome).unwrap());
    }
    assert_eq!(silent.state().bandit, untouched.state().bandit);
    assert_ne!(silent.state().response, untouched.state().response);
}

#[test]
fn a_new_operator_starts_with_what_the_others_taught() {
    let small = InterruptContext { effect_size: 0.2, ..warning() };
    let now = |policy: &LintsV1| policy.opinion(&small, &small.features().unwrap()).propensities[0];
    let (alone, pooled) = (now(&LintsV1::new().unwrap()), now(&LintsV1::pooled(&[taught(), taught()]).unwrap()));
    assert!(pooled < 0.3 && alone > pooled + 0.2, "{alone} {pooled}");
}

#[test]
fn a_stored_policy_decides_the_same_and_a_wrong_one_is_named() {
    let policy = taught();
    let text = serde_json::to_string(&policy.state()).unwrap();
    let restored = LintsV1::restore(serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(decide(&policy, &warning(), 8).unwrap(), decide(&restored, &warning(), 8).unwrap());
    let mut state = policy.state();
    state.bandit = TipPolicy::new(PolicyId::LinucbV1).unwrap().state();
    assert!(matches!(LintsV1::restore(state), Err(BanditError::Corrupt { part: "bandit", .. })));
}

proptest! {
    #[test]
    fn no_warning_is_silent_no_information_interrupts_and_nothing_is_certain(effect in 0.0..3.0, p in 0.0..=1.0, hour in 0.0..24.0, info: bool, seed: u64) {
        let severity = if info { Severity::Info } else { Severity::Warning };
        let context = InterruptContext { severity, effect_size: effect, p_value: p, local_hour: hour, ..warning() };
        let policy = taught();
        let decision = decide(&policy, &context, seed).unwrap();
        let [now, digest, silent] = [0, 1, 2].map(|i: usize| decision.propensities[i].propensity);
        prop_assert!((now + digest + silent - 1.0).abs() < 1e-12);
        prop_assert_eq!(if info { now } else { silent }, 0.0);
        let other = if info { silent } else { now };
        prop_assert!(digest >= 0.015 - 1e-12 && other >= 0.015 - 1e-12);
        let critical = InterruptContext { severity: Severity::Critical, quiet_hours: true, ..context };
        prop_assert_eq!(decide(&policy, &critical, seed).unwrap().arm, Interruption::Now);
    }
}

fn item(overdue: bool, priority: f64) -> TipContext {
    TipContext {
        local_hour: 9.5,
        weekday: 2,
        overdue,
        age_days: 3.0,
        priority,
        completion_rate: Some(0.4),
        preferred_hour: Some(9.0),
        open_items: 12,
        acceptance_rate: None,
        hours_to_react: Some(2.0),
    }
}

#[test]
fn tips_are_learnt_and_their_propensities_exact() {
    for (id, dimension) in [(PolicyId::LinucbV1, 5), (PolicyId::EgreedyV1, 7), (PolicyId::EgreedyV2, 12)] {
        assert_eq!(id.card().dimension, dimension);
        let mut policy = TipPolicy::new(id).unwrap();
        for i in 0..200_u32 {
            let overdue = i % 2 == 0;
            policy.learn(&item(overdue, f64::from(i % 5) / 4.0), f64::from(u8::from(overdue)), 1.0).unwrap();
        }
        let items = [item(false, 1.0), item(true, 0.0), item(false, 0.5)];
        let decisions: Vec<_> = (0..8000).map(|seed| policy.choose(&items, seed).unwrap()).collect();
        for place in 0..3 {
            let got = decisions.iter().filter(|d| d.chosen == place).count() as f64 / 8000.0;
            assert!((got - decisions[0].propensities[place]).abs() < 0.01, "{id} {place} {got}");
        }
        assert!(
            decisions[0].propensities[1] > 0.9 && (decisions[0].propensities.iter().sum::<f64>() - 1.0).abs() < 1e-12
        );
        let text = serde_json::to_string(&policy.state()).unwrap();
        let restored = TipPolicy::restore(id, serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(restored.score(&items[0]).unwrap(), policy.score(&items[0]).unwrap());
    }
    let none = TipPolicy::new(PolicyId::EgreedyV1).unwrap().choose(&[], 1);
    assert!(none.is_err() && TipPolicy::new(PolicyId::RuleV1).is_err());
    let bad = TipContext { priority: f64::NAN, ..item(true, 0.0) };
    assert_eq!(TIP_REGISTRY[4].name, "priority");
    let told = TipPolicy::new(PolicyId::EgreedyV1).unwrap().score(&bad).unwrap_err();
    assert!(told.to_string().starts_with("value 4 of the context is NaN"), "{told}");
}
