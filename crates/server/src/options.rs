//! What the composition root decides about a listener.

use std::time::Duration;

use crate::ApiToken;

/// How the TCP address is served.
#[derive(Debug, Default)]
pub struct TcpOptions {
    /// The tokens that open `/api/v1/*`. With none, it answers 401 and says how to set one.
    pub tokens: Vec<ApiToken>,
    /// Names accepted in `Host` besides loopback and the address listened on: `wakeman.example.com`, without a port.
    pub allowed_hosts: Vec<String>,
    /// Sizes and times.
    pub limits: Limits,
}

/// What one peer may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest request body in bytes.
    pub body_bytes: usize,
    /// How long the head of a request may take; also how long a connection may stay idle.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long the gateway may take to answer.
    pub request_timeout: Duration,
    /// How long running requests may go on once the daemon stops.
    pub grace: Duration,
    /// Connections served at one time; more wait in the queue of the operating system.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 256 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(15),
            grace: Duration::from_secs(5),
            connections: 256,
        }
    }
}
