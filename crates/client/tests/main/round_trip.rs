//! Every method through the client, the socket and the routes to the gateway, and back.

use std::{os::unix::fs::MetadataExt, path::PathBuf, sync::Arc};

use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};
use wakeman_client::{ConnectError, SocketClient};
use wakeman_server::{Limits, bind_socket, serve_socket};
use wakeman_types::*;

use crate::fake::{self, Fake};

struct Running {
    path: PathBuf,
    fake: Arc<Fake>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    dir: TempDir,
}

fn start() -> Running {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wakeman.sock");
    let socket = bind_socket(&path).unwrap();
    let fake = Arc::new(Fake::default());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(serve_socket(socket, fake.clone(), Limits::default(), async {
        let _ = stopped.await;
    }));
    Running { path, fake, stop, ended, dir }
}

impl Running {
    /// A client as every surface holds it, and the principal the daemon gives it.
    async fn client(&self) -> (Arc<dyn Gateway>, String) {
        let client = SocketClient::connect(&self.path).await.unwrap();
        self.fake.calls();
        (Arc::new(client), format!("cli:{}", std::fs::metadata(self.dir.path()).unwrap().uid()))
    }
}

fn list() -> ListRequest {
    ListRequest { state: Some("open & more".into()), cursor: Some("a/b=1?ü".into()), limit: 3 }
}

const LIST: &str = "state=open & more cursor=a/b=1?ü limit=3";

#[tokio::test]
async fn findings_round_trip() {
    let server = start();
    let (client, me) = server.client().await;
    let (by, id) = (Principal::system(), FindingId::new(128));
    assert_eq!(client.findings(&by, list()).await.unwrap(), fake::page(fake::finding()));
    assert_eq!(client.findings(&by, ListRequest::default()).await.unwrap(), fake::page(fake::finding()));
    assert_eq!(client.finding(&by, id).await.unwrap(), fake::finding_view());
    assert_eq!(client.why(&by, id).await.unwrap(), fake::why());
    assert_eq!(client.acknowledge(&by, id).await.unwrap(), fake::finding());
    assert_eq!(client.snooze(&by, id, HOUR_MS).await.unwrap(), fake::finding());
    assert_eq!(client.resolve(&by, id).await.unwrap(), fake::finding());
    assert_eq!(client.mute(&by, id, Some(HOUR_MS)).await.unwrap(), fake::mute());
    assert_eq!(client.mute(&by, id, None).await.unwrap(), fake::mute());
    assert_eq!(client.unmute(&by, id).await.unwrap(), fake::finding());
    let judged = client.feedback(&by, id, false).await.unwrap();
    assert_eq!((judged.finding, judged.not_learnt.as_deref()), (fake::finding(), Some("it was told too long ago")));
    assert_eq!(
        server.fake.calls(),
        [
            format!("findings {me} {LIST}"),
            format!("findings {me} state=- cursor=- limit=0"),
            format!("finding {me} F-128"),
            format!("why {me} F-128"),
            format!("acknowledge {me} F-128"),
            format!("snooze {me} F-128 3600000"),
            format!("resolve {me} F-128"),
            format!("mute {me} F-128 Some(3600000)"),
            format!("mute {me} F-128 None"),
            format!("unmute {me} F-128"),
            format!("feedback {me} F-128 false"),
        ]
    );
}

#[tokio::test]
async fn ranking_round_trips() {
    let server = start();
    let (client, me) = server.client().await;
    let (by, lin) = (Principal::system(), OperatorId::new("lin"));
    let request = PromoteRequest { policy: "lints-v1".into() };
    assert_eq!(client.tip(&by).await.unwrap().tip, Some(fake::tip()));
    assert_eq!(client.tip_feedback(&by, TipId::new(7), true).await.unwrap(), fake::tip());
    assert_eq!(client.tip_why(&by, TipId::new(7)).await.unwrap(), fake::tip_why());
    assert!(client.prompt_stats(&by).await.unwrap().prompts.is_empty());
    assert_eq!(client.ranking(&by).await.unwrap(), fake::ranking());
    let all = LearntRequest::default();
    let some = LearntRequest { operator: Some(OperatorId::new("cli:1 &")), policy: Some("linucb-v1".into()) };
    assert!(client.ranking_scores(&by, all.clone()).await.unwrap().scores.is_empty());
    assert!(client.ranking_stats(&by, some.clone()).await.unwrap().stats.is_empty());
    assert_eq!(client.ranking_features(&by, some.clone()).await.unwrap(), fake::features());
    assert_eq!(client.promote(&by, request.clone()).await.unwrap().proposal, fake::proposal());
    assert_eq!(client.rollback(&by).await.unwrap(), fake::promotion());
    assert_eq!(client.reset_ranking(&by, None).await.unwrap(), 2);
    assert_eq!(client.forget(&by, lin.clone()).await.unwrap().operator, lin);
    assert_eq!(
        server.fake.calls(),
        [
            format!("tip {me}"),
            format!("tip_feedback {me} T-7 true"),
            format!("tip_why {me} T-7"),
            format!("prompt_stats {me}"),
            format!("ranking {me}"),
            format!("ranking_scores {me} {all:?}"),
            format!("ranking_stats {me} {some:?}"),
            format!("ranking_features {me} {some:?}"),
            format!("promote {me} {request:?}"),
            format!("rollback {me}"),
            format!("reset_ranking {me} None"),
            format!("forget {me} lin"),
        ]
    );
}

#[tokio::test]
async fn proposals_round_trip() {
    let server = start();
    let (client, me) = server.client().await;
    let (by, id) = (Principal::system(), ProposalId::new(31));
    let request = DecisionRequest {
        decision: Verdict::Reject,
        digest: "4f9a1c22e07b".into(),
        reason: Some("not \"now\"\n".into()),
        step: Some(2),
    };
    assert_eq!(client.proposals(&by, list()).await.unwrap(), fake::page(fake::proposal()));
    assert_eq!(client.proposal(&by, id).await.unwrap(), ProposalView { proposal: fake::proposal() });
    assert_eq!(client.decide(&by, id, request.clone()).await.unwrap(), fake::proposal());
    assert_eq!(
        server.fake.calls(),
        [format!("proposals {me} {LIST}"), format!("proposal {me} P-31"), format!("decide {me} P-31 {request:?}")]
    );
}

#[tokio::test]
async fn threads_and_the_instance_round_trip() {
    let server = start();
    let (client, me) = server.client().await;
    let by = Principal::system();
    assert_eq!(client.threads(&by, list()).await.unwrap(), fake::page(fake::thread()));
    for id in ["thread_7f00", "with/slash ü", "%2e%2e", "a?b#c"] {
        let answer = client.thread(&by, &ThreadId::new(id), list()).await;
        assert_eq!(answer.unwrap(), fake::thread_view(), "{id}");
        assert_eq!(server.fake.calls().last(), Some(&format!("thread {me} {id} {LIST}")));
    }
    for id in ["", ".", ".."] {
        assert_eq!(client.thread(&by, &ThreadId::new(id), list()).await.unwrap_err().kind, ErrorKind::Invalid);
    }
    assert_eq!(client.wakeups(&by).await.unwrap(), [fake::wakeup()]);
    assert_eq!(client.wakeup_history(&by, list()).await.unwrap(), fake::page(fake::occurrence()));
    assert_eq!(server.fake.calls(), [format!("wakeups {me}"), format!("wakeup_history {me} {LIST}")]);
    assert_eq!(client.status(&by).await.unwrap(), fake::status());
    assert_eq!(client.whoami(&by).await.unwrap(), fake::whoami());
    assert_eq!(server.fake.calls(), [format!("status {me}"), format!("whoami {me}")]);
    assert_eq!(client.control(&by).await.unwrap(), fake::control());
    assert_eq!(client.set_mode(&by, ExecutionMode::Observe).await.unwrap(), fake::control());
    assert_eq!(client.halt(&by, None).await.unwrap(), fake::control());
    assert_eq!(client.halt(&by, Some("odd \n".into())).await.unwrap(), fake::control());
    assert_eq!(client.resume(&by).await.unwrap(), fake::control());
    assert_eq!(
        server.fake.calls(),
        [
            format!("control {me}"),
            format!("set_mode {me} observe"),
            format!("halt {me} None"),
            format!("halt {me} Some(\"odd \\n\")"),
            format!("resume {me}"),
        ]
    );
}

#[tokio::test]
async fn deliveries_are_leased_and_confirmed() {
    let server = start();
    let (client, _) = server.client().await;
    let claimed = client.claim_deliveries(Channel::Telegram, 30_000, 5).await.unwrap();
    assert_eq!(claimed, [fake::claimed()]);
    let id = &claimed[0].delivery.id;
    let reports = [
        DeliveryReport::Retry { not_before: Timestamp(9), reason: "429".into() },
        DeliveryReport::Unavailable { reason: "no network".into() },
        DeliveryReport::Failed { reason: "the chat is gone".into() },
        DeliveryReport::Sent { reference: Some("77".into()) },
    ];
    let mut expected = vec!["claim telegram 30000 5".to_owned()];
    for report in reports {
        client.claim_deliveries(Channel::Telegram, 1, 1).await.unwrap();
        client.confirm_delivery(id, 7, report.clone()).await.unwrap();
        expected.push("claim telegram 1 1".into());
        expected.push(format!("confirm {id} 7 {report:?}"));
    }
    assert_eq!(server.fake.calls(), expected);

    let again = client.confirm_delivery(id, 7, DeliveryReport::Sent { reference: None }).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::Invalid, "{again}");
}

#[tokio::test]
async fn what_an_adapter_tells_and_is_told_round_trips() {
    use futures::StreamExt;
    let server = start();
    let (client, _) = server.client().await;
    let telegram = Channel::Telegram;
    let batch = vec![fake::inbound("u:1", "hi"), fake::inbound("u:2", "…")];
    let taken = client.accept_inbound(telegram, batch, Some("3".into())).await.unwrap();
    assert_eq!(taken, Accepted { new: 2, repeated: 0 });
    // More than a request carries goes in several, the offset with the last.
    let long = "x".repeat(100_000);
    let batch = vec![fake::inbound("u:3", &long), fake::inbound("u:4", &long)];
    assert_eq!(client.accept_inbound(telegram, batch, Some("5".into())).await.unwrap().new, 2);
    assert_eq!(client.accept_inbound(telegram, vec![], Some("6".into())).await.unwrap().new, 0);
    assert_eq!(client.checkpoint(telegram).await.unwrap(), Some("77".to_owned()));
    let live: Vec<_> = client.live(telegram).await.unwrap().collect().await;
    assert_eq!(live, fake::live_events());
    client.placed(telegram, "-100/7", "turn:turn1", "41").await.unwrap();
    let health = FrontendHealth { ok: false, detail: "409".into(), within_ms: 30_000 };
    client.report_health(telegram, health.clone()).await.unwrap();
    client.deliveries_ready(telegram, 60_000).await.unwrap();
    assert_eq!(
        server.fake.calls(),
        [
            r#"inbound telegram ["u:1", "u:2"] Some("3")"#.to_owned(),
            r#"inbound telegram ["u:3"] None"#.to_owned(),
            r#"inbound telegram ["u:4"] Some("5")"#.to_owned(),
            r#"inbound telegram [] Some("6")"#.to_owned(),
            "checkpoint telegram".to_owned(),
            "live telegram".to_owned(),
            "placed telegram -100/7 turn:turn1 41".to_owned(),
            format!("health telegram {health:?}"),
            // A request waits no longer than requests may.
            "ready telegram 10000".to_owned(),
        ]
    );
}

#[tokio::test]
async fn every_error_arrives_as_the_gateway_put_it() {
    let by = Principal::system();
    for error in fake::errors() {
        let server = start();
        let (client, _) = server.client().await;
        client.claim_deliveries(Channel::Telegram, 1, 1).await.unwrap();
        server.fake.fail(error.clone());
        assert_eq!(client.status(&by).await.unwrap_err(), error);
        assert_eq!(client.resolve(&by, FindingId::new(1)).await.unwrap_err(), error);
        let confirm = async || {
            let sent = DeliveryReport::Sent { reference: None };
            client.confirm_delivery(&fake::claimed().delivery.id, 7, sent).await.unwrap_err()
        };
        assert_eq!(confirm().await, error);
        // Told again only after what may pass: any other answer was the last, and the lease is not remembered for ever.
        let again = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Storage | ErrorKind::Conflict);
        assert_eq!(confirm().await == error, again, "{error:?}");
    }
}

#[tokio::test]
async fn a_daemon_in_trouble_is_still_a_daemon() {
    let server = start();
    server.fake.fail(GatewayError::new(ErrorKind::Storage, "the disk is full"));
    assert!(SocketClient::connect(&server.path).await.is_ok());
    server.fake.hang();
}

#[tokio::test]
async fn a_daemon_that_stopped_is_missed() {
    let server = start();
    let (client, _) = server.client().await;
    server.stop.send(()).unwrap();
    server.ended.await.unwrap();
    let error = client.status(&Principal::system()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("GET /api/v1/status") && error.message.contains("wakeman run"), "{error}");
    let error = SocketClient::connect(&server.path).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoDaemon { .. }) && error.is_no_daemon(), "{error}");
}

#[tokio::test]
async fn the_end_of_a_pairing_round_trips() {
    let server = start();
    let (client, me) = server.client().await;
    let request = UnpairRequest { principal: Principal::new(Channel::Telegram, "99") };
    assert_eq!(client.unpair(&Principal::system(), request).await.unwrap(), fake::pairing());
    assert_eq!(server.fake.calls(), [format!("unpair {me} telegram:99")]);
}
