//! The routes of the socket as an outsider sees them; the client's tests walk through all of them.

use std::{os::unix::fs::MetadataExt, path::PathBuf, sync::Arc};

use serde_json::json;
use tempfile::TempDir;
use tokio::{net::UnixStream, sync::oneshot, task::JoinHandle};
use wakeman_server::{Limits, bind_socket, serve_socket};

use crate::{
    fake::Fake,
    http::{Answer, exchange, request, request_with},
};

struct Running {
    path: PathBuf,
    fake: Arc<Fake>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    dir: TempDir,
}

async fn start() -> Running {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("storage/wakeman.sock");
    let socket = bind_socket(&path).unwrap();
    let fake = Arc::new(Fake::default());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(serve_socket(socket, fake.clone(), Limits::default(), async {
        let _ = stopped.await;
    }));
    Running { path, fake, stop, ended, dir }
}

impl Running {
    async fn ask(&self, request: &str) -> Answer {
        exchange(UnixStream::connect(&self.path).await.unwrap(), request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&request(&format!("GET {path}"), &[("Host", "localhost")])).await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(&request_with(&format!("POST {path}"), &[("Host", "localhost")], body)).await
    }

    /// The principal the daemon gives to this process.
    fn me(&self) -> String {
        format!("cli:{}", std::fs::metadata(self.dir.path()).unwrap().uid())
    }
}

#[tokio::test]
async fn the_peer_is_the_caller_and_no_token_is_asked_for() {
    let server = start().await;
    assert_eq!(server.get("/api/v1/whoami").await.status, 200);
    assert_eq!(server.get("/healthz").await.status, 200);
    assert_eq!(server.fake.calls(), [format!("whoami {}", server.me()), "status system:0".into()]);
}

#[tokio::test]
async fn lists_pass_their_query_on() {
    let server = start().await;
    assert_eq!(server.get("/api/v1/findings?state=open&cursor=a%20b&limit=7").await.status, 200);
    assert_eq!(server.get("/api/v1/threads").await.status, 200);
    let me = server.me();
    assert_eq!(
        server.fake.calls(),
        [format!("findings {me} state=open cursor=a b limit=7"), format!("threads {me} state=- cursor=- limit=0")]
    );
    for query in ["limit=x", "limit=-1", "stat=open", "state=a&state=b"] {
        let answer = server.get(&format!("/api/v1/findings?{query}")).await;
        assert_eq!((answer.status, &answer.json()["kind"]), (400, &json!("invalid")), "{query}: {}", answer.problem());
    }
    assert!(server.fake.calls().is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_reason() {
    let server = start().await;
    let decision = "/api/v1/proposals/P-31/decision";
    let cases = [
        (decision, r#"{"decision":"approve"}"#, 422, "digest"),
        (decision, r#"{"decision":"maybe","digest":"4f9a1c22e07b"}"#, 422, "maybe"),
        (decision, "{", 400, "EOF"),
        (
            "/api/v1/proposals/F-31/decision",
            r#"{"decision":"approve","digest":"4f9a1c22e07b"}"#,
            422,
            "write it like P-12",
        ),
        ("/api/v1/findings/x/acknowledge", "", 422, "\"x\" is not a finding id"),
        ("/api/v1/findings/%ff/acknowledge", "", 400, "UTF-8"),
        ("/api/v1/findings/F-1/snooze", r#"{"duration_ms":"1h"}"#, 422, "duration_ms"),
        (
            "/api/v1/adapters/fax/deliveries/d1/confirm",
            r#"{"epoch":1,"report":{"result":"sent","reference":null}}"#,
            422,
            "fax",
        ),
        ("/api/v1/adapters/cli/deliveries/d1/confirm", r#"{"epoch":1,"report":{"result":"lost"}}"#, 422, "lost"),
        // A word that is misspelt is not left out: it would be everybody, or for ever.
        ("/api/v1/ranking/reset", r#"{"operater":"ada"}"#, 422, "operater"),
        ("/api/v1/findings/F-1/mute", r#"{"duration":60000}"#, 422, "duration"),
    ];
    let misspelt = server.ask(&request("GET /api/v1/ranking/stats?operater=ada", &[("Host", "localhost")])).await;
    assert!(misspelt.status == 400 && misspelt.problem().contains("operater"), "{}", misspelt.problem());
    for (path, body, status, word) in cases {
        let answer = server.post(path, body).await;
        let problem = answer.problem();
        assert_eq!(answer.status, status, "{path} {body}: {problem}");
        assert!(problem.contains(word), "{path} {body}: {problem}");
        assert_eq!(answer.json()["kind"], json!("invalid"));
    }
    let form = request(
        &format!("POST {decision}"),
        &[("Host", "localhost"), ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", "0")],
    );
    assert_eq!(server.ask(&form).await.status, 415, "a page's form cannot decide");
    assert!(server.fake.calls().is_empty());
}

#[tokio::test]
async fn a_question_says_how_it_is_to_be_answered() {
    let server = start().await;
    let asked = |mode: &str| format!(r#"{{"message":"what is wrong?","thread_id":"t1","execution_mode":"{mode}"}}"#);
    assert_eq!(server.post("/api/v1/chat", &asked("direct")).await.status, 200);
    assert_eq!(server.fake.calls().len(), 1);
    for (mode, word) in [("plan", "send direct"), ("later", "later")] {
        let answer = server.post("/api/v1/chat", &asked(mode)).await;
        assert_eq!(answer.status, 422, "{mode}");
        assert!(answer.problem().contains(word), "{mode}: {}", answer.problem());
    }
    assert!(server.fake.calls().is_empty());
}

#[tokio::test]
async fn the_socket_checks_host_and_origin_too() {
    let server = start().await;
    assert_eq!(server.ask(&request("GET /healthz", &[("Host", "evil.example")])).await.status, 421);
    let foreign = [("Host", "localhost"), ("Origin", "https://evil.example")];
    assert_eq!(server.ask(&request("GET /api/v1/whoami", &foreign)).await.status, 403);
    assert_eq!(server.get("/api/v1/nothing").await.status, 404);
    assert_eq!(server.post("/api/v1/findings", "{}").await.status, 405);
}

#[tokio::test]
async fn stopping_removes_the_file() {
    let server = start().await;
    assert!(server.path.exists());
    server.stop.send(()).unwrap();
    server.ended.await.unwrap();
    assert!(!server.path.exists());
}
