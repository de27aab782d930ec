//! What both adapters are built from.

use std::time::Duration;

use reqwest::{Client, Url, redirect, retry};

use super::short;

/// How long a call may take. A call with an effect that runs out of time is in doubt, so these are generous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To open a connection. Nothing has been sent yet when this runs out.
    pub connect: Duration,
    /// From the first byte of the request to the last of the answer.
    pub answer: Duration,
    /// Between two looks at a query that PostHog computes in the background.
    pub poll: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(20), poll: Duration::from_millis(500) }
    }
}

/// Settings an adapter cannot be built from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Not an address of a web service.
    #[error("{setting}: \"{text}\" is not an address; write it like {example}")]
    Address {
        /// Which setting.
        setting: &'static str,
        /// What it says.
        text: String,
        /// What it should look like.
        example: &'static str,
    },
    /// A value of the wrong form.
    #[error("{setting}: \"{text}\" {problem}; write it like {example}")]
    Value {
        /// Which setting.
        setting: &'static str,
        /// What it says.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
        /// What it should look like.
        example: &'static str,
    },
    /// A credential that no header can carry.
    #[error("{setting}: holds a line break or another character no header can carry; copy it again")]
    Credential {
        /// Which setting.
        setting: &'static str,
    },
    /// A key that cannot sign.
    #[error("{setting}: is no RSA private key in PEM; make a new one on the app's page and give the whole file")]
    Key {
        /// Which setting.
        setting: &'static str,
    },
    /// The HTTP client itself.
    #[error(
        "the HTTP client could not be set up ({reason}); install the system's certificates, e.g. `apt install ca-certificates`"
    )]
    Client {
        /// What it said.
        reason: String,
    },
}

/// Reads a base address: http or https, a host, no user, no query. The result ends without a slash.
pub(crate) fn base_address(setting: &'static str, text: &str, example: &'static str) -> Result<Url, BuildError> {
    let wrong = || BuildError::Address { setting, text: text.to_owned(), example };
    let mut url = Url::parse(text.trim()).map_err(|_| wrong())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) || !plain {
        return Err(wrong());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url.set_fragment(None);
    Ok(url)
}

/// The HTTP client of an adapter for `base`: no redirects, no retries of its own, a limit on every wait.
pub(crate) fn http_client(base: &Url, timeouts: Timeouts) -> Result<Client, BuildError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // `main` installs one first. Losing this race to another thread is fine: then there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let mut builder = Client::builder()
        .user_agent(concat!("wakeman/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.answer)
        .tcp_nodelay(true);
    if base.scheme() == "http" {
        // A plain address needs no certificates, so a machine that has none can still play the demo.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| BuildError::Client { reason: root_cause(&error) })
}

/// The innermost reason: `builder error` alone helps nobody.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    short(&cause.to_string())
}
