//! Vercel: deployments, to read. Nothing here has an effect.

mod client;
mod deployments;

use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;
use wakeman_gateway::ports::{Clock, DeployCard, DeployReader, DeployRequest, SourceError};

use crate::http::{BuildError, Failure, Timeouts};

/// What a Vercel adapter is built from.
pub struct VercelOptions {
    /// Base address, e.g. `https://api.vercel.com`.
    pub api_url: String,
    /// The project: `prj_…`, or its name.
    pub project_id: String,
    /// The team it belongs to: `team_…`.
    pub team_id: Option<String>,
    /// An access token.
    pub token: SecretString,
    /// How long a call may take.
    pub timeouts: Timeouts,
    /// The clock waiting times are counted by.
    pub clock: Arc<dyn Clock>,
}

/// Vercel as [`DeployReader`].
pub struct Vercel {
    wire: client::Wire,
}

impl Vercel {
    /// Builds the adapter; sends nothing.
    ///
    /// # Errors
    /// [`BuildError`] names the setting that cannot be used.
    pub fn new(options: VercelOptions) -> Result<Self, BuildError> {
        Ok(Self { wire: client::Wire::new(options)? })
    }
}

impl DeployReader for Vercel {
    fn deployments<'a>(&'a self, request: DeployRequest<'a>) -> BoxFuture<'a, Result<Vec<DeployCard>, SourceError>> {
        Box::pin(async move { deployments::list(&self.wire, request).await.map_err(Failure::source) })
    }
}
