//! The ranking of causes.

use proptest::prelude::*;
use wakeman_detect::{
    Anomaly, CandidateChange, ChangeKind, Direction, ErrorEvidence, FlagSplit, Kind, Ranking, Reason, correlate,
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// The onset of everything here.
const T: i64 = 1_000 * HOUR;

fn signups_down() -> Anomaly {
    Anomaly {
        kind: Some(Kind::Count),
        direction: Direction::Down,
        effect: 0.4,
        names: vec!["Sign-ups".into(), "signed_up".into()],
        ..Anomaly::at(T, 5 * MINUTE)
    }
}

fn form_errors() -> Vec<ErrorEvidence> {
    vec![ErrorEvidence { files: vec!["web/signup/form.ts".into()], functions: vec!["submitForm".into()], events: 31 }]
}

fn merge(id: &str, minutes_before: i64, title: &str, files: &[&str]) -> CandidateChange {
    let mut change = CandidateChange::new(id, ChangeKind::Merge, T - minutes_before * MINUTE, title);
    change.files = files.iter().map(|&f| f.to_owned()).collect();
    change
}

fn probability(ranking: &Ranking, id: &str) -> f64 {
    ranking.ranked.iter().find(|r| r.id == id).map_or(0.0, |r| r.probability)
}

fn reasons<'a>(ranking: &'a Ranking, id: &str) -> &'a [Reason] {
    ranking.ranked.iter().find(|r| r.id == id).map_or(&[], |r| &r.reasons)
}

/// The finding of the style guide: a merge that went live, a flag whose users are fine, an unrelated merge.
fn the_usual() -> (Anomaly, Vec<CandidateChange>) {
    let mut bad = merge("#482", 6, "signup: new form", &["web/signup/form.ts", "web/signup/form.css"]);
    bad.live_by = Some("deploy-7".into());
    let mut deploy = CandidateChange::new("deploy-7", ChangeKind::Deploy, T - 2 * MINUTE, "production");
    deploy.carries = vec!["#482".into()];
    let mut flag = CandidateChange::new("checkout-fast", ChangeKind::Flag, T - 15 * MINUTE, "checkout-fast to 50 %");
    flag.rollout = Some(0.5);
    flag.flag_split = Some(FlagSplit { exposed_ratio: 0.98, unexposed_ratio: 0.4, p_value: 1e-6 });
    let decoy = merge("#470", 5 * 60, "docs: readme", &["README.md"]);
    (Anomaly { errors: form_errors(), ..signups_down() }, vec![bad, deploy, flag, decoy])
}

#[test]
fn the_merge_that_went_live_is_found_and_says_why() {
    let (anomaly, changes) = the_usual();
    let ranking = correlate(&anomaly, &changes);
    assert_eq!(ranking.ranked[0].id, "#482");
    assert!(ranking.ranked[0].probability > 0.85, "{ranking:#?}");
    assert!(probability(&ranking, "deploy-7") < 0.05 && probability(&ranking, "checkout-fast") < 0.05);
    assert!(probability(&ranking, "#470") < 0.01);
    let why = reasons(&ranking, "#482");
    assert_eq!(
        why[..3],
        [
            Reason::LeadTime { lead_ms: 6 * MINUTE },
            Reason::WentLive { at_ms: T - 2 * MINUTE, by: Some("deploy-7".into()) },
            Reason::FilesInErrors { files: vec!["web/signup/form.ts".into()], events: 31 },
        ]
    );
    assert!(matches!(&why[3], Reason::NamesMatch { words } if words.contains(&"signup".to_owned())), "{why:?}");
    assert!(reasons(&ranking, "deploy-7").contains(&Reason::Carries { ids: vec!["#482".into()] }));
    assert!(reasons(&ranking, "checkout-fast").contains(&Reason::FlagUsersUnaffected { exposed_ratio: 0.98 }));
    assert!(reasons(&ranking, "#470").contains(&Reason::FilesNotInErrors));
}

#[test]
fn without_errors_the_time_and_the_name_are_enough() {
    let (_, changes) = the_usual();
    let ranking = correlate(&signups_down(), &changes);
    assert!(ranking.ranked[0].id == "#482" && ranking.ranked[0].probability > 0.7, "{ranking:#?}");
}

#[test]
fn no_change_nearby_means_none() {
    assert_eq!(correlate(&signups_down(), &[]).none_probability, 1.0);
    let decoys = [merge("#1", 9 * 60, "signup: copy", &["web/signup/text.ts"]), merge("#2", 20 * 60, "billing", &[])];
    let ranking = correlate(&signups_down(), &decoys);
    assert!(ranking.none_probability > 0.7, "{ranking:#?}");
}

#[test]
fn what_came_after_is_no_cause_unless_the_onset_is_uncertain() {
    let late = [merge("#9", -20, "signup: fix", &["web/signup/form.ts"])];
    let ranking = correlate(&Anomaly { errors: form_errors(), ..signups_down() }, &late);
    assert!(probability(&ranking, "#9") < 1e-6);
    assert!(matches!(reasons(&ranking, "#9")[0], Reason::AfterOnset { by_ms } if by_ms == 20 * MINUTE));
    let unsure = Anomaly { earliest_ms: T - 40 * MINUTE, latest_ms: T + 40 * MINUTE, ..signups_down() };
    assert!(probability(&correlate(&unsure, &late), "#9") > 0.1);
}

/// With a few events an hour a quiet hour or two before the change look like its first ones: the start is put too early, and the range
/// reaches to one side only.
#[test]
fn a_start_that_is_put_too_early_still_finds_its_change() {
    let rare = Anomaly { earliest_ms: T - 10 * MINUTE, latest_ms: T + 150 * MINUTE, ..signups_down() };
    let ranking = correlate(&rare, &[merge("#9", -120, "signup: new form", &["web/signup/form.ts"])]);
    assert!(probability(&ranking, "#9") > 0.3, "{ranking:#?}");
    assert!(matches!(reasons(&ranking, "#9")[0], Reason::LeadTime { lead_ms: 0 }), "{ranking:#?}");
}

#[test]
fn a_merge_acts_when_it_goes_live() {
    let mut waiting = merge("#3", 90, "signup: rewrite", &["web/signup/page.ts"]);
    waiting.live_at_ms = Some(T - 4 * MINUTE);
    let live_90_minutes = merge("#4", 95, "signup: colours", &["web/signup/page.css"]);
    let live_90_minutes = CandidateChange { live_at_ms: Some(T - 90 * MINUTE), ..live_90_minutes };
    let ranking = correlate(&signups_down(), &[waiting.clone(), live_90_minutes]);
    assert!(probability(&ranking, "#3") > 5.0 * probability(&ranking, "#4"), "{ranking:#?}");
    waiting.live_at_ms = Some(T + 30 * MINUTE);
    assert!(probability(&correlate(&signups_down(), &[waiting]), "#3") < 1e-6, "not live before the onset");
}

#[test]
fn a_deploy_names_the_merge_among_those_it_carries_that_fits() {
    let (good, bad) = (
        merge("#10", 200, "billing: totals", &["billing/sum.rs"]),
        merge("#11", 30, "signup: validation", &["web/signup/form.ts"]),
    );
    let mut deploy = CandidateChange::new("d", ChangeKind::Deploy, T - 3 * MINUTE, "production");
    deploy.carries = vec!["#10".into(), "#11".into()];
    let ranking = correlate(&Anomaly { errors: form_errors(), ..signups_down() }, &[good, deploy.clone(), bad]);
    assert!(ranking.ranked[0].id == "#11" && ranking.ranked[0].probability > 0.85, "{ranking:#?}");
    let alone = correlate(&signups_down(), &[deploy]);
    assert!(alone.ranked[0].probability > 0.8, "a deploy with unknown contents keeps its weight: {alone:#?}");
}

#[test]
fn the_split_of_a_flag_decides() {
    let flag = |split: Option<(f64, f64, f64)>| {
        let mut flag = CandidateChange::new("f", ChangeKind::Flag, T - 4 * MINUTE, "new-onboarding on");
        flag.flag_split = split.map(|(exposed_ratio, unexposed_ratio, p_value)| FlagSplit {
            exposed_ratio,
            unexposed_ratio,
            p_value,
        });
        let rival = merge("#5", 6, "css: colours", &["web/base.css"]);
        correlate(&signups_down(), &[flag, rival])
    };
    let (unknown, confirmed, cleared, even) =
        (flag(None), flag(Some((0.3, 0.99, 1e-9))), flag(Some((1.01, 0.4, 1e-9))), flag(Some((0.41, 0.4, 0.8))));
    assert!(probability(&confirmed, "f") > 0.9 && probability(&confirmed, "f") > probability(&unknown, "f") + 0.2);
    assert!(probability(&cleared, "f") < 0.1 && probability(&even, "f") < 0.15);
    assert!(reasons(&confirmed, "f").iter().any(|r| matches!(r, Reason::FlagSplitConfirms { .. })));
    assert!(reasons(&even, "f").iter().any(|r| matches!(r, Reason::FlagSplitEven { .. })));
}

#[test]
fn a_flag_cannot_lose_more_users_than_it_reaches() {
    let flag = |rollout| {
        let mut flag = CandidateChange::new("f", ChangeKind::Flag, T - 4 * MINUTE, "onboarding");
        flag.rollout = Some(rollout);
        correlate(&signups_down(), &[flag])
    };
    assert!(probability(&flag(1.0), "f") > 0.9 && probability(&flag(0.1), "f") < 0.6);
    assert!(reasons(&flag(0.1), "f").iter().any(|r| matches!(r, Reason::RolloutTooSmall { .. })));
}

#[test]
fn a_failing_commit_is_its_own_cause() {
    let mut own = merge("#20", 300, "build: upgrade", &["Cargo.toml"]);
    own.sha = Some("9c1e0d4".into());
    let newer = merge("#21", 5, "docs", &["README.md"]);
    let run = Anomaly { head_sha: Some("9c1e0d4".into()), ..Anomaly::at(T, MINUTE) };
    let ranking = correlate(&run, &[newer, own]);
    assert!(ranking.ranked[0].id == "#20" && ranking.ranked[0].probability > 0.9, "{ranking:#?}");
    assert_eq!(reasons(&ranking, "#20")[0], Reason::HeadCommit);
}

#[test]
fn equals_are_ordered_by_id() {
    let ranking = correlate(&signups_down(), &[merge("b", 5, "x", &[]), merge("a", 5, "x", &[])]);
    assert_eq!(ranking.ranked.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

prop_compose! {
    fn changes()(
        rows in proptest::collection::vec((0usize..6, -60i64..3000, proptest::option::of(0i64..120), 0usize..4, proptest::option::of(0.0..1.0)), 0..12),
        carried in proptest::collection::vec((0usize..12, 0usize..12), 0..4),
    ) -> Vec<CandidateChange> {
        let kinds = [ChangeKind::Merge, ChangeKind::Deploy, ChangeKind::Release, ChangeKind::Flag, ChangeKind::Experiment, ChangeKind::Config];
        let titles = ["signup: form", "billing", "docs", "checkout page"];
        let mut all: Vec<CandidateChange> = rows.iter().enumerate().map(|(i, &(kind, before, live, title, rollout))| {
            let mut change = CandidateChange::new(format!("c{i}"), kinds[kind], T - before * MINUTE, titles[title]);
            change.live_at_ms = live.map(|minutes| change.at_ms + minutes * MINUTE);
            change.rollout = rollout;
            change.files = vec![format!("web/{}/form.ts", titles[title])];
            change
        }).collect();
        for (deploy, merge) in carried {
            if deploy < all.len() && merge < all.len() && deploy != merge {
                all[deploy].carries.push(format!("c{merge}"));
            }
        }
        all
    }
}

proptest! {
    #[test]
    fn probabilities_sum_to_one(changes in changes()) {
        let ranking = correlate(&Anomaly { errors: form_errors(), ..signups_down() }, &changes);
        let sum = ranking.none_probability + ranking.ranked.iter().map(|r| r.probability).sum::<f64>();
        prop_assert!((sum - 1.0).abs() < 1e-9 && ranking.none_probability > 0.0);
        prop_assert_eq!(ranking.ranked.len(), changes.len());
        prop_assert!(ranking.ranked.windows(2).all(|w| w[0].probability >= w[1].probability));
    }

    #[test]
    fn the_order_of_the_candidates_does_not_matter(changes in changes(), by in 0usize..12) {
        let mut turned = changes.clone();
        turned.rotate_left(by.min(changes.len()));
        turned.reverse();
        prop_assert_eq!(correlate(&signups_down(), &changes), correlate(&signups_down(), &turned));
    }

    #[test]
    fn an_old_unrelated_change_moves_the_others_hardly(changes in changes(), kind in 0usize..2) {
        let old = CandidateChange::new("zz", [ChangeKind::Merge, ChangeKind::Flag][kind], T - 60 * HOUR, "typo");
        let before = correlate(&signups_down(), &changes);
        let after = correlate(&signups_down(), &[changes, vec![old]].concat());
        prop_assert!(probability(&after, "zz") < 0.02);
        for ranked in &before.ranked {
            prop_assert!((probability(&after, &ranked.id) - ranked.probability).abs() < 0.02);
        }
    }
}
