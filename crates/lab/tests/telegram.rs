//! Telegram over real HTTP, as a bot and as the people.

use reqwest::Method;
use serde_json::{Value, json};
use wakeman_lab::client::{FaultMode, FaultRequest};

use crate::support::{Served, scenario};

const BOT: &str = "/telegram/bot77:secret_Token-1";

async fn start() -> Served {
    Served::start(scenario("")).await
}

/// What the API answers to a method.
async fn call(served: &Served, method: &str, body: Value) -> Value {
    let (status, answer) = served.ask(Method::POST, &format!("{BOT}/{method}"), Some(body)).await;
    assert_eq!(answer["ok"] == true, status.is_success(), "{method}: {status} {answer}");
    if !status.is_success() {
        assert_eq!(answer["error_code"], status.as_u16(), "{answer}");
    }
    answer
}

async fn refusal(served: &Served, method: &str, body: Value) -> String {
    let answer = call(served, method, body).await;
    answer["description"].as_str().unwrap_or_else(|| panic!("{method} was taken: {answer}")).to_owned()
}

async fn quick(served: &Served) {
    served.client.telegram("config", &json!({"limits": false})).await.unwrap();
}

#[tokio::test]
async fn methods_are_found_whatever_their_case_and_tokens_are_checked() {
    let served = start().await;
    for method in ["getMe", "GetMe", "getme"] {
        let me = call(&served, method, json!({})).await;
        assert_eq!((&me["result"]["is_bot"], &me["result"]["id"]), (&json!(true), &json!(77)));
    }
    assert_eq!(refusal(&served, "getMyHoroscope", json!({})).await, "Not Found");
    let (status, answer) = served.ask(Method::GET, "/telegram/botnobody/getMe", None).await;
    assert_eq!((status.as_u16(), &answer["description"]), (401, &json!("Unauthorized")));
}

#[tokio::test]
async fn an_update_is_there_until_a_later_one_is_asked_for() {
    let served = start().await;
    for text in ["one", "two"] {
        served.client.telegram("say", &json!({"user": 42, "name": "Ada", "text": text})).await.unwrap();
    }
    let first = call(&served, "getUpdates", json!({})).await["result"].clone();
    assert_eq!(first.as_array().unwrap().len(), 2);
    assert_eq!(
        (&first[0]["message"]["text"], &first[0]["message"]["from"]["first_name"]),
        (&json!("one"), &json!("Ada"))
    );
    let again = call(&served, "getUpdates", json!({"offset": first[1]["update_id"]})).await["result"].clone();
    assert_eq!(again, json!([first[1]]));
    let next = first[1]["update_id"].as_i64().unwrap() + 1;
    assert_eq!(call(&served, "getUpdates", json!({"offset": next})).await["result"], json!([]));
}

#[tokio::test]
async fn a_poll_is_held_until_somebody_speaks_and_a_second_poll_ends_the_first() {
    let served = start().await;
    let hold = json!({"timeout": 20, "allowed_updates": ["message", "message_reaction"]});
    let first = call(&served, "getUpdates", hold.clone());
    let second = async {
        // The first is held by now: its place is taken as soon as this arrives.
        let spoken = async {
            while served.client.telegram_config().await.unwrap()["polls"] != 2 {}
            served.client.telegram("say", &json!({"user": 42, "text": "hello"})).await.unwrap();
        };
        while served.client.telegram_config().await.unwrap()["polls"] != 1 {}
        tokio::join!(call(&served, "getUpdates", hold.clone()), spoken).0
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first["error_code"], 409);
    assert!(first["description"].as_str().unwrap().starts_with("Conflict: terminated by other getUpdates request"));
    assert_eq!(second["result"][0]["message"]["text"], "hello");
}

#[tokio::test]
async fn a_message_keeps_to_the_limits() {
    let served = start().await;
    quick(&served).await;
    let long = "🔴".repeat(2_049);
    for (body, want) in [
        (json!({"text": "x"}), "Bad Request: chat_id is empty"),
        (json!({"chat_id": -5, "text": "x"}), "Bad Request: chat not found"),
        (json!({"chat_id": 42}), "Bad Request: message text is empty"),
        (json!({"chat_id": 42, "text": " \n "}), "Bad Request: text must be non-empty"),
        (json!({"chat_id": 42, "text": long}), "Bad Request: message is too long"),
        (json!({"chat_id": 42, "text": "x", "message_thread_id": 9}), "Bad Request: message thread not found"),
        (
            json!({"chat_id": 42, "text": "x", "reply_parameters": {"message_id": 9}}),
            "Bad Request: message to be replied not found",
        ),
        (
            json!({"chat_id": 42, "text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "x".repeat(65)}]]}}),
            "Bad Request: BUTTON_DATA_INVALID",
        ),
        (
            json!({"chat_id": 42, "text": "🔴", "entities": [{"type": "bold", "offset": 1, "length": 1}]}),
            "Bad Request: entity begins in a middle of a UTF-16 symbol at UTF-16 offset 1",
        ),
        (json!({"chat_id": 42, "text": "x", "parse_mode": "HTML"}), "Bad Request: unsupported parse_mode"),
    ] {
        assert_eq!(refusal(&served, "sendMessage", body.clone()).await, want, "{body}");
    }
    let full = call(&served, "sendMessage", json!({"chat_id": 42, "text": "🔴".repeat(2_048)})).await;
    assert_eq!(full["result"]["from"]["is_bot"], true);
}

#[tokio::test]
async fn edits_say_when_there_is_nothing_to_change_or_nothing_there() {
    let served = start().await;
    quick(&served).await;
    let keyboard = json!({"inline_keyboard": [[{"text": "Approve", "callback_data": "abc"}]]});
    let sent = call(&served, "sendMessage", json!({"chat_id": 42, "text": "card", "reply_markup": keyboard})).await;
    let id = sent["result"]["message_id"].clone();
    let same = json!({"chat_id": 42, "message_id": id, "text": "card", "reply_markup": keyboard});
    assert!(refusal(&served, "editMessageText", same).await.starts_with("Bad Request: message is not modified"));
    let gone = json!({"chat_id": 42, "message_id": 999, "text": "card"});
    assert_eq!(refusal(&served, "editMessageText", gone).await, "Bad Request: message to edit not found");
    let caption = json!({"chat_id": 42, "message_id": id, "caption": "c"});
    let told = refusal(&served, "editMessageCaption", caption).await;
    assert_eq!(told, "Bad Request: there is no caption in the message to edit");
    call(&served, "editMessageText", json!({"chat_id": 42, "message_id": id, "text": "settled"})).await;
    let seen = served.client.telegram_chat(42).await.unwrap()["messages"].clone();
    assert_eq!(seen.as_array().unwrap().len(), 1);
    assert_eq!(
        (&seen[0]["text"], &seen[0]["buttons"], &seen[0]["edited"]),
        (&json!("settled"), &json!([]), &json!(true))
    );
}

#[tokio::test]
async fn a_press_is_told_and_answered_once() {
    let served = start().await;
    quick(&served).await;
    let keyboard = json!({"inline_keyboard": [[{"text": "Approve", "callback_data": "abc"}]]});
    let sent = call(&served, "sendMessage", json!({"chat_id": 42, "text": "card", "reply_markup": keyboard})).await;
    let message = sent["result"]["message_id"].clone();
    let wrong = json!({"user": 42, "message": message, "button": "Reject"});
    assert!(served.client.telegram("press", &wrong).await.unwrap_err().to_string().contains("[\"Approve\"]"));
    served.client.telegram("press", &json!({"user": 42, "message": message, "button": "Approve"})).await.unwrap();
    let query = call(&served, "getUpdates", json!({})).await["result"][0]["callback_query"].clone();
    assert_eq!((&query["data"], &query["from"]["id"]), (&json!("abc"), &json!(42)));
    let answer = json!({"callback_query_id": query["id"], "text": "Approved.", "show_alert": true});
    call(&served, "answerCallbackQuery", answer.clone()).await;
    let told = refusal(&served, "answerCallbackQuery", answer).await;
    assert_eq!(told, "Bad Request: query is too old and response timeout expired or query ID is invalid");
    let presses = served.client.telegram_config().await.unwrap()["presses"].clone();
    assert_eq!(presses[0]["answer"], json!({"text": "Approved.", "alert": true}));
}

#[tokio::test]
async fn a_bot_in_a_group_hears_what_is_said_to_it_and_anonymous_administrators_are_nobody() {
    let served = start().await;
    let group = json!({"id": -100, "title": "Watch", "topics": [5]});
    served.client.telegram("chat", &group).await.unwrap();
    for (text, anonymous) in [("chatter", false), ("@watch_bot status", false), ("/status@watch_bot", true)] {
        let say = json!({"user": 42, "chat": -100, "topic": 5, "text": text, "anonymous": anonymous});
        served.client.telegram("say", &say).await.unwrap();
    }
    let updates = call(&served, "getUpdates", json!({})).await["result"].clone();
    assert_eq!(updates.as_array().unwrap().len(), 2);
    let (named, nobody) = (&updates[0]["message"], &updates[1]["message"]);
    assert_eq!((&named["message_thread_id"], &named["entities"][0]["type"]), (&json!(5), &json!("mention")));
    assert_eq!((&nobody["sender_chat"]["id"], &nobody["from"]["is_bot"]), (&json!(-100), &json!(true)));
}

#[tokio::test]
async fn pictures_come_in_parts_and_must_be_pictures() {
    let served = start().await;
    quick(&served).await;
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend([0, 0, 2, 0x80, 0, 0, 1, 0x40]);
    let body = |bytes: &[u8]| {
        let mut body = b"--B\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n42\r\n--B\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\nattach://chart\r\n--B\r\nContent-Disposition: form-data; name=\"caption\"\r\n\r\nSign-ups down\r\n--B\r\nContent-Disposition: form-data; name=\"chart\"; filename=\"chart.png\"\r\nContent-Type: image/png\r\n\r\n".to_vec();
        body.extend_from_slice(bytes);
        body.extend(b"\r\n--B--\r\n");
        body
    };
    let send = |bytes: Vec<u8>| {
        let request = served.plain(Method::POST, &format!("{BOT}/SendPhoto"));
        request.header("content-type", "multipart/form-data; boundary=B").body(body(&bytes)).send()
    };
    assert_eq!(send(b"GIF89a".to_vec()).await.unwrap().status(), 400);
    assert_eq!(send(png).await.unwrap().status(), 200);
    let seen = served.client.telegram_chat(42).await.unwrap()["messages"][0].clone();
    assert_eq!(
        (&seen["photo"]["width"], &seen["photo"]["height"], &seen["text"]),
        (&json!(640), &json!(320), &json!("Sign-ups down"))
    );
    let effects = served.client.effects().await.unwrap();
    assert_eq!(effects[1].body["chart"], json!({"file": "chart.png", "bytes": 24}));
    assert_eq!((effects[0].applied, effects[1].applied, effects[1].service.as_str()), (false, true, "telegram"));
}

#[tokio::test]
async fn a_picture_is_replaced_where_it_stands_and_a_text_gets_one() {
    let served = start().await;
    quick(&served).await;
    call(&served, "sendMessage", json!({"chat_id": 42, "text": "no picture yet"})).await;
    let edit = async |media: Value, width: u8| {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        png.extend([0, 0, 2, width, 0, 0, 1, 0x40]);
        let field = |name: &str, value: &str| {
            format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let fields = field("chat_id", "42") + &field("message_id", "1") + &field("media", &media.to_string());
        let file = "--B\r\nContent-Disposition: form-data; name=\"chart\"; filename=\"chart.png\"\r\n\r\n";
        let body = [fields.as_bytes(), file.as_bytes(), &png, b"\r\n--B--\r\n"].concat();
        let request = served.plain(Method::POST, &format!("{BOT}/editMessageMedia"));
        request.header("content-type", "multipart/form-data; boundary=B").body(body).send().await.unwrap().status()
    };
    let media = |attached: &str| json!({"type": "photo", "media": attached, "caption": "it fell"});
    let seen = async || served.client.telegram_chat(42).await.unwrap()["messages"][0].clone();
    assert_eq!(edit(media("attach://other"), 1).await, 400);
    assert_eq!(edit(json!({"type": "video", "media": "attach://chart"}), 1).await, 400);
    assert_eq!(edit(media("attach://chart"), 1).await, 200);
    let first = seen().await;
    assert_eq!((&first["photo"]["width"], &first["text"]), (&json!(513), &json!("it fell")));
    assert_eq!(edit(media("attach://chart"), 2).await, 200);
    let second = seen().await;
    assert_eq!((&second["message"], &second["photo"]["width"]), (&first["message"], &json!(514)));
    assert_ne!(second["photo"]["file"], first["photo"]["file"]);
    let asks = |hint: &str| json!({"chat_id": 42, "text": "why?", "reply_markup": {"force_reply": true, "input_field_placeholder": hint}});
    assert!(refusal(&served, "sendMessage", asks(&"x".repeat(65))).await.contains("PLACEHOLDER"));
    call(&served, "sendMessage", asks("the reason")).await;
    let chat = served.client.telegram_chat(42).await.unwrap();
    assert_eq!((&chat["messages"][0]["asks_reply"], &chat["messages"][1]["asks_reply"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn a_bot_that_speaks_too_fast_is_told_how_long_to_wait() {
    let served = start().await;
    let mut refused = Value::Null;
    for _ in 0..8 {
        let answer = call(&served, "sendMessage", json!({"chat_id": 42, "text": "x"})).await;
        if answer["ok"] == false {
            refused = answer;
        }
    }
    assert_eq!((&refused["error_code"], &refused["parameters"]["retry_after"]), (&json!(429), &json!(1)));
    assert_eq!(refused["description"], "Too Many Requests: retry after 1");
}

#[tokio::test]
async fn faults_have_the_form_of_the_api_and_lost_answers_leave_the_message() {
    let served = start().await;
    quick(&served).await;
    let fault = |mode| FaultRequest { service: "telegram".into(), pattern: "(?i)sendmessage".into(), mode, times: 1 };
    served.client.fault(&fault(FaultMode::Throttled)).await.unwrap();
    let answer = call(&served, "sendMessage", json!({"chat_id": 42, "text": "x"})).await;
    assert_eq!(answer["parameters"]["retry_after"], 1);
    served.client.fault(&fault(FaultMode::ReplyLost)).await.unwrap();
    let request = served.plain(Method::POST, &format!("{BOT}/sendMessage")).json(&json!({"chat_id": 42, "text": "x"}));
    assert!(request.send().await.is_err());
    assert_eq!(served.client.telegram_chat(42).await.unwrap()["messages"].as_array().unwrap().len(), 1);
}
