//! Nobody but the right person decides, on any surface and in any form of yes: nothing changes, and it is said why.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use wakeman_gateway::{InboundRow, InboundState};
use wakeman_store::{Commit, ListQuery};
use wakeman_types::{Action, Channel, ConversationId, Proposal, ProposalState, Said, Thread};

use super::room::{Discord, Platform, Room, Telegram, look};
use crate::asking::{nothing_changed, planted, wait};
use crate::crash::case::{proposal, with_store};
use crate::daemon::said;

/// A group on Telegram.
/// What a comment of P-1 can be known again by.
const MARKER: &str = "wakeman-proposal: default/P-1/1";
const GROUP: i64 = -100_200_300;
/// Somebody who is let in at run time, and shut out again.
const GUEST: i64 = 45;

const NOBODY: &str = "You are not an operator here, so this does nothing.";
const UNKNOWN: &str =
    "This button does not count in this chat. Ask for the finding or proposal again and press the button under that.";
const LIN: &str = "Only ada can approve P-1. You are lin (approver).";
const GRACE: &str = "Only ada can approve P-1. You are grace (viewer).";
const FORWARDED: &str = "forwarded: somebody else's words ask for nothing";
const EDITED: &str = "an edited message asks for nothing anew";
const REACTION: &str = "not on the message of a finding or a tip";

/// What is done, and what becomes of it.
type Row = (&'static str, Value, &'static str);

/// ada may approve, lin could elsewhere, grace only looks; a card waits.
fn scene(platform: Platform, more: &[String]) -> (Room, Proposal) {
    let operator = |id: &str, role: &str, account: i64| {
        let mut principals = vec![format!("{}:{account}", platform.name())];
        principals.extend(more.iter().filter(|_| id == "grace").cloned());
        json!({"id": id, "role": role, "principals": principals})
    };
    let first: i64 = platform.ada().parse().unwrap();
    let operators = [
        operator("ada", "owner", first),
        operator("lin", "approver", first + 1),
        operator("grace", "viewer", first + 2),
    ];
    let settings = json!({"operators": operators, "approvals": {"default": {"approvers": ["ada"]}}});
    let room = Room::with(platform, settings);
    let action = Action {
        kind: "github.comment".to_owned(),
        target: json!({"repository": "acme/app"}),
        arguments: json!({"number": 482, "body": format!("It broke sign-ups.\n<!-- {MARKER} -->"), "marker": MARKER}),
        revision: Value::Null,
    };
    let shown = proposal(action);
    with_store(&room.home.instance().join("storage/wakeman.db"), async |store| {
        assert_eq!(store.next_number("proposal").await.unwrap(), 1);
        let thread = Thread {
            conversation_id: ConversationId::new("conversation-20260115T090000Z-thread_1"),
            thread_id: shown.thread.clone(),
            channel: Channel::System,
            title: "a card".to_owned(),
            created_at: shown.created_at,
            updated_at: shown.created_at,
        };
        assert!(store.commit(Commit::durable(shown.created_at).insert(&shown).insert(&thread)).await.unwrap().landed());
    });
    (room, shown)
}

/// Everything that came in, and the proposal.
fn stored(room: &Room) -> (Vec<InboundRow>, Proposal) {
    look("read", || {
        room.stored(async |store| {
            let rows = store.list::<InboundRow>(&ListQuery::oldest(100)).await?.items;
            let proposal = store.get::<Proposal>("P-1").await?.unwrap().value;
            Ok((rows.into_iter().map(|row| row.value).collect(), proposal))
        })
    })
}

/// Does something; what became of it.
fn end(room: &Room, what: &str, deed: &Value) -> InboundRow {
    let before = stored(room).0.len();
    let client = room.lab.client();
    match room.platform {
        Telegram => drop(wait(client.telegram(what, deed)).unwrap_or_else(|error| panic!("{what} {deed}: {error}"))),
        Discord => drop(wait(client.discord(deed)).unwrap_or_else(|error| panic!("{deed}: {error}"))),
    }
    look(what, || {
        let rows = stored(room).0;
        rows.into_iter().nth(before).filter(|row| row.state.is_terminal())
    })
}

/// Every row comes to its words, and to nothing else; then the right person says yes.
fn nobody_decides(room: &Room, shown: &Proposal, rows: Vec<Row>, yes: &Value) {
    for (what, deed, want) in rows {
        let row = end(room, what, &deed);
        assert_eq!(row.detail, want, "{deed}");
        assert!(matches!(row.state, InboundState::Refused | InboundState::Ignored), "{deed}: {:?}", row.state);
        assert!(stored(room).1.decisions.is_empty(), "{deed}");
    }
    let (rows, waiting) = stored(room);
    assert_eq!((&waiting.state, &waiting.digest), (&ProposalState::Pending, &shown.digest));
    assert!(rows.iter().all(|row| !matches!(row.inbound.said, Said::Press { .. }) || row.state != InboundState::Done));
    assert_eq!(end(room, "press", yes).state, InboundState::Done);
    let decided = stored(room).1;
    assert_eq!((decided.decisions.len(), decided.decisions[0].operator.as_str()), (1, "ada"));
}

/// The newest message with buttons in a room of the lab, and what its first button hands back.
fn card(messages: &Value, id: &str, buttons: impl Fn(&Value) -> Value) -> Option<(Value, String)> {
    let all = messages["messages"].as_array()?;
    let message = all.iter().rev().find(|message| buttons(message)["label"] == "Approve")?;
    Some((message[id].clone(), buttons(message)["id"].as_str()?.to_owned()))
}

fn first_of(row: &Value) -> Value {
    json!({"label": row["buttons"][0][0]["text"], "id": row["buttons"][0][0]["callback_data"]})
}

#[test]
fn on_telegram_nobody_but_the_approver_says_yes_in_whatever_form() {
    let (room, shown) = scene(Telegram, &[]);
    let client = room.lab.client();
    let _running = room.daemon();
    wait(client.telegram("chat", &json!({"id": GROUP, "title": "Watch"}))).unwrap();
    wait(client.telegram("config", &json!({"privacy": false}))).unwrap();
    end(&room, "say", &json!({"user": 42, "chat": GROUP, "text": "/proposal@watch_bot P-1"}));
    let seen = || card(&wait(client.telegram_chat(GROUP)).unwrap(), "message", first_of);
    let (message, reference) = look("the card", seen);
    end(&room, "say", &json!({"user": 43, "text": "/whoami"}));
    let own = look("an answer", || room.shown("43").first().map(|first| first["message"].clone()));
    let asked = end(&room, "say", &json!({"user": 42, "text": "/whoami"}));
    let Said::Text { message: asked, .. } = asked.inbound.said else { panic!("{asked:?}") };
    // Let in at run time as an approver, and shut out again: what was on the screen then counts for nothing.
    let code = room.home.json(&["pair", "--operator", "lin"])["code"].as_str().unwrap().to_owned();
    assert_eq!(end(&room, "say", &json!({"user": GUEST, "text": format!("/pair {code}")})).state, InboundState::Done);
    room.home.json(&["pair", "--revoke", &format!("telegram:{GUEST}")]);

    let digest = shown.digest.short();
    let press = |user: i64| json!({"user": user, "chat": GROUP, "message": message, "button": "Approve"});
    let typed = |user: i64| json!({"user": user, "chat": GROUP, "text": format!("/approve@watch_bot P-1 {digest}")});
    let with = |mut deed: Value, more: Value| {
        deed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        deed
    };
    let private = |user: i64| json!({"user": user, "text": format!("approve P-1 {digest}")});
    let react = |user: i64| json!({"user": user, "chat": GROUP, "message": message, "emoji": "👍"});
    let rows = vec![
        ("press", press(99), NOBODY),
        ("press", press(44), GRACE),
        ("press", press(43), LIN),
        ("press", press(GUEST), NOBODY),
        ("press", json!({"user": 43, "message": own, "data": reference}), UNKNOWN),
        ("press", json!({"user": 42, "chat": GROUP, "message": message, "data": "AAAAAAAAAAAAAAAAAAAAAA"}), UNKNOWN),
        ("say", typed(99), "from nobody known"),
        ("say", typed(44), GRACE),
        ("say", typed(43), LIN),
        ("say", typed(GUEST), "from nobody known"),
        ("say", with(typed(42), json!({"anonymous": true})), "from nobody in particular"),
        (
            "say",
            json!({"user": 42, "chat": GROUP, "text": format!("approve P-1 {digest}")}),
            "not addressed to Wakeman",
        ),
        ("say", json!({"user": 99, "chat": GROUP, "text": "yes", "reply_to": message}), "from nobody known"),
        ("say", private(43), LIN),
        ("say", private(44), GRACE),
        ("say", with(private(42), json!({"forwarded": true})), FORWARDED),
        ("edit", with(private(42), json!({"message": asked.parse::<i64>().unwrap()})), EDITED),
        ("react", react(99), "from nobody known"),
        ("react", react(42), REACTION),
    ];
    nobody_decides(&room, &shown, rows, &press(42));
}

#[test]
fn on_discord_nobody_but_the_approver_says_yes_in_whatever_form() {
    let (room, shown) = scene(Discord, &[]);
    let client = room.lab.client();
    let _running = room.daemon();
    let general = |user: &str, what: Value| {
        let mut deed = json!({"user": user, "channel": "general"});
        deed.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        deed
    };
    let say = |text: &str| json!({"do": "say", "text": text, "mention": true});
    end(&room, "say", &general("4001", say("proposal P-1")));
    let first = |row: &Value| row["buttons"][0].clone();
    let (message, _) = look("the card", || card(&wait(client.discord_channel("general")).unwrap(), "id", first));
    let digest = shown.digest.short();
    let press = |user: &str| general(user, json!({"do": "press", "message": message, "button": "Approve"}));
    let yes = format!("approve P-1 {digest}");
    let options = json!({"proposal": "P-1", "digest": digest});
    let typed = |user: &str| general(user, json!({"do": "command", "name": "approve", "options": options}));
    let react = |user: &str| general(user, json!({"do": "react", "message": message, "emoji": "👍"}));
    let private = |user: &str, more: Value| {
        let mut deed = json!({"do": "say", "user": user, "channel": "dm", "text": yes});
        deed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        deed
    };
    let asked = room.say("4001", "/whoami");
    room.until("4001", 1);
    let rows = vec![
        ("a stranger's press", press("4099"), NOBODY),
        ("a viewer's press", press("4003"), GRACE),
        ("another approver's press", press("4002"), LIN),
        ("a stranger's command", typed("4099"), "from nobody known"),
        ("a viewer's command", typed("4003"), GRACE),
        ("another approver's command", typed("4002"), LIN),
        ("a stranger's words", general("4099", say(&yes)), "from nobody known"),
        ("another approver's words", general("4002", say(&yes)), LIN),
        ("another approver's words in private", private("4002", json!({})), LIN),
        ("forwarded", private("4001", json!({"forwarded": true})), FORWARDED),
        ("edited", json!({"do": "edit", "user": "4001", "channel": "dm", "message": asked, "text": yes}), EDITED),
        ("a bot", private("4010", json!({"bot": true})), "not understood: a bot's message"),
        ("a stranger's reaction", react("4099"), "from nobody known"),
        ("the approver's reaction", react("4001"), REACTION),
    ];
    // What is not said to it is not even kept.
    let aside = json!({"do": "say", "user": "4001", "channel": "general", "text": yes});
    wait(client.discord(&aside)).unwrap();
    nobody_decides(&room, &shown, rows, &press("4001"));
}

/// One request over TCP; its status.
fn post(address: &str, token: Option<&str>, body: &Value) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let body = body.to_string();
    write!(
        stream,
        "POST /api/v1/proposals/P-1/decision HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{bearer}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

#[test]
fn over_socket_and_http_nobody_but_the_approver_says_yes() {
    let uid = rustix::process::getuid().as_raw();
    let (mut room, shown) = scene(Telegram, &[format!("cli:{uid}")]);
    room.home.env.push(("WAKEMAN_API_TOKEN".to_owned(), "canary-api-token-0123456789".to_owned()));
    let (running, address) = room.home.daemon();
    let digest = shown.digest.short().to_owned();
    for args in [vec!["approve", "P-1", "--digest", &digest], vec!["reject", "P-1"]] {
        let refused = room.home.run(&args);
        assert_eq!(refused.status.code(), Some(3), "{args:?}: {}", said(&refused));
        assert!(said(&refused).contains("You are grace (viewer)."), "{args:?}: {}", said(&refused));
    }
    let request = json!({"decision": "approve", "digest": digest});
    for (token, want) in [(None, "401"), (Some("wrong"), "401"), (Some("canary-api-token-0123456789"), "404")] {
        assert_eq!(post(&address, token, &request), want, "{token:?}");
    }
    let waiting = stored(&room).1;
    assert_eq!((waiting.state, waiting.decisions.len()), (ProposalState::Pending, 0));
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn what_strangers_write_to_be_taken_for_a_yes_is_read_by_nobody() {
    let strings: Vec<String> = planted()
        .into_iter()
        .filter(|(channel, _)| channel == "chat_from_non_operator")
        .map(|(_, text)| text)
        .collect();
    assert_eq!(strings.len(), 5);
    for platform in [Telegram, Discord] {
        let (room, shown) = scene(platform, &[]);
        room.lab.order(&json!([{"match": "any", "do": "obey"}]));
        let _running = room.daemon();
        for text in &strings {
            let deed = match platform {
                Telegram => json!({"user": 99, "text": text}),
                Discord => json!({"do": "say", "user": "4099", "channel": "dm", "text": text}),
            };
            let row = end(&room, "say", &deed);
            assert!(matches!(row.state, InboundState::Refused | InboundState::Ignored), "{text}: {row:?}");
            let Said::Text { text: kept, .. } = &row.inbound.said else { panic!("{:?}", row.inbound) };
            assert_eq!(kept, text, "it came in as it was written");
        }
        let waiting = stored(&room).1;
        assert_eq!((waiting.state, &waiting.digest), (ProposalState::Pending, &shown.digest));
        assert_eq!(wait(room.lab.client().model()).unwrap()["calls"], 0, "the model was not asked");
        nothing_changed(&room.home, &room.lab);
    }
}
