//! Everything a real LiteLLM proxy (1.106.2) answered, replayed through the adapter, each with what is made of it.

use std::{fs, path::Path};

use wakeman_gateway::ports::Model;

use crate::litellm::{adapter, ask, request, told};
use crate::support::{Fake, NOW, Say};

/// A recording: the request's target, and the answer as it goes over the wire.
pub struct Recorded {
    pub target: String,
    /// Status line and headers that matter, without a length.
    pub head: String,
    pub body: String,
}

pub fn recorded(name: &str) -> Recorded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/litellm").join(format!("{name}.http"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let target = text.lines().next().and_then(|line| line.split(' ').nth(3)).expect("a target").to_owned();
    let answer = &text[text.find("HTTP/1.1 ").expect("a status line")..];
    let (head, body) = answer.split_once("\n\n").expect("a body");
    let kept = head.lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !["date", "content-length", "transfer-encoding"].contains(&name.as_str())
    });
    let head = kept.map(|line| format!("{line}\r\n")).collect::<String>().replacen(" \r\n", "\r\n", 1);
    let head = head.replacen("\r\n", " Recorded\r\n", 1);
    let length = answer.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let body = length.map_or_else(|| format!("{}\n\n", body.trim_end()), |length: usize| body[..length].to_owned());
    Recorded { target, head, body }
}

impl Recorded {
    fn say(&self) -> Say {
        let whole =
            format!("{}content-length: {}\r\nconnection: close\r\n\r\n{}", self.head, self.body.len(), self.body);
        Say::Raw(whole.into_bytes())
    }
}

async fn outcome(name: &str) -> String {
    let recorded = recorded(name);
    let fake = Fake::always(recorded.say()).await;
    let model = adapter(&fake.address);
    let deadline = NOW.plus_ms(600_000);
    let outcome = if recorded.target.ends_with("/chat/completions") {
        told(&ask(&model, &request("hi")).await.0)
    } else if recorded.target.ends_with("/embeddings") {
        let count = recorded.body.matches("\"object\":\"embedding\"").count().max(1);
        let texts = vec!["a".to_owned(); count];
        match model.embed("embedder", &texts, deadline).await {
            Ok(done) => format!("{} vectors of {} ${:?}", done.vectors.len(), done.vectors[0].len(), done.cost_usd),
            Err(error) => format!("{error:?}"),
        }
    } else {
        format!("{:?}", model.aliases(deadline).await)
    };
    format!("{name}: {}x {outcome}", fake.calls())
}

#[tokio::test]
async fn every_recorded_answer_comes_to_what_it_means() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/litellm");
    let files = fs::read_dir(folder).expect("the recordings");
    let mut names: Vec<String> =
        files.filter_map(|file| file.ok()?.file_name().to_str()?.strip_suffix(".http").map(str::to_owned)).collect();
    names.sort();
    let mut table = String::new();
    for name in &names {
        table += &outcome(name).await;
        table += "\n";
    }
    insta::assert_snapshot!(table, @r###"
    chat_mock_429_inline: 1x Stop "{"verdict":"pass","score":4}" 10+20 $0.000013 by judge
    chat_mock_judge: 1x Stop "{"verdict":"pass","score":4}" 10+20 $0.000013 by judge
    chat_mock_judge_stream: 1x Stop "{"verdict":"pass","score":4}" ?+? $? by judge
    chat_mock_tool_inline: 1x Stop "{"verdict":"pass","score":4}" 10+20 $0.000013 by judge
    chat_ok: 1x Stop "Hello from the fake upstream." 11+7 $0.000025 by tip-generator
    chat_ok_stream: 1x Stop "Hello from the fake upstream. " ?+? $? by tip-generator
    chat_ok_stream_usage: 1x Stop "Hello from the fake upstream. " 11+7 $0.000025 by tip-generator
    chat_tool: 1x ToolCalls "" search#call_fake1({"q": "hello world"}) 11+7 $0.000025 by tool-caller
    chat_tool_result: 1x Stop "done after tool" 11+7 $0.000025 by tool-caller
    chat_tool_stream: 1x ToolCalls "" search#call_fake1({"q": "hello world"}) 11+7 $0.000025 by tool-caller
    embeddings_base64: 1x 1 vectors of 8 $Some(5e-7)
    embeddings_ok: 1x 2 vectors of 8 $Some(1e-6)
    err_400: 1x TooLong { reason: "400, This model's maximum context length is 8192 tokens." }
    err_400_stream: 1x TooLong { reason: "400, This model's maximum context length is 8192 tokens." }
    err_401: 1x Denied { reason: "401, Incorrect API key provided; it is the proxy's own key for chat that is refused" }
    err_401_stream: 1x Denied { reason: "401, Incorrect API key provided; it is the proxy's own key for chat that is refused" }
    err_404: 1x Err(Rejected { reason: "404, Not Found; is LITELLM_URL right?" })
    err_429: 3x Limited { reason: "429, Rate limit reached for requests", until: Some(Timestamp(1767600021000)) }
    err_429_stream: 3x Limited { reason: "429, Rate limit reached for requests", until: Some(Timestamp(1767600021000)) }
    err_500: 3x Unavailable { reason: "500, The server had an error while processing your request" }
    err_500_stream: 3x Unavailable { reason: "500, The server had an error while processing your request" }
    err_bad_json: 1x Rejected { reason: "400, Invalid JSON payload: unexpected character, expected a string key: line 1 column 2 (char 1)" }
    err_bad_key: 1x Denied { reason: "400, No connected db." }
    err_bad_key_noprefix: 1x Denied { reason: "400, No connected db." }
    err_cut_nostream: 1x ToolCalls "" search#call_fake1({"q": "hello world"}) 11+7 $? by up-cut
    err_cut_stream: 3x Cut { text: "", reason: "500, Response payload is not completed: <TransferEncodingError: 400, message='Not enough data to satisfy transfer length header.'>" }
    err_embeddings_unknown: 1x Rejected { reason: "400, /embeddings: Invalid model name passed in model=nope. Call `/v1/models` to view available models for your key." }
    err_garbage: 3x Unavailable { reason: "500, Empty or invalid response from LLM endpoint. Received: '<html>hi<'. Check the reverse proxy or model server configuration." }
    err_garbage_stream: 3x Empty
    err_method: 1x Rejected { reason: "405, Method Not Allowed; is LITELLM_URL right?" }
    err_no_key: 1x Denied { reason: "401, Authentication Error, No api key passed in." }
    err_no_messages: 1x Rejected { reason: "400, /chat/completions: Missing required parameter: 'messages'." }
    err_no_model: 1x Rejected { reason: "400, /chat/completions: Invalid model name passed in model=None. Call `/v1/models` to view available models for your key." }
    err_refused: 3x Unavailable { reason: "500, Connection error." }
    err_refused_stream: 3x Unavailable { reason: "500, Connection error." }
    err_slow: 3x Unavailable { reason: "408, litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed out. - timeout value=2.0, time taken=2.01 seconds" }
    err_slow_stream: 3x Unavailable { reason: "408, litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed out." }
    err_unknown_model: 1x Rejected { reason: "400, /chat/completions: Invalid model name passed in model=nope. Call `/v1/models` to view available models for your key." }
    fallback_ok: 1x Stop "Hello from the fake upstream." 11+7 $0.000025 by tip-generator
    fallback_ok_stream: 1x Stop "Hello from the fake upstream. " ?+? $? by tip-generator
    health: 3x Err(Unavailable { reason: "a list of models without `data`" })
    health_liveliness: 3x Err(Unavailable { reason: "a list of models without `data`" })
    health_liveness: 3x Err(Unavailable { reason: "a list of models without `data`" })
    health_nokey: 1x Err(Denied { reason: "401, Authentication Error, No api key passed in." })
    health_readiness: 3x Err(Unavailable { reason: "a list of models without `data`" })
    lag_stream: 1x Stop "Hello from the fake upstream. " ?+? $? by up-lag
    metrics: 1x Err(Rejected { reason: "404, Not Found; is LITELLM_URL right?" })
    models: 1x Ok(["tip-generator", "tool-caller", "embedder", "judge", "up-429", "up-500", "up-400", "up-401", "up-slow", "up-lag", "up-cut", "up-garbage", "up-refused", "fb-primary"])
    timeout_header: 3x Unavailable { reason: "408, litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed out. - timeout value=1.0, time taken=1.0 seconds" }
    timeout_param: 3x Unavailable { reason: "408, litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed out. - timeout value=1.0, time taken=1.02 seconds" }
    "###);
}
