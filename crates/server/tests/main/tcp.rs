//! What is open on TCP, and to whom.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use wakeman_server::{ApiToken, Limits, TcpOptions, TokenHash, serve_tcp};
use wakeman_types::{Channel, ComponentView, ErrorKind, GatewayError, Principal, Role};

use crate::{
    fake::{Fake, component, errors},
    http::{Answer, exchange, request, request_with},
};

const TOKEN: &str = "correct horse battery staple";

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

struct Running {
    address: SocketAddr,
    fake: Arc<Fake>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn start(options: TcpOptions) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let fake = Arc::new(Fake::default());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(serve_tcp(listener, fake.clone(), options, async {
        let _ = stopped.await;
    }));
    Running { address, fake, stop, ended }
}

fn with_token() -> TcpOptions {
    let principal = Principal::new(Channel::Api, "1");
    let token = ApiToken { hash: TokenHash::of(TOKEN), role: Role::Viewer, principal };
    TcpOptions { tokens: vec![token], allowed_hosts: vec!["watch.example".into()], limits: Limits::default() }
}

impl Running {
    async fn ask(&self, request: &str) -> Answer {
        exchange(TcpStream::connect(self.address).await.unwrap(), request).await
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.ask(&request(&format!("GET {path}"), &[("Host", "localhost"), ("Authorization", &bearer)])).await
    }
}

#[tokio::test]
async fn health_is_open_and_counts_what_is_configured() {
    let server = start(TcpOptions::default()).await;
    let health = async || server.ask(&request("GET /healthz", &[("Host", "127.0.0.1")])).await;

    server.fake.set_components(vec![component("posthog", true, true), component("vercel", false, false)]);
    let answer = health().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(
        answer.json(),
        json!({"ok": true, "version": "0.1.0", "components": {
            "posthog": {"ok": true, "last_success": 5000, "detail": "about posthog"},
            "vercel": {"ok": false, "last_success": null, "detail": "about vercel"},
        }})
    );
    assert_eq!(server.fake.calls(), ["status system:0"]);

    // What somebody should look at is no failure.
    let calendars = ComponentView { attention: true, ..component("calendars", true, true) };
    server.fake.set_components(vec![component("posthog", true, true), calendars]);
    let answer = health().await;
    assert_eq!((answer.status, &answer.json()["ok"]), (200, &json!(true)));

    server.fake.set_components(vec![component("posthog", true, false), component("github", true, true)]);
    let answer = health().await;
    assert_eq!((answer.status, &answer.json()["ok"]), (503, &json!(false)));
    assert_eq!(answer.json()["components"]["github"]["ok"], json!(true));

    server.fake.fail(GatewayError::new(ErrorKind::Storage, "the disk is full"));
    let answer = health().await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json()["components"],
        json!({"gateway": {"ok": false, "last_success": null, "detail": "the disk is full"}})
    );
}

#[tokio::test]
async fn host_origin_and_token_come_before_everything_else() {
    let server = start(with_token()).await;
    let (good, bad) = (format!("Bearer {TOKEN}"), "Bearer wrong".to_owned());
    let own_origin = format!("http://localhost:{}", server.address.port());
    let own_host = format!("localhost:{}", server.address.port());
    let (host, origin, token) = (Some(own_host.as_str()), Some(own_origin.as_str()), Some(good.as_str()));
    let (evil_host, evil_origin) = (Some("evil.example"), Some("https://evil.example"));
    let cases = [
        ("GET /api/v1/status", host, None, token, 200),
        ("GET /api/v1/status", host, origin, token, 200),
        ("GET /api/v1/status", Some("watch.example"), Some("http://watch.example"), token, 200),
        ("GET /api/v1/status", evil_host, None, token, 421),
        ("GET /api/v1/status", evil_host, evil_origin, None, 421),
        ("GET /api/v1/status", None, None, token, 421),
        ("GET /api/v1/status", host, evil_origin, token, 403),
        ("GET /api/v1/status", host, Some("null"), None, 403),
        ("GET /api/v1/status", host, origin, None, 401),
        ("GET /api/v1/status", host, None, Some(bad.as_str()), 401),
        ("GET /healthz", host, None, None, 200),
        ("HEAD /healthz", host, None, None, 200),
        ("GET /healthz", host, origin, None, 200),
        ("GET /healthz", evil_host, None, None, 421),
        ("GET /healthz", host, evil_origin, None, 403),
        ("POST /healthz", host, None, None, 405),
        ("OPTIONS /api/v1/status", host, evil_origin, None, 403),
        ("GET /nowhere", evil_host, None, token, 421),
        ("GET /nowhere", host, evil_origin, token, 403),
        ("GET /nowhere", host, None, None, 401),
        ("GET /nowhere", host, None, token, 404),
        ("GET /healthz/", host, None, None, 401),
        ("POST /api/v1/status", host, None, token, 405),
        ("GET http://evil.example/healthz", host, None, None, 421),
    ];
    for (line, host, origin, token, want) in cases {
        let sent = [("Host", host), ("Origin", origin), ("Authorization", token)];
        let sent: Vec<_> = sent.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let answer = server.ask(&request(line, &sent)).await;
        assert_eq!(answer.status, want, "{line} {sent:?}: {}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("www-authenticate").is_some_and(|how| how.starts_with("Bearer")), want == 401);
        assert_eq!(answer.header("allow").is_some_and(|methods| methods.contains("GET")), want == 405, "{answer:?}");
        if want >= 400 {
            answer.problem();
        }
    }
}

#[tokio::test]
async fn status_is_told_to_the_principal_of_the_token() {
    let server = start(with_token()).await;
    let answer = server.get("/api/v1/status", TOKEN).await;
    assert_eq!((answer.status, &answer.json()["watching"]), (200, &json!("acme/app")));
    assert_eq!(server.fake.calls(), ["status api:1"]);
}

#[tokio::test]
async fn only_health_and_status_are_on_tcp() {
    let server = start(with_token()).await;
    for path in ["/", "/metrics", "/api/v1", "/api/v1/whoami", "/api/v1/findings", "/api/v1/proposals/P-1"] {
        let answer = server.get(path, TOKEN).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.problem().contains(path));
    }
    assert!(server.fake.calls().is_empty());
}

#[tokio::test]
async fn without_a_token_set_the_refusal_says_how_to_set_one() {
    let server = start(TcpOptions::default()).await;
    for token in ["", "anything"] {
        let answer = server.get("/api/v1/status", token).await;
        assert_eq!(answer.status, 401);
        assert!(answer.problem().contains("set WAKEMAN_API_TOKEN"), "{}", answer.body);
    }
}

#[tokio::test]
async fn every_kind_of_error_has_its_status_and_its_words() {
    let server = start(with_token()).await;
    let statuses = [404, 422, 403, 409, 410, 412, 403, 409, 503, 500];
    for (error, status) in errors().into_iter().zip(statuses) {
        server.fake.fail(error.clone());
        let answer = server.get("/api/v1/status", TOKEN).await;
        assert_eq!((answer.status, answer.problem()), (status, error.message.clone()), "{error:?}");
        assert_eq!(answer.json()["kind"], serde_json::to_value(error.kind).unwrap());
        assert!(answer.json()["type"].as_str().unwrap().starts_with("urn:wakeman:problem:"));
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let limits = Limits { body_bytes: 1_000, ..Limits::default() };
    let server = start(TcpOptions { limits, ..with_token() }).await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("Host", "localhost"), ("Authorization", bearer.as_str())];

    let declared = server.ask(&request_with("POST /api/v1/status", &headers, &"x".repeat(1_001))).await;
    assert_eq!(declared.status, 413);
    assert!(declared.problem().contains("1000 bytes"));

    let chunked = [headers[0], headers[1], ("Transfer-Encoding", "chunked")];
    let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", 1_001, "x".repeat(1_001));
    let undeclared = server.ask(&(request("POST /api/v1/status", &chunked) + &body)).await;
    assert_eq!((undeclared.status, undeclared.problem()), (413, declared.problem()));

    let unknown = server.ask(&request_with("POST /api/v1/status", &[headers[0]], &"x".repeat(1_001))).await;
    assert_eq!(unknown.status, 401, "the token comes before the body");
    let fits = server.ask(&request_with("POST /api/v1/status", &headers, &"x".repeat(1_000))).await;
    assert_eq!(fits.status, 405);
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_room() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = start(TcpOptions { limits, ..with_token() }).await;
    let idle = TcpStream::connect(server.address).await.unwrap();
    let waiting = TcpStream::connect(server.address).await.unwrap();
    let asked = tokio::spawn(exchange(waiting, HEALTH));
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(server.fake.calls().is_empty(), "served beside the one connection that is allowed");
    drop(idle);
    assert_eq!(asked.await.unwrap().status, 200);
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_the_listener() {
    let server = start(with_token()).await;
    let idle = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(server.get("/healthz", "").await.status, 200);
    server.stop.send(()).unwrap();
    server.ended.await.unwrap();
    drop(idle);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn stopping_cuts_off_what_outlasts_the_grace_time() {
    let limits = Limits { grace: Duration::from_millis(1), ..Limits::default() };
    let server = start(TcpOptions { limits, ..with_token() }).await;
    server.fake.hang();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let asked = tokio::spawn(async move {
        let mut stream = stream;
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        stream.write_all(HEALTH.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    });
    while server.fake.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    server.stop.send(()).unwrap();
    server.ended.await.unwrap();
    assert_eq!(asked.await.unwrap(), b"");
}
