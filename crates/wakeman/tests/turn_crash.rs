//! A process that is killed inside a turn, at every labelled boundary, and the one that comes after it.

use std::os::unix::process::ExitStatusExt;

use serde_json::{Value, json};
use wakeman_store::{ListQuery, Options, Store};
use wakeman_types::{Message, MessageRole, Turn, TurnState};

use crate::{
    asking::{at_home, conversation, wait},
    daemon::{Home, said},
};

/// Where a turn can be cut, and whether its message was accepted by then, and answered.
const CUTS: [(&str, bool, bool); 8] = [
    ("turn.accepted.before", false, false),
    ("turn.accepted.after", true, false),
    ("model.before", true, false),
    ("model.after", true, false),
    ("tools.before", true, false),
    ("tools.after", true, false),
    ("turn.ended.before", true, false),
    ("turn.ended.after", true, true),
];

fn stored(home: &Home) -> (Vec<Turn>, Vec<Message>) {
    wait(async {
        let store = Store::open(&home.instance().join("storage/wakeman.db"), Options::default()).await.unwrap();
        let turns = store.list::<Turn>(&ListQuery::oldest(10)).await.unwrap().items;
        let messages = store.list::<Message>(&ListQuery::oldest(10)).await.unwrap().items;
        store.close().await;
        (turns.into_iter().map(|t| t.value).collect(), messages.into_iter().map(|m| m.value).collect())
    })
}

#[test]
fn a_turn_that_is_killed_anywhere_ends_once_and_its_thread_goes_on() {
    let (first, _lab) = at_home("quiet");
    let settings = std::fs::read_to_string(first.instance().join("read-only/settings.json")).unwrap();
    for (label, accepted, answered) in CUTS {
        let mut home = Home::new();
        home.env.clone_from(&first.env);
        home.write("read-only/settings.json", &settings);
        let killed = home.command(&["ask", "list the recent commits"]).env("WAKEMAN_CRASH_AT", label).output().unwrap();
        assert_eq!(killed.status.signal(), Some(9), "{label}: {}", said(&killed));
        // Twice: the second start finds nothing left to end.
        for _ in 0..2 {
            assert!(home.run(&["run", "--once"]).status.success(), "{label}");
        }
        let (turns, messages) = stored(&home);
        let roles: Vec<MessageRole> = messages.iter().map(|message| message.role).collect();
        if !accepted {
            assert!(turns.is_empty() && messages.is_empty(), "{label}: {turns:?}");
            continue;
        }
        let turn = &turns[0];
        assert_eq!((turns.len(), roles), (1, vec![MessageRole::User, MessageRole::Agent]), "{label}");
        let state = if answered { TurnState::Answered } else { TurnState::Interrupted };
        assert_eq!(turn.state, state, "{label}");
        assert!(turn.usage.cost_usd > 0.0, "{label}: a crash gives no money back");
        let spent = home.json(&["status"])["model"]["spent_usd"].as_f64().unwrap();
        assert!(spent >= turn.usage.cost_usd, "{label}: {spent}");
        let again = home.json(&["ask", "--thread", turn.thread_id.as_str(), "list the recent commits"]);
        assert_eq!(again["state"], json!("answered"), "{label}");
        let file = conversation(&home, turn.thread_id.as_str());
        let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 5, "{label}: a header and four messages");
    }
}
