//! Vercel: deployments, to read; which of them production shows, as hands. A call with an effect is sent once.

mod check;
mod client;
mod deployments;
mod hands;

use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;
use wakeman_gateway::ports::{
    Clock, DeployCard, DeployFacts, DeployHands, DeployReader, DeployRequest, HandsError, SourceError, WriteGate,
};

use crate::http::{BuildError, Failure, Timeouts};

pub use check::check_vercel;

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
    /// Holds back what was not sent yet.
    pub gate: WriteGate,
}

/// Vercel as [`DeployReader`] and [`DeployHands`].
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

impl DeployHands for Vercel {
    fn production(&self) -> BoxFuture<'_, Result<Option<DeployFacts>, HandsError>> {
        Box::pin(hands::production(&self.wire))
    }

    fn deployment<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<DeployFacts, HandsError>> {
        Box::pin(hands::deployment(&self.wire, id))
    }

    fn candidates(&self) -> BoxFuture<'_, Result<Vec<DeployFacts>, HandsError>> {
        Box::pin(hands::candidates(&self.wire))
    }

    fn rollback<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(hands::point(&self.wire, "/v1", "rollback", id))
    }

    fn promote<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(hands::point(&self.wire, "/v10", "promote", id))
    }
}
