//! HTTP over `Arc<dyn Gateway>`: the daemon's TCP address and its Unix socket.
//!
//! Owns: routes, the checks of host, origin, token and peer, problem documents, limits and timeouts of a connection.
//! Must not: decide anything about findings or proposals, keep state, see any other crate of ours than `types`.
//! Start at [`serve_tcp`] and [`serve_socket`]; a request's way is in `site::Site::answer`.
#![warn(missing_docs)]

mod access;
mod connection;
mod extract;
mod options;
mod origin;
mod problem;
mod routes;
mod site;
mod socket;

#[cfg(test)]
#[allow(dead_code, reason = "shared with the integration tests, which use other parts of it")]
#[path = "../tests/main/fake.rs"]
mod fake;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the integration tests, which use other parts of it")]
#[path = "../tests/main/http.rs"]
mod http;

pub use access::{ApiToken, TokenHash};
pub use options::{Limits, TcpOptions};
pub use problem::status_of;
pub use socket::{BindError, InstanceSocket, bind_socket};

use std::{future::Future, sync::Arc};

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use wakeman_types::Gateway;

use access::{Access, Proof, TokenTable};
use origin::HostRule;
use routes::Surface;
use site::Site;

/// Serves `/healthz` and `/api/v1/status` on `listener` until `shutdown` resolves and running requests are done.
pub async fn serve_tcp(
    listener: TcpListener,
    gateway: Arc<dyn Gateway>,
    options: TcpOptions,
    shutdown: impl Future<Output = ()> + Send,
) {
    let own_address = listener.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified());
    let site = Site::new(
        gateway,
        Surface::Summary,
        HostRule::new(options.allowed_hosts, own_address),
        Access::Token(TokenTable::new(options.tokens)),
        options.limits,
    );
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    connection::accept_until(listener, Arc::new(site), |_| Proof::Token, shutdown).await;
}

/// Serves every route of the operator's verbs on the instance's socket until `shutdown` resolves and running requests
/// are done; then removes the socket file.
pub async fn serve_socket(
    socket: InstanceSocket,
    gateway: Arc<dyn Gateway>,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) {
    let own_uid = rustix::process::geteuid().as_raw();
    let site = Site::new(gateway, Surface::Verbs, HostRule::new(Vec::new(), None), Access::Peer { own_uid }, limits);
    let (listener, file) = socket.into_parts();
    connection::accept_until(listener, Arc::new(site), access::peer_of, shutdown).await;
    drop(file);
}
