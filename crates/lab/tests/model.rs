//! The model proxy over real HTTP, in LiteLLM's recorded shapes.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Served, scenario};

async fn served(rules: Value) -> Served {
    let served = Served::start(scenario("")).await;
    order(&served, rules).await;
    served
}

async fn order(served: &Served, rules: Value) {
    let (status, body) = served.ask(Method::POST, "/_lab/model", Some(rules)).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
}

fn question(text: &str) -> Value {
    json!({"model": "chat", "messages": [{"role": "user", "content": text}]})
}

fn streaming(text: &str) -> Value {
    let mut body = question(text);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    body
}

async fn chat(served: &Served, body: Value) -> (StatusCode, Value) {
    served.ask(Method::POST, "/v1/chat/completions", Some(body)).await
}

/// Everything a stream said before its end, and whether that was a clean one.
async fn stream(served: &Served, body: Value) -> (String, bool) {
    let request = served.request(Method::POST, "/v1/chat/completions").json(&body);
    let mut response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let mut text = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => text.extend_from_slice(&chunk),
            Ok(None) => return (String::from_utf8(text).unwrap(), true),
            Err(_) => return (String::from_utf8_lossy(&text).into_owned(), false),
        }
    }
}

fn events(text: &str) -> Vec<Value> {
    let data = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn an_answer_has_the_recorded_form_streamed_and_whole() {
    let served = served(json!([{"match": "hello", "text": "Good day to you.",
        "tool_calls": [{"name": "search", "arguments": {"q": "x y"}}]}]))
    .await;
    let request = served.request(Method::POST, "/v1/chat/completions").json(&question("hello there"));
    let response = request.send().await.unwrap();
    let cost: f64 = response.headers()["x-litellm-response-cost"].to_str().unwrap().parse().unwrap();
    let whole: Value = response.json().await.unwrap();
    let choice = &whole["choices"][0];
    assert_eq!(choice["message"]["content"], "Good day to you.");
    assert_eq!(
        choice["message"]["tool_calls"][0]["function"],
        json!({"name": "search", "arguments": "{\"q\":\"x y\"}"})
    );
    assert_eq!((&choice["finish_reason"], &whole["created"]), (&json!("tool_calls"), &json!(1_767_600_000)));
    assert!(cost > 0.0);

    let (text, clean) = stream(&served, streaming("hello there")).await;
    assert!(clean && text.ends_with("data: [DONE]\n\n"), "{text}");
    let events = events(&text);
    let deltas = events.iter().map(|event| &event["choices"][0]["delta"]);
    let words: String = deltas.clone().filter_map(|delta| delta["content"].as_str()).collect();
    let pieces: String = deltas.filter_map(|delta| delta["tool_calls"][0]["function"]["arguments"].as_str()).collect();
    assert_eq!((words.as_str(), pieces.as_str()), ("Good day to you.", r#"{"q":"x y"}"#));
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([{"index": 0, "delta": {}}]), "the usage comes with a choice");
    assert_eq!(last["usage"]["cost"], json!(cost));
}

#[tokio::test]
async fn refusals_have_the_recorded_forms() {
    let kinds = [
        ("too_long", 400, "invalid_request_error"),
        ("bad_key", 400, "no_db_connection"),
        ("no_key", 401, "auth_error"),
        ("unauthorized", 401, "authentication_error"),
        ("timeout", 408, "invalid_request_error"),
        ("rate_limited", 429, "throttling_error"),
        ("server_error", 500, "internal_server_error"),
        ("refused", 500, "internal_server_error"),
    ];
    let served = Served::start(scenario("")).await;
    for (kind, status, named) in kinds {
        order(&served, json!([{"error": kind, "retry_after": 7}])).await;
        let response = served.request(Method::POST, "/v1/chat/completions").json(&streaming("x")).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{kind}");
        assert_eq!(response.headers()["llm_provider-retry-after"], "7");
        let body: Value = response.json().await.unwrap();
        assert_eq!(
            (&body["error"]["type"], &body["error"]["code"]),
            (&json!(named), &json!(status.to_string())),
            "{kind}"
        );
    }
    let (status, body) = chat(&served, json!({"model": "nope", "messages": []})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("Invalid model name passed in model=nope"), "{body}");
    let (status, body) = chat(&served, json!({"model": "chat"})).await;
    assert_eq!((status, &body["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("messages")));
    let bare = served.plain(Method::POST, "/v1/chat/completions").json(&question("x")).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(served.ask(Method::GET, "/v1/chat/completions", None).await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        served.ask(Method::GET, "/v1/nope", None).await,
        (StatusCode::NOT_FOUND, json!({"detail": "Not Found"}))
    );
}

#[tokio::test]
async fn an_answer_is_cut_emptied_or_withheld_as_ordered() {
    let served = served(json!([
        {"match": "close", "text": "one two three four", "cut_after": 400},
        {"match": "break", "text": "one two three four", "cut_after": 700, "cut": "error"},
        {"match": "empty", "do": "empty"},
        {"match": "garbage", "do": "garbage"},
        {"match": "hang", "do": "hang"},
        {"match": "slow", "text": "a b", "delay_ms": 5},
        {"match": "twice", "text": "ordered", "times": 1},
    ]))
    .await;
    let (text, clean) = stream(&served, streaming("close")).await;
    assert!(!clean && text.len() == 400, "{} bytes: {text}", text.len());
    let (text, clean) = stream(&served, streaming("break")).await;
    assert!(clean && !text.contains("[DONE]"), "{text}");
    let events_of = events(&text);
    assert_eq!(events_of.last().unwrap()["error"]["code"], "500");
    for word in ["empty", "garbage"] {
        let (text, _) = stream(&served, streaming(word)).await;
        let said = events(&text)
            .iter()
            .any(|event| event["choices"][0]["delta"]["content"].as_str().is_some_and(|s| !s.is_empty()));
        assert!(!said && text.ends_with("data: [DONE]\n\n"), "{word}: {text}");
    }
    assert_eq!(chat(&served, question("garbage")).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    let withheld = tokio::time::timeout(Duration::from_millis(200), chat(&served, question("hang"))).await;
    assert!(withheld.is_err(), "no answer");
    assert!(stream(&served, streaming("slow")).await.1);
    let said = |(_, body): (StatusCode, Value)| body["choices"][0]["message"]["content"].clone();
    assert_eq!(said(chat(&served, question("twice")).await), "ordered");
    assert_ne!(said(chat(&served, question("twice")).await), "ordered", "used up");
}

#[tokio::test]
async fn the_same_question_gets_the_same_answer_and_is_no_effect() {
    let served = Served::start(scenario("")).await;
    let tools = json!([{"type": "function", "function": {"name": "commits", "description": "Commits of the repository",
        "parameters": {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}}}}}]);
    let mut body = question("what changed in web/form2.ts?");
    body["tools"] = tools;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (_, answer) = chat(&served, body.clone()).await;
        answers.push(answer["choices"][0]["message"]["tool_calls"][0]["function"].clone());
    }
    assert_eq!(answers[0], json!({"name": "commits", "arguments": "{\"path\":\"web/form2.ts\"}"}));
    assert_eq!(answers[0], answers[1]);
    assert!(served.client.effects().await.unwrap().is_empty());
    let told = served.get("/_lab/model").await;
    assert_eq!((&told["calls"], &told["last"][1]["body"]["messages"][0]["role"]), (&json!(2), &json!("user")));
}

#[tokio::test]
async fn tools_are_called_for_ever_when_ordered() {
    let served = served(json!([{"match": "on and on", "do": "endless"}, {"match": "again", "do": "repeat"}])).await;
    for (text, same) in [("on and on", false), ("again", true)] {
        let mut body = question(text);
        body["tools"] = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
        let mut seen = Vec::new();
        for _ in 0..3 {
            let (_, answer) = chat(&served, body.clone()).await;
            seen.push(answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].clone());
        }
        assert_eq!(seen[0] == seen[1], same, "{text}: {seen:?}");
    }
}

#[tokio::test]
async fn embeddings_come_as_numbers_or_packed() {
    use base64::Engine as _;
    let served = Served::start(scenario("")).await;
    let ask = |format: &str| {
        let body = json!({"model": "embedder", "input": ["sign-ups fell", "sign-ups fell again", "a red build"], "encoding_format": format});
        served.ask(Method::POST, "/v1/embeddings", Some(body))
    };
    let (_, plain) = ask("float").await;
    let numbers = |at: usize| -> Vec<f64> {
        plain["data"][at]["embedding"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let near = |a: usize, b: usize| numbers(a).iter().zip(numbers(b)).map(|(x, y)| x * y).sum::<f64>();
    assert!(near(0, 1) > near(0, 2), "shared words lie near each other");
    let (_, packed) = ask("base64").await;
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(packed["data"][0]["embedding"].as_str().unwrap()).unwrap();
    let first = f32::from_le_bytes(bytes[..4].try_into().unwrap());
    assert!((f64::from(first) - numbers(0)[0]).abs() < 1e-6);
    assert_eq!(bytes.len(), numbers(0).len() * 4);
}

#[tokio::test]
async fn the_proxy_tells_its_models_and_health() {
    let served = Served::start(scenario("")).await;
    let models = served.get("/v1/models").await;
    let ids: Vec<&str> = models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["chat", "chat-small", "router", "tip-generator", "embedder", "judge"]);
    order(&served, json!({"models": ["mine"]})).await;
    assert_eq!(served.get("/v1/models").await["data"][0]["id"], "mine");
    for path in ["/health/liveliness", "/health/liveness"] {
        let response = served.plain(Method::GET, path).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "\"I'm alive!\"");
    }
    assert_eq!(served.get("/health/readiness").await, json!({"status": "healthy", "db": "Not connected"}));
    assert_eq!(served.get("/health").await["healthy_count"], 1);
    assert_eq!(served.plain(Method::GET, "/health").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_bad_rule_is_refused_with_the_remedy() {
    let served = Served::start(scenario("")).await;
    for (body, part) in [
        (json!("x"), "for example"),
        (json!([{"do": "shout"}]), "analyst"),
        (json!([{"regex": "("}]), "not a regular expression"),
        (json!([{"text": "a", "do": "empty"}]), "one way"),
        (json!([{"match": "a", "reply": "b"}]), "reply"),
        (json!([{"error": "418"}]), "rate_limited"),
    ] {
        let (status, answer) = served.ask(Method::POST, "/_lab/model", Some(body.clone())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer["error"].as_str().unwrap().contains(part), "{body}: {answer}");
    }
}

#[tokio::test]
async fn an_outage_of_the_model_is_one_of_the_proxys_own() {
    let outage = |hour: f64, mode: &str| {
        format!("[[outage]]\nat = {hour}\nminutes = 30\nservice = \"model\"\nmode = \"{mode}\"\n")
    };
    let served = Served::start(scenario(&[outage(1.0, "429"), outage(2.0, "5xx")].concat())).await;
    for (at, status, kind) in [
        ("09:10", StatusCode::TOO_MANY_REQUESTS, "throttling_error"),
        ("10:10", StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error"),
    ] {
        served.client.advance(&format!("2026-01-05T{at}:00Z")).await.unwrap();
        let (told, body) = chat(&served, question("x")).await;
        assert_eq!((told, &body["error"]["type"]), (status, &json!(kind)));
    }
}
