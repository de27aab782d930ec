//! What is stored goes when its time is over, and not before.

use wakeman_gateway::retention::{self, CLASSES};
use wakeman_store::Commit;
use wakeman_types::{Change, DAY_MS, Finding, Occurrence, OccurrenceState, Proposal, Timestamp, TurnState};

use crate::support::{NOW, World, merge_482};

fn change(at: Timestamp, id: &str) -> Change {
    Change { id: wakeman_types::ChangeId::new(id), at, ..merge_482() }
}

fn occurrence(due_at: Timestamp) -> Occurrence {
    Occurrence {
        wakeup_id: "morning".to_owned(),
        prompt_id: "morning-brief".to_owned(),
        due_at,
        state: OccurrenceState::Ran,
        reason: "told".to_owned(),
        attempts: 1,
        at: due_at,
        thread_id: None,
        turn_id: None,
    }
}

#[tokio::test]
async fn each_class_goes_when_its_time_is_over_and_nothing_else() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let before: (Vec<Finding>, Vec<Proposal>) = (world.all().await, world.all().await);
    let days = |n: i64| NOW.plus_ms(-n * DAY_MS);
    let commit = Commit::new(NOW)
        .put(&change(days(91), "pr:1"))
        .put(&change(days(89), "pr:2"))
        .put(&occurrence(days(91)))
        .put(&occurrence(days(89)));
    assert!(world.core.store.commit(commit).await.unwrap().landed());
    assert_eq!(retention::pass(&world.core).await.unwrap(), 2);
    assert_eq!(retention::pass(&world.core).await.unwrap(), 0);
    let kept: Vec<String> = world.all::<Change>().await.into_iter().map(|c| c.id.to_string()).collect();
    assert!(kept.contains(&"pr:2".to_owned()) && !kept.contains(&"pr:1".to_owned()), "{kept:?}");
    assert_eq!(world.all::<Occurrence>().await.len(), 1);
    assert_eq!((world.all().await, world.all().await), before);
    // Years later what is the person's own and what proves itself is still there.
    world.clock.advance(4_000 * DAY_MS);
    assert!(retention::pass(&world.core).await.unwrap() > 0);
    assert_eq!((world.all().await, world.all().await), before);
    assert!(!world.said(&before.1[0].thread).await.is_empty());
    assert!(world.all::<Change>().await.is_empty());
}

#[test]
fn a_turn_under_way_never_goes() {
    let turns: Vec<_> = CLASSES.iter().filter(|class| class.kind == "turn").map(|class| class.state.unwrap()).collect();
    for state in TurnState::ALL {
        assert_eq!(turns.contains(&state.name()), state.is_terminal(), "{state:?}");
    }
}
