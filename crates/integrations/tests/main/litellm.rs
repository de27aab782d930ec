//! The LiteLLM adapter: what it sends, and the odd shapes it takes.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use serde_json::json;
use wakeman_gateway::ports::{
    Bill, Clock, Completion, Model, ModelError, ModelMessage, ModelRequest, SystemClock, SystemRandom, ToolCall,
    ToolSpec,
};
use wakeman_integrations::{Litellm, LitellmOptions, check_litellm};
use wakeman_types::Timestamp;

use crate::support::{Fake, NOW, SECRET, Say, Seen, StillClock, nobody};

/// How long a call may take, by a clock that does not move by itself.
const LIMIT_MS: i64 = 600_000;

/// A clock that jumps over pauses; a deadline never comes.
pub struct Jumping(Arc<StillClock>);

impl Jumping {
    pub fn new(clock: Arc<StillClock>) -> Self {
        Self(clock)
    }
}

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        if at.since(self.now()) > 9_000 {
            return Box::pin(std::future::pending());
        }
        self.0.sleep_until(at)
    }
}

pub fn adapter_with(url: &str, key: Option<&str>, clock: Arc<dyn Clock>) -> Litellm {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = key.map(|key| key.to_owned().into());
    let options = LitellmOptions { url: url.to_owned(), key, clock, random: Arc::new(SystemRandom::from_seed(1)) };
    Litellm::new(options).expect("an adapter")
}

pub fn adapter(url: &str) -> Litellm {
    adapter_with(url, Some(SECRET), Arc::new(Jumping(StillClock::new())))
}

/// The plainest request.
pub fn request(question: &str) -> ModelRequest {
    ModelRequest {
        alias: "chat".to_owned(),
        fallback: None,
        messages: vec![ModelMessage::System("Be brief.".to_owned()), ModelMessage::User(question.to_owned())],
        tools: Vec::new(),
        output: None,
        temperature: None,
        max_tokens: 800,
        deadline: NOW.plus_ms(LIMIT_MS),
        trace: *b"0123456789abcdef",
    }
}

/// Asks; the outcome and the words as they came.
pub async fn ask(model: &Litellm, request: &ModelRequest) -> (Result<Completion, ModelError>, String) {
    let heard = Mutex::new(String::new());
    let outcome = model.complete(request, &|words: &str| heard.lock().expect("words").push_str(words)).await;
    (outcome.map_err(|failure| failure.error), heard.into_inner().expect("words"))
}

/// An outcome on one line.
pub fn told(outcome: &Result<Completion, ModelError>) -> String {
    match outcome {
        Ok(done) => {
            let calls = done.calls.iter().map(|call| format!(" {}#{}({})", call.name, call.id, call.arguments));
            let tokens = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
            let cost = done.bill.cost_usd.map_or("?".to_owned(), |cost| format!("{cost:.6}"));
            let (read, written) = (tokens(done.bill.prompt_tokens), tokens(done.bill.completion_tokens));
            let calls = calls.collect::<String>();
            let half = done.cut_call.as_ref().map(|name| format!(" half of {name}")).unwrap_or_default();
            format!("{:?} \"{}\"{calls}{half} {read}+{written} ${cost} by {}", done.finish, done.text, done.alias)
        }
        Err(error) => format!("{error:?}"),
    }
}

/// A stream of these events, then a clean end.
fn events(events: &[&str]) -> Say {
    let body = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    Say::Text(200, "text/event-stream", body)
}

#[tokio::test]
async fn a_request_says_everything_it_should_and_goes_to_the_right_place() {
    for (path, target) in [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/proxy/v1", "/proxy/v1/chat/completions"),
    ] {
        let fake = Fake::always(events(&[r#"{"choices":[{"delta":{"content":"ok"}}]}"#, "[DONE]"])).await;
        let call = ToolCall { id: "c1".to_owned(), name: "look".to_owned(), arguments: "{}".to_owned() };
        let mut full = request("why?");
        full.messages.push(ModelMessage::Assistant { text: String::new(), calls: vec![call] });
        full.messages.push(ModelMessage::Tool { call_id: "c1".to_owned(), content: "42".to_owned() });
        let parameters = json!({"type": "object"});
        full.tools.push(ToolSpec { name: "look".to_owned(), description: "Looks".to_owned(), parameters });
        full.output = Some(json!({"type": "object"}));
        full.temperature = Some(0.2);
        let (outcome, _) = ask(&adapter(&format!("{}{path}", fake.address)), &full).await;
        assert_eq!(told(&outcome), "Stop \"ok\" ?+? $? by chat");
        let seen = &fake.seen()[0];
        assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", target));
        assert_eq!(seen.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
        assert_eq!(seen.header("x-litellm-timeout"), None, "the alias's own time-out holds");
        let trace = seen.header("traceparent").expect("a trace");
        assert!(trace.starts_with("00-30313233343536373839616263646566-") && trace.ends_with("-01"), "{trace}");
        assert_eq!(trace.len(), 55);
        assert_eq!(
            seen.body,
            json!({
                "model": "chat", "max_tokens": 800, "temperature": 0.2, "stream": true,
                "stream_options": {"include_usage": true},
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "why?"},
                    {"role": "assistant", "content": null, "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
                    {"role": "tool", "tool_call_id": "c1", "content": "42"},
                ],
                "tools": [{"type": "function", "function": {"name": "look", "description": "Looks", "parameters": {"type": "object"}}}],
                "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
            })
        );
    }
    let fake = Fake::always(events(&["[DONE]"])).await;
    let mut bare = request("hi");
    bare.trace = [0; 16];
    let _ = ask(&adapter_with(&fake.address, None, Arc::new(Jumping(StillClock::new()))), &bare).await;
    let seen = &fake.seen()[0];
    assert_eq!((seen.header("authorization"), seen.header("traceparent")), (None, None));
}

const START: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;

#[tokio::test]
async fn odd_shapes_are_taken_as_they_are_meant() {
    let cases: &[(&str, &[&str], &str)] = &[
        (
            "no index, id and name repeated",
            &[
                START,
                r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\""}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":":1}"}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
                "[DONE]",
            ],
            r#"ToolCalls "" f#a({"x":1}) g#b({}) ?+? $? by chat"#,
        ),
        (
            "neither index nor id after the first piece",
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":""}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}"#,
                "[DONE]",
            ],
            r#"ToolCalls "" f#a({}) ?+? $? by chat"#,
        ),
        (
            "two calls under one number",
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]}}]}"#,
                "[DONE]",
            ],
            r#"ToolCalls "" f#a({}) g#b({}) ?+? $? by chat"#,
        ),
        (
            "pieces of two calls in turn, no id, arguments as an object, an unknown reason",
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"name":"g","arguments":""}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":{"x":1}}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]},"finish_reason":"because"}]}"#,
                "[DONE]",
            ],
            r#"ToolCalls "" g#call_1({}) f#call_2({"x":1}) ?+? $? by chat"#,
        ),
        (
            "created as a float or absent, usage in an event with choices, numbers as texts",
            &[
                r#"{"created":1795203179.25,"choices":[{"delta":{"content":"a "}}]}"#,
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":"b"}]},"finish_reason":"eos"}]}"#,
                r#"{"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":11.0,"completion_tokens":"7","cost":"0.5"}}"#,
                "[DONE]",
            ],
            r#"Stop "a b" 11+7 $0.500000 by chat"#,
        ),
        (
            "a reason to stop and a clean end without [DONE]",
            &[r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#],
            r#"Stop "a" ?+? $? by chat"#,
        ),
        (
            "stopped in the middle of the second call",
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{\"x\":"}}]},"finish_reason":"length"}]}"#,
                "[DONE]",
            ],
            r#"Length "" f#a({}) half of g ?+? $? by chat"#,
        ),
        (
            "nothing but half a call",
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{\"x\":"}}]},"finish_reason":"length"}]}"#,
                "[DONE]",
            ],
            r#"Length "" half of g ?+? $? by chat"#,
        ),
        (
            "the host's filter",
            &[r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#, "[DONE]"],
            r#"Filtered "" ?+? $? by chat"#,
        ),
        (
            "a second answer that nobody asked for",
            &[r#"{"choices":[{"index":1,"delta":{"content":"no"}},{"index":0,"delta":{"content":"yes"}}]}"#, "[DONE]"],
            r#"Stop "yes" ?+? $? by chat"#,
        ),
        ("a call of nothing", &[r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, "[DONE]"], "Empty"),
        ("only blanks", &[r#"{"choices":[{"delta":{"content":" \n"},"finish_reason":"stop"}]}"#, "[DONE]"], "Empty"),
        (
            "an error first",
            &[r#"{"error":{"message":"Rate limit reached","code":"429"}}"#],
            r#"Limited { reason: "429, Rate limit reached", until: None }"#,
        ),
        (
            "an error after words, its code a number",
            &[
                r#"{"choices":[{"delta":{"content":"It fell"}}]}"#,
                r#"{"error":{"message":"upstream is gone","code":502}}"#,
            ],
            r#"Cut { text: "It fell", reason: "502, upstream is gone" }"#,
        ),
        (
            "no JSON",
            &[r#"{"choices":[{"delta":{"content":"It fell"}}]}"#, "<html>"],
            r#"Cut { text: "It fell", reason: "an event that is not JSON" }"#,
        ),
    ];
    for (name, said, want) in cases {
        let fake = Fake::always(events(said)).await;
        let (outcome, heard) = ask(&adapter(&fake.address), &request("hi")).await;
        assert_eq!(&told(&outcome), want, "{name}");
        let text = match &outcome {
            Ok(Completion { text, .. }) | Err(ModelError::Cut { text, .. }) => text,
            Err(_) => continue,
        };
        assert_eq!(text, &heard, "{name}: what was passed on is what is told in the end");
    }
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart() {
    let page = || "<!DOCTYPE html><html><body>Sign in</body></html>".to_owned();
    for (say, want, calls) in [
        (
            Say::Text(200, "text/html", page()),
            r#"Unavailable { reason: "a web page instead of an answer; is LITELLM_URL right?" }"#,
            3,
        ),
        (Say::Text(502, "text/html", page()), r#"Unavailable { reason: "502, a web page" }"#, 3),
        (
            Say::Text(500, "text/plain", "Internal Server Error".to_owned()),
            r#"Unavailable { reason: "500, Internal Server Error" }"#,
            3,
        ),
        (
            Say::Text(200, "application/json", "{".to_owned()),
            r#"Unavailable { reason: "an answer that is not JSON" }"#,
            3,
        ),
        (Say::Json(200, json!({"error": "busy", "code": 503})), r#"Unavailable { reason: "503, busy" }"#, 3),
        (
            Say::Json(403, json!({"error": {"message": "budget exceeded"}})),
            r#"Denied { reason: "403, budget exceeded" }"#,
            1,
        ),
        (
            Say::Text(403, "text/html", page()),
            r#"Unavailable { reason: "403, a web page; does a firewall stand before LITELLM_URL?" }"#,
            3,
        ),
        (Say::Json(422, json!({"detail": "no"})), r#"Rejected { reason: "422, no" }"#, 1),
        (Say::Json(413, json!({})), r#"TooLong { reason: "413" }"#, 1),
        (
            Say::Tagged(302, json!({}), vec![("location", "http://elsewhere.example/v1".to_owned())]),
            r#"Unavailable { reason: "302: LITELLM_URL redirects, and the key must not follow; set LITELLM_URL to the final address" }"#,
            3,
        ),
        (Say::Drop, r#"Unavailable { reason: "the connection broke before the whole answer was there" }"#, 3),
    ] {
        let fake = Fake::always(say.clone()).await;
        let (outcome, _) = ask(&adapter(&fake.address), &request("hi")).await;
        assert_eq!((told(&outcome).as_str(), fake.calls()), (want, calls), "{say:?}");
    }
    let (outcome, _) = ask(&adapter(&nobody().await), &request("hi")).await;
    assert_eq!(told(&outcome), r#"Unavailable { reason: "no connection" }"#);
}

#[tokio::test]
async fn the_wait_is_read_from_both_headers_and_the_longer_one_counts() {
    for (headers, wait_ms) in [
        (vec![("retry-after", "900".to_owned())], Some(900_000)),
        (vec![("llm_provider-retry-after", "900".to_owned())], Some(900_000)),
        (vec![("retry-after", "2".to_owned()), ("llm_provider-retry-after", "700".to_owned())], Some(700_000)),
    ] {
        let fake = Fake::always(Say::Tagged(429, json!({"error": {"message": "slow"}}), headers.clone())).await;
        let (outcome, _) = ask(&adapter(&fake.address), &request("hi")).await;
        let until = wait_ms.map(|wait| NOW.plus_ms(wait));
        assert_eq!(outcome, Err(ModelError::Limited { reason: "429, slow".to_owned(), until }), "{headers:?}");
        assert_eq!(fake.calls(), 1, "{headers:?}: longer than the deadline allows");
    }
    let once = |_: &_, nth| match nth {
        0 => Say::Tagged(429, json!({}), vec![("llm_provider-retry-after", "7".to_owned())]),
        _ => events(&[r#"{"choices":[{"delta":{"content":"ok"}}]}"#, "[DONE]"]),
    };
    let fake = Fake::start(once).await;
    let clock = StillClock::new();
    let model = adapter_with(&fake.address, None, Arc::new(Jumping(Arc::clone(&clock))));
    assert!(ask(&model, &request("hi")).await.0.is_ok());
    assert_eq!(clock.now(), NOW.plus_ms(7_000));
}

#[tokio::test]
async fn a_key_never_reaches_an_error_text() {
    let echo = format!("key {SECRET} of Bearer {SECRET} and sk-proj-0123456789abcdef");
    let body = json!({"error": {"message": echo, "type": "x", "code": "400"}});
    let stream = format!("data: {body}\n\n");
    for say in [400, 401, 429, 500].map(|status| Say::Json(status, body.clone())).into_iter().chain([
        Say::Json(200, body.clone()),
        Say::Text(200, "text/event-stream", stream),
        Say::Text(500, "text/plain", echo.clone()),
    ]) {
        let fake = Fake::always(say.clone()).await;
        let (outcome, _) = ask(&adapter(&fake.address), &request("hi")).await;
        let text = format!("{outcome:?} {}", outcome.clone().expect_err("a refusal"));
        assert!(!text.contains(SECRET) && !text.contains("0123456789abcdef"), "{text}");
        assert!(text.contains("[credential]"), "{say:?}: {text}");
    }
    let broken = LitellmOptions {
        url: "http://127.0.0.1:1".to_owned(),
        key: Some("two\nlines".to_owned().into()),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom::from_seed(1)),
    };
    let error = Litellm::new(broken).err().expect("a refusal").to_string();
    assert!(error.starts_with("LITELLM_MASTER_KEY") && !error.contains("lines"), "{error}");
}

#[tokio::test]
async fn a_refused_key_is_not_sent_again() {
    let fake = Fake::always(Say::Json(401, json!({"error": {"message": "no", "type": "auth_error"}}))).await;
    let model = adapter(&fake.address);
    for _ in 0..3 {
        assert_eq!(ask(&model, &request("hi")).await.0, Err(ModelError::Denied { reason: "401, no".to_owned() }));
    }
    let texts = ["a".to_owned()];
    assert!(model.embed("embedder", &texts, NOW.plus_ms(LIMIT_MS)).await.is_err());
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn an_alias_that_the_key_may_not_use_is_no_refused_key_and_the_fallback_answers() {
    let refusal = json!({"error": {"message": "key not allowed to access model. Tried to access chat",
        "type": "key_model_access_denied", "param": "model", "code": "401"}});
    for status in [401, 403] {
        let refusal = refusal.clone();
        let only_small = move |seen: &Seen, _: usize| match seen.body["model"].as_str() {
            Some("small") => events(&[r#"{"choices":[{"delta":{"content":"ok"}}]}"#, "[DONE]"]),
            _ => Say::Json(status, refusal.clone()),
        };
        let fake = Fake::start(only_small).await;
        let model = adapter(&fake.address);
        let reason = format!("{status}, the key may not use chat");
        for _ in 0..2 {
            let alone = ask(&model, &request("hi")).await.0;
            assert_eq!(alone, Err(ModelError::Rejected { reason: reason.clone() }), "no breaker");
        }
        let with_fallback = ModelRequest { fallback: Some("small".to_owned()), ..request("hi") };
        assert_eq!(told(&ask(&model, &with_fallback).await.0), r#"Stop "ok" ?+? $? by small"#);
    }
}

#[tokio::test]
async fn an_empty_answer_and_a_cut_one_are_billed_for_every_try() {
    let usage = r#""usage":{"prompt_tokens":11,"completion_tokens":7,"cost":"0.5"}"#;
    let empty = format!(r#"{{"choices":[{{"delta":{{"content":""}},"finish_reason":"stop"}}],{usage}}}"#);
    let cut = format!(r#"{{"choices":[{{"delta":{{"role":"assistant"}}}}],{usage}}}"#);
    let bill = Bill { prompt_tokens: Some(11), completion_tokens: Some(7), cost_usd: Some(0.5) };
    for said in [vec![empty.as_str(), "[DONE]"], vec![cut.as_str()]] {
        let fake = Fake::always(events(&said)).await;
        let failure = adapter(&fake.address).complete(&request("hi"), &|_: &str| {}).await.expect_err("nothing in it");
        assert_eq!(failure.billed, [bill; 3], "{said:?}: {failure}");
        let (first, said) = (events(&said), [r#"{"choices":[{"delta":{"content":"ok"}}]}"#, "[DONE]"]);
        let fake = Fake::start(move |_, nth| if nth == 0 { first.clone() } else { events(&said) }).await;
        let done = adapter(&fake.address).complete(&request("hi"), &|_: &str| {}).await.expect("an answer");
        assert_eq!((done.earlier, done.bill), (vec![bill], Bill::default()));
    }
}

#[tokio::test]
async fn a_host_that_hangs_is_left_at_the_deadline() {
    for say in [Say::Hang, Say::Truncated(200)] {
        let fake = Fake::start(move |_, nth| if nth == 0 { say.clone() } else { Say::Hang }).await;
        let model = adapter_with(&fake.address, Some(SECRET), Arc::new(SystemClock));
        let mut hasty = request("hi");
        hasty.deadline = SystemClock.now().plus_ms(700);
        let ModelError::TimedOut { limit_ms } = ask(&model, &hasty).await.0.expect_err("no answer") else {
            panic!("a hang is no other error")
        };
        assert!((1..=700).contains(&limit_ms), "{limit_ms}");
    }
}

#[tokio::test]
async fn doctor_names_the_aliases_that_nobody_serves() {
    let served = json!({"data": [{"id": "chat"}, {"id": "embedder"}], "object": "list"});
    let wanted = ["chat", "router"].map(str::to_owned);
    let lines = |outcome: wakeman_integrations::CheckOutcome| {
        outcome.checks.into_iter().map(|check| (check.name, check.detail, check.remedy)).collect::<Vec<_>>()
    };
    let fake = Fake::always(Say::Json(200, served)).await;
    let outcome = lines(check_litellm(&adapter(&fake.address), &wanted).await);
    assert_eq!(outcome[0], ("LiteLLM".to_owned(), "answers; serves chat, embedder".to_owned(), None));
    assert_eq!(outcome[1].1, "router is not served");
    assert!(outcome[1].2.as_ref().is_some_and(|remedy| remedy.contains("model_list")), "{outcome:?}");
    let fake = Fake::always(Say::Json(200, json!({"data": [{"id": "chat"}, {"id": "router"}]}))).await;
    assert!(check_litellm(&adapter(&fake.address), &wanted).await.ok());
    let fake = Fake::always(Say::Json(200, json!({"data": [{"id": "openai/*"}]}))).await;
    assert!(check_litellm(&adapter(&fake.address), &wanted).await.ok(), "a wildcard may serve anything");
    let outcome = lines(check_litellm(&adapter(&nobody().await), &wanted).await);
    assert!(outcome[0].1.contains("no connection") && outcome[0].2.is_some(), "{outcome:?}");
}
