//! Accepting connections and ending them.

use std::{convert::Infallible, future::Future, pin::pin, sync::Arc};

use axum::{body::Body, serve::Listener};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use crate::{access::Proof, site::Site};

/// Most headers a request may have.
const HEADERS_MAX: usize = 64;
/// Longest head of a request in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Serves connections of `listener` until `shutdown` resolves, then lets running requests end within the grace time.
pub(crate) async fn accept_until<L: Listener>(
    mut listener: L,
    site: Arc<Site>,
    prove: impl Fn(&L::Io) -> Proof + Send,
    shutdown: impl Future<Output = ()> + Send,
) {
    let mut shutdown = pin!(shutdown);
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        let room = connections.len() < site.limits().connections;
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => report(ended),
            (io, _) = listener.accept(), if room => {
                let proof = prove(&io);
                connections.spawn(serve_connection(io, site.clone(), proof, stopping.clone()));
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    let drained = timeout(site.limits().grace, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!(http.connections = connections.len(), "requests cut off: the grace time is over");
    }
    connections.shutdown().await;
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a request panicked; its connection was closed");
    }
}

async fn serve_connection<I>(io: I, site: Arc<Site>, proof: Proof, mut stopping: watch::Receiver<bool>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(site.limits().header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(site.answer(proof, request.map(Body::new)).await) }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::{
        Limits,
        access::Access,
        fake::Fake,
        http::{exchange, read_answer, request, request_with},
        origin::HostRule,
        routes::Surface,
    };

    const HOST: [(&str, &str); 1] = [("Host", "localhost")];

    /// The other end of a connection to a daemon of uid 7, from a process of uid 7.
    fn connect(fake: &Arc<Fake>) -> (DuplexStream, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        let access = Access::Peer { own_uid: 7 };
        let site = Site::new(fake.clone(), Surface::Verbs, HostRule::new(vec![], None), access, Limits::default());
        let (ours, theirs) = duplex(64 * 1024);
        let (stop, stopping) = watch::channel(false);
        let served = tokio::spawn(serve_connection(theirs, Arc::new(site), Proof::Peer(Some(7)), stopping));
        (ours, stop, served)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_head_and_an_idle_connection_are_closed() {
        for sent in ["", "GET /healthz HTTP/1.1\r\nHost: local"] {
            let (mut stream, _stop, served) = connect(&Arc::default());
            stream.write_all(sent.as_bytes()).await.unwrap();
            served.await.unwrap();
            let mut rest = String::new();
            stream.read_to_string(&mut rest).await.unwrap();
            assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{sent:?}: {rest}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_answered_408() {
        let fake = Arc::default();
        let (mut stream, _stop, _served) = connect(&fake);
        let whole = request_with("POST /api/v1/findings/F-1/snooze", &HOST, r#"{"duration_ms":1}"#);
        stream.write_all(&whole.as_bytes()[..whole.len() - 3]).await.unwrap();
        let answer = read_answer(stream).await;
        assert_eq!((answer.status, fake.calls().len()), (408, 0));
        assert!(answer.problem().contains("send it again"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_gateway_that_hangs_is_answered_503() {
        let fake = Arc::<Fake>::default();
        fake.hang();
        let (stream, _stop, _served) = connect(&fake);
        let answer = exchange(stream, &request("GET /api/v1/status", &HOST)).await;
        assert_eq!(answer.status, 503);
        assert!(answer.problem().contains("no answer within 15 s"), "{}", answer.body);
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_request_is_answered_after_the_stop() {
        let fake = Arc::<Fake>::default();
        fake.hang();
        let (mut stream, stop, served) = connect(&fake);
        let keep_alive = request("GET /api/v1/status", &HOST).replace("Connection: close\r\n", "");
        stream.write_all(keep_alive.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(fake.calls(), ["status cli:7"]);
        stop.send_replace(true);
        assert_eq!(read_answer(stream).await.status, 503, "its own limit, not the stop, ended it");
        served.await.unwrap();
    }
}
