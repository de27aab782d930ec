//! A day's volume: many people, many faults, lost sockets and deaths.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;

use crate::world::{World, words};

/// `WAKEMAN_DISCORD_DAY=200` says more; that is 5,000 messages and 500 faults.
fn each() -> usize {
    std::env::var("WAKEMAN_DISCORD_DAY").ok().and_then(|each| each.parse().ok()).unwrap_or(12)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_messages_with_a_fault_in_ten_loses_and_doubles_nothing() {
    let mut world = World::quiet().await;
    world.desk.state().answers = true;
    world.start().await;
    let people: Vec<u64> = (5_000..5_025).collect();
    let (each, begun) = (each(), Instant::now());
    for i in 0..each {
        if i % 6 < 2 {
            // A chat that was never heard of cannot be asked for what was missed; and faults are met one after the other, not all at once.
            world.inbound(i * people.len()).await;
        }
        for person in &people {
            let text = format!("{person} says {i}");
            world.play(json!({"do": "say", "user": person.to_string(), "channel": "dm", "text": text})).await;
        }
        world.fault("POST .*/messages", ["not_applied", "applied", "reply_lost"][i % 3], 2).await;
        match i % 6 {
            1 => world.throttle("POST .*/messages", 0.02).await,
            2 => drop(world.play(json!({"do": "drop"})).await),
            3 => drop(world.play(json!({"do": "invalidate"})).await),
            4 => world.fault("GET .*/messages", "not_applied", 1).await,
            5 => {
                world.kill().await;
                world.start_anyhow();
            }
            _ => {}
        }
    }
    let all = people.len() * each;
    let texts = world.inbound(all).await;
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    texts.iter().for_each(|one| *taken.entry(words(one)).or_default() += 1);
    assert!(taken.len() == all && taken.values().all(|times| *times == 1), "each is taken once");
    for person in &people {
        let chat = format!("dm:{person}");
        let said =
            world.until("all answered", async |world| Some(world.said(&chat).await).filter(|said| said.len() >= each));
        let said = said.await;
        // Below it may stand that it was sent again.
        let said: Vec<&str> = said.iter().filter_map(|text| text.lines().next()).collect();
        for i in 0..each {
            let answer = format!("re: {person} says {i}");
            let times = said.iter().filter(|text| **text == answer).count();
            assert_eq!(times, 1, "{answer}: {said:?}");
        }
    }
    println!("{all} messages in {:.1} s", begun.elapsed().as_secs_f64());
}
