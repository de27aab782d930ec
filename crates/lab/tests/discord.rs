//! Discord as a client meets it: requests, refusals, limits, faults, and the socket.

use futures::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Served, scenario};

const API: &str = "/discord/api/v10";
const ADA: &str = "4001";
/// Guilds, messages and reactions in both; not their content.
const INTENTS: u64 = 1 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13;
const CONTENT: u64 = 1 << 15;

struct Bot<'a>(&'a Served);

impl Bot<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.0.plain(method, &format!("{API}{path}")).header("authorization", "Bot a.b.c");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap_or(Value::Null))
    }

    async fn play(&self, deed: Value) -> Value {
        let (status, body) = self.0.ask(Method::POST, "/_lab/discord", Some(deed)).await;
        assert_eq!(status, 201, "{body}");
        body["id"].clone()
    }

    async fn direct(&self) -> String {
        self.play(json!({"do": "say", "user": ADA, "channel": "dm", "text": "hi", "name": "ada"})).await;
        let (_, room) = self.call(Method::POST, "/users/@me/channels", Some(json!({"recipient_id": ADA}))).await;
        assert_eq!(room["type"], 1);
        room["id"].as_str().unwrap().to_owned()
    }

    async fn socket(&self) -> Socket {
        let (_, gateway) = self.call(Method::GET, "/gateway", None).await;
        let url = gateway["url"].as_str().unwrap().to_owned();
        let host = url.trim_start_matches("ws://").split('/').next().unwrap().to_owned();
        let stream = TcpStream::connect(host).await.unwrap();
        let (stream, _) = tokio_tungstenite::client_async(format!("{url}?v=10&encoding=json"), stream).await.unwrap();
        let mut socket = Socket(stream);
        assert_eq!(socket.next().await["op"], 10);
        socket
    }
}

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(frame))) => return json!({"closed": frame.map(|frame| u16::from(frame.code))}),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return json!({"closed": null}),
            }
        }
    }

    async fn event(&mut self, name: &str) -> Value {
        loop {
            let value = self.next().await;
            assert!(value.get("closed").is_none(), "waiting for {name}: {value}");
            if value["t"] == name {
                return value;
            }
        }
    }

    async fn send(&mut self, op: u64, data: Value) {
        let text = json!({"op": op, "d": data}).to_string();
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    async fn identify(&mut self, intents: u64) -> Value {
        let properties = json!({"os": "linux", "browser": "test", "device": "test"});
        self.send(2, json!({"token": "a.b.c", "intents": intents, "properties": properties})).await;
        self.event("READY").await["d"].clone()
    }
}

#[tokio::test]
async fn refusals_have_discords_form() {
    let served = Served::start(scenario("")).await;
    let bot = Bot(&served);
    let room = bot.direct().await;
    let (status, body) = served.ask(Method::GET, &format!("{API}/users/@me"), None).await;
    assert_eq!((status.as_u16(), body), (401, json!({"message": "401: Unauthorized", "code": 0})));
    let (status, body) = bot.call(Method::GET, "/channels/17", None).await;
    assert_eq!((status.as_u16(), body), (404, json!({"message": "Unknown Channel", "code": 10_003})));
    let say = format!("/channels/{room}/messages");
    let (status, body) = bot.call(Method::POST, &say, Some(json!({"content": "x".repeat(2001)}))).await;
    assert_eq!((status.as_u16(), &body["code"]), (400, &json!(50_035)));
    assert_eq!(body["errors"]["content"]["_errors"][0]["code"], "BASE_TYPE_MAX_LENGTH");
    let (status, body) = bot.call(Method::POST, &say, Some(json!({"content": ""}))).await;
    assert_eq!((status.as_u16(), &body["code"]), (400, &json!(50_006)));
    bot.play(json!({"do": "forbid", "channel": "dm", "user": ADA, "on": true})).await;
    let (status, body) = bot.call(Method::POST, &say, Some(json!({"content": "a"}))).await;
    assert_eq!((status.as_u16(), &body["code"]), (403, &json!(50_007)));
}

#[tokio::test]
async fn limits_and_orders_throttle_and_say_for_how_long() {
    let served = Served::start(scenario("")).await;
    let bot = Bot(&served);
    let room = bot.direct().await;
    let say = format!("/channels/{room}/messages");
    for _ in 0..5 {
        assert_eq!(bot.call(Method::POST, &say, Some(json!({"content": "a"}))).await.0, 200);
    }
    let (status, body) = bot.call(Method::POST, &say, Some(json!({"content": "a"}))).await;
    assert_eq!((status.as_u16(), &body["global"]), (429, &json!(false)));
    assert!(body["retry_after"].as_f64().is_some_and(|wait| wait > 0.0 && wait <= 5.0), "{body}");
    bot.play(json!({"do": "throttle", "match": "GET /users/@me$", "retry_after": 1.5, "global": true})).await;
    let request = served.plain(Method::GET, &format!("{API}/users/@me")).header("authorization", "Bot a.b.c");
    let response = request.send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(response.status(), 429);
    assert_eq!((header("retry-after"), header("x-ratelimit-global")), ("2".to_owned(), "true".to_owned()));
    assert_eq!(bot.call(Method::GET, "/users/@me", None).await.0, 200);
}

#[tokio::test]
async fn a_fault_takes_the_reply_and_the_effects_tell_what_was_said() {
    let served = Served::start(scenario("")).await;
    let bot = Bot(&served);
    let room = bot.direct().await;
    let fault = json!({"service": "discord", "match": "POST .*/messages", "mode": "applied", "times": 1});
    assert_eq!(served.ask(Method::POST, "/_lab/faults", Some(fault)).await.0, 201);
    let say = format!("/channels/{room}/messages");
    assert_eq!(bot.call(Method::POST, &say, Some(json!({"content": "once"}))).await.0, 502);
    let parts = "--q\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{\"content\":\"see\",\"attachments\":[{\"id\":\"0\",\"description\":\"a line\"}]}\r\n--q\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"c.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--q--\r\n";
    let request = served.plain(Method::POST, &format!("{API}{say}")).header("authorization", "Bot a.b.c");
    let response = request.header("content-type", "multipart/form-data; boundary=q").body(parts).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let effects = served.get("/_lab/effects").await;
    let said: Vec<&Value> =
        effects.as_array().unwrap().iter().filter(|one| one["path"] == format!("/api/v10{say}")).collect();
    assert_eq!((&said[0]["body"]["content"], &said[0]["applied"]), (&json!("once"), &json!(true)));
    assert_eq!(said[1]["body"]["content"], "see");
    let seen = served.get(&format!("/_lab/discord/channels/{room}")).await;
    let messages = seen["messages"].as_array().unwrap();
    assert_eq!(messages[1]["content"], "once", "a person sees it all the same");
    assert_eq!(
        (&messages[2]["files"][0]["filename"], &messages[2]["files"][0]["description"]),
        (&json!("c.png"), &json!("a line"))
    );
}

#[tokio::test]
async fn the_socket_tells_what_the_intents_ask_for() {
    let served = Served::start(scenario("")).await;
    let bot = Bot(&served);
    let mut socket = bot.socket().await;
    let ready = socket.identify(INTENTS).await;
    assert_eq!(socket.event("GUILD_CREATE").await["d"]["channels"][0]["name"], "general");
    bot.play(json!({"do": "say", "user": ADA, "channel": "general", "text": "not for you"})).await;
    let quiet = socket.event("MESSAGE_CREATE").await;
    assert_eq!((&quiet["d"]["content"], &quiet["d"]["guild_id"]), (&json!(""), &ready["guilds"][0]["id"]));
    bot.play(json!({"do": "say", "user": ADA, "channel": "general", "text": "status", "mention": true})).await;
    let named = socket.event("MESSAGE_CREATE").await;
    assert!(named["d"]["content"].as_str().unwrap().ends_with("> status"));
    bot.play(json!({"do": "say", "user": ADA, "channel": "dm", "text": "status"})).await;
    let direct = socket.event("MESSAGE_CREATE").await["d"].clone();
    assert_eq!((&direct["content"], direct.get("guild_id")), (&json!("status"), None));
    let message = direct["id"].as_str().unwrap();
    bot.play(json!({"do": "react", "user": ADA, "channel": "dm", "message": message, "emoji": "👍"})).await;
    assert_eq!(socket.event("MESSAGE_REACTION_ADD").await["d"]["emoji"]["name"], "👍");
    bot.play(json!({"do": "edit", "user": ADA, "channel": "dm", "message": message, "text": "why"})).await;
    assert_eq!(socket.event("MESSAGE_UPDATE").await["d"]["content"], "why");
    let mut reader = bot.socket().await;
    reader.identify(INTENTS | CONTENT).await;
    bot.play(json!({"do": "say", "user": ADA, "channel": "general", "text": "read"})).await;
    assert_eq!(reader.event("MESSAGE_CREATE").await["d"]["content"], "read");
}

#[tokio::test]
async fn a_session_resumes_where_it_was_until_it_is_invalid() {
    let served = Served::start(scenario("")).await;
    let bot = Bot(&served);
    let mut socket = bot.socket().await;
    let ready = socket.identify(INTENTS).await;
    let seq = socket.event("GUILD_CREATE").await["s"].clone();
    bot.play(json!({"do": "drop"})).await;
    assert_eq!(socket.next().await["closed"], Value::Null);
    bot.play(json!({"do": "say", "user": ADA, "channel": "dm", "text": "while you were away"})).await;
    let resume = json!({"token": "a.b.c", "session_id": ready["session_id"], "seq": seq});
    let mut socket = bot.socket().await;
    socket.send(6, resume.clone()).await;
    assert_eq!(socket.event("MESSAGE_CREATE").await["d"]["content"], "while you were away");
    socket.event("RESUMED").await;
    socket.send(1, json!(3)).await;
    assert_eq!(socket.next().await["op"], 11);
    bot.play(json!({"do": "acks", "withheld": true})).await;
    socket.send(1, json!(3)).await;
    bot.play(json!({"do": "reconnect"})).await;
    assert_eq!(socket.next().await["op"], 7, "no acknowledgement before it");
    bot.play(json!({"do": "invalidate"})).await;
    assert_eq!(socket.next().await, json!({"op": 9, "d": false}));
    let mut socket = bot.socket().await;
    socket.send(6, resume).await;
    assert_eq!((&socket.next().await["op"], 9), (&json!(9), 9));
    bot.play(json!({"do": "token", "token": "x.y.z"})).await;
    let mut socket = bot.socket().await;
    socket.send(2, json!({"token": "a.b.c", "intents": 1, "properties": {}})).await;
    assert_eq!(socket.next().await["closed"], 4004);
}
