//! Finding the daemon behind the instance's socket.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde::Deserialize;
use tokio::{net::UnixStream, time::timeout};

use crate::{
    claims::Claims,
    wire::{Problem, Wire, WireError},
};

/// How long the daemon may take to accept and say that it is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one request may take; longer than the server's own limit, so that the server's words arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Shorter than the time after which the server closes an idle connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Why there is no daemon to talk to. Only [`ConnectError::NoDaemon`] means that none runs.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no socket, or nobody listens on it.
    #[error("no daemon runs for this instance (nobody listens at {path}); start it with `wakeman run`", path = path.display())]
    NoDaemon {
        /// The socket.
        path: PathBuf,
    },
    /// There is a daemon, but not for this user.
    #[error("{path} does not let you in ({detail}); run the command as the user that runs the daemon", path = path.display())]
    Denied {
        /// The socket.
        path: PathBuf,
        /// Who said so.
        detail: String,
    },
    /// Somebody listens and says nothing.
    #[error(
        "a daemon listens at {path} but does not answer; try again, and if it stays so restart `wakeman run`",
        path = path.display()
    )]
    Silent {
        /// The socket.
        path: PathBuf,
    },
    /// Somebody answers, but not as Wakeman does.
    #[error("what listens at {path} does not answer like Wakeman ({detail}); restart `wakeman run`", path = path.display())]
    Foreign {
        /// The socket.
        path: PathBuf,
        /// What was wrong with its answer.
        detail: String,
    },
    /// The operating system refused.
    #[error("could not open the socket {path}; check the path given by --root and --instance", path = path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// The HTTP client could not be set up.
    #[error("could not set up the client for {path}; this is a defect of this build, please report it", path = path.display())]
    Setup {
        /// The socket.
        path: PathBuf,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ConnectError {
    /// Whether it is certain that no daemon runs, so that the gateway may be embedded.
    pub const fn is_no_daemon(&self) -> bool {
        matches!(self, Self::NoDaemon { .. })
    }
}

/// A running daemon, reached through the instance's socket.
///
/// The daemon takes the caller for `cli:<uid>`, as the system tells it; the principal given to each method is not sent.
#[derive(Debug)]
pub struct SocketClient {
    pub(crate) wire: Wire,
    /// What was leased to it and is not confirmed yet.
    pub(crate) claimed: Mutex<Claims>,
}

/// The part of `/healthz` by which a Wakeman is known.
#[derive(Deserialize)]
struct Health {
    #[serde(rename = "version")]
    _version: String,
}

impl SocketClient {
    /// Connects to the daemon that serves the socket at `path`, and checks that it answers.
    ///
    /// # Errors
    /// [`ConnectError`]; [`ConnectError::is_no_daemon`] tells "none runs" from every other trouble.
    pub async fn connect(path: &Path) -> Result<Self, ConnectError> {
        knock(path).await?;
        let http = http_client(path).map_err(|source| ConnectError::Setup { path: path.to_owned(), source })?;
        let wire = Wire::new(http, format!("the daemon at {}", path.display()), REQUEST_TIMEOUT);
        recognise(&wire, path).await?;
        Ok(Self { wire, claimed: Mutex::default() })
    }
}

/// Opens a connection and closes it: the system's own error says best why there is none.
async fn knock(path: &Path) -> Result<(), ConnectError> {
    match timeout(PROBE_TIMEOUT, UnixStream::connect(path)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(source)) => Err(not_opened(path.to_owned(), source)),
        Err(_) => Err(ConnectError::Silent { path: path.to_owned() }),
    }
}

/// What the system's refusal to open the socket means.
fn not_opened(path: PathBuf, source: io::Error) -> ConnectError {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ConnectError::NoDaemon { path },
        io::ErrorKind::PermissionDenied => ConnectError::Denied { path, detail: source.to_string() },
        // Its queue is full: somebody has it open.
        io::ErrorKind::WouldBlock => ConnectError::Silent { path },
        _ => ConnectError::Io { path, source },
    }
}

/// Asks for `/healthz`: well or not, a Wakeman says its version.
async fn recognise(wire: &Wire, path: &Path) -> Result<(), ConnectError> {
    let path = path.to_owned();
    let foreign = |detail: String| ConnectError::Foreign { path: path.clone(), detail };
    let answer = match wire.fetch(wire.health(PROBE_TIMEOUT)).await {
        Ok(answer) => answer,
        Err(WireError::Timeout) => return Err(ConnectError::Silent { path }),
        Err(WireError::Connect) => return Err(ConnectError::NoDaemon { path }),
        Err(error) => return Err(foreign(error.to_string())),
    };
    match answer.status.as_u16() {
        200 | 503 => match answer.read::<Health>() {
            Ok(_) => Ok(()),
            Err(_) if answer.read::<Problem>().is_ok() => Err(ConnectError::Silent { path }),
            Err(error) => Err(foreign(error.to_string())),
        },
        403 => {
            let detail = answer.read::<Problem>().map_or_else(|_| "status 403".to_owned(), |problem| problem.detail);
            Err(ConnectError::Denied { path, detail })
        }
        status => Err(foreign(format!("status {status} from GET /healthz"))),
    }
}

/// A client that speaks to the socket only: no proxy, no redirect, no certificate store to load.
fn http_client(path: &Path) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .unix_socket(path)
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .connect_timeout(PROBE_TIMEOUT)
        .build()?;
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_listener_means_that_no_daemon_runs() {
        let meaning = |kind: io::ErrorKind| not_opened("wakeman.sock".into(), kind.into());
        assert!(matches!(meaning(io::ErrorKind::NotFound), ConnectError::NoDaemon { .. }));
        assert!(matches!(meaning(io::ErrorKind::ConnectionRefused), ConnectError::NoDaemon { .. }));
        assert!(matches!(meaning(io::ErrorKind::PermissionDenied), ConnectError::Denied { .. }));
        assert!(matches!(meaning(io::ErrorKind::WouldBlock), ConnectError::Silent { .. }));
        assert!(matches!(meaning(io::ErrorKind::NotADirectory), ConnectError::Io { .. }));
        assert!(meaning(io::ErrorKind::PermissionDenied).to_string().contains("as the user that runs the daemon"));
    }
}
