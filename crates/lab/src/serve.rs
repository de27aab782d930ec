//! The HTTP server. It differs from axum's in one thing: a handler can ask for the connection to be closed without
//! any reply, which is what a lost answer looks like to a client.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::Lab;

/// On a response: close the connection instead of sending it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoReply;

/// Serves a lab until `shutdown` is ready; open connections are then closed.
///
/// # Errors
/// Never at present; accept errors are logged and retried.
pub async fn serve(lab: Arc<Lab>, listener: TcpListener, shutdown: impl Future) -> io::Result<()> {
    let router = lab.router();
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            _ = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "lab: a connection could not be accepted");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    connections.shutdown().await;
    lab.hang_up();
    Ok(())
}

async fn connection(stream: TcpStream, router: axum::Router) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move { answer(router, request.map(Body::new)).await }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "lab: a connection ended early");
    }
}

async fn answer(router: axum::Router, request: Request) -> Result<Response, io::Error> {
    let response = router.oneshot(request).await.unwrap_or_else(|never: Infallible| match never {});
    if response.extensions().get::<NoReply>().is_some() {
        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the reply is withheld"));
    }
    Ok(response)
}
