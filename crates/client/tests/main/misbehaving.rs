//! Sockets behind which there is no Wakeman, or a broken one.

use std::{
    fs,
    os::unix::net::UnixListener as StdListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::StreamExt;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixListener,
};
use wakeman_client::{ConnectError, SocketClient};
use wakeman_types::{
    Admin, Channel, Chat, ErrorKind, FindingId, Findings, Frontend, ListRequest, LiveEvent, Principal,
};

const WELL: &str = r#"{"ok":true,"version":"0.1.0","components":{}}"#;

/// An answer with this status, type and body, after which the connection is closed.
fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// Listens in a fresh directory; answers `/healthz` with `health` and everything else with `rest`, byte for byte.
/// An empty text is never answered.
fn pretend(health: String, rest: String) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wakeman.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let texts = Arc::new((health, rest));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let texts = texts.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let length = stream.read(&mut head).await.unwrap_or(0);
                let healthz = head[..length].starts_with(b"GET /healthz");
                let text = if healthz { &texts.0 } else { &texts.1 };
                if length > 0 && text.is_empty() {
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(text.as_bytes()).await;
            });
        }
    });
    (dir, path)
}

async fn refusal(path: &Path) -> ConnectError {
    SocketClient::connect(path).await.expect_err("this is no daemon")
}

#[tokio::test]
async fn no_socket_a_dead_one_and_a_plain_file_mean_no_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, dead, file) = (dir.path().join("a/b.sock"), dir.path().join("dead"), dir.path().join("file"));
    drop(StdListener::bind(&dead).unwrap());
    fs::write(&file, "").unwrap();
    for path in [missing, dead, file] {
        let error = refusal(&path).await;
        assert!(error.is_no_daemon(), "{error:?}");
        let words = error.to_string();
        assert!(words.contains(path.to_str().unwrap()) && words.contains("wakeman run"), "{words}");
    }
}

#[tokio::test]
async fn a_path_no_socket_can_have_is_an_error_of_its_own() {
    let error = refusal(&Path::new("/tmp").join("x".repeat(200))).await;
    assert!(matches!(error, ConnectError::Io { .. }), "{error:?}");
}

#[tokio::test]
async fn a_refused_peer_is_told_whom_to_be() {
    let body = r#"{"type":"about:blank","title":"t","status":403,"detail":"this socket serves uid 7 and root"}"#;
    let (_dir, path) = pretend(answer("403 Forbidden", body), String::new());
    let error = refusal(&path).await;
    assert!(matches!(error, ConnectError::Denied { .. }) && !error.is_no_daemon(), "{error:?}");
    assert!(error.to_string().contains("serves uid 7"), "{error}");
}

#[tokio::test]
async fn what_does_not_answer_like_wakeman_is_not_taken_for_one() {
    let healths = [
        answer("200 OK", "<html>hello</html>"),
        answer("200 OK", "{}"),
        answer("404 Not Found", "{}"),
        answer("302 Found", WELL),
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{".to_owned(),
        "220 mail.example ESMTP\r\n".to_owned(),
    ];
    for health in healths {
        let (_dir, path) = pretend(health.clone(), String::new());
        let error = refusal(&path).await;
        assert!(matches!(error, ConnectError::Foreign { .. }), "{health}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_daemon_is_not_waited_for_and_not_taken_for_none() {
    let too_slow =
        r#"{"type":"about:blank","title":"t","status":503,"detail":"no answer within 15 s","kind":"unavailable"}"#;
    for health in [String::new(), answer("503 Service Unavailable", too_slow)] {
        let (_dir, path) = pretend(health, String::new());
        let error = refusal(&path).await;
        assert!(matches!(error, ConnectError::Silent { .. }) && !error.is_no_daemon(), "{error:?}");
    }
}

#[tokio::test]
async fn a_malformed_answer_names_the_route() {
    let problem = |kind: &str| {
        format!(r#"{{"type":"about:blank","title":"t","status":404,"detail":"there is no route here"{kind}}}"#)
    };
    let cases = [
        (answer("200 OK", "<html>"), "expected value"),
        (answer("200 OK", ""), "EOF"),
        (answer("200 OK", r#"{"finding":{}}"#), "missing field"),
        (answer("204 No Content", ""), "EOF"),
        (answer("502 Bad Gateway", "<html>"), "status 502 without a problem document"),
        (answer("301 Moved", ""), "status 301"),
        (answer("404 Not Found", &problem("")), "status 404: there is no route here"),
        (answer("404 Not Found", &problem(r#","kind":"from_the_future""#)), "status 404: there is no route here"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{".to_owned(), "broke off"),
        ("nonsense\r\n\r\n".to_owned(), "broke off"),
    ];
    for (rest, word) in cases {
        let (_dir, path) = pretend(answer("200 OK", WELL), rest.clone());
        let client = SocketClient::connect(&path).await.unwrap();
        let error = client.finding(&Principal::system(), FindingId::new(9)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{rest}");
        let named = error.message.contains("GET /api/v1/findings/F-9") && error.message.contains(word);
        assert!(named, "{rest}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_without_an_answer_is_not_called_undone() {
    let (_dir, path) = pretend(answer("200 OK", WELL), String::new());
    let client = SocketClient::connect(&path).await.unwrap();
    let by = Principal::system();
    let change = client.resolve(&by, FindingId::new(9)).await.unwrap_err().message;
    assert!(change.contains("took too long") && change.contains("look whether it was done"), "{change}");
    let read = client.threads(&by, ListRequest::default()).await.unwrap_err().message;
    assert!(read.contains("took too long") && read.contains("try again"), "{read}");
    assert!(client.status(&by).await.unwrap_err().message.contains("GET /api/v1/status"));
}

#[tokio::test]
async fn a_live_event_of_a_later_version_keeps_none_after_it_back() {
    let known = serde_json::to_string(&LiveEvent::Typing { chat: "1".to_owned() }).unwrap();
    let lines = format!("{{\"event\":\"of a later version\"}}\n\n[]\n{known}\n");
    let (_dir, path) = pretend(answer("200 OK", WELL), answer("200 OK", &lines));
    let client = SocketClient::connect(&path).await.unwrap();
    let events: Vec<LiveEvent> = client.live(Channel::Telegram).await.unwrap().collect().await;
    assert_eq!(serde_json::to_string(&events).unwrap(), format!("[{known}]"));
}
