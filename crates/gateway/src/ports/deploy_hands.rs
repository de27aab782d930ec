//! Acting on the deploy host: which deployment users get.

use futures::future::BoxFuture;
use wakeman_types::Timestamp;

use super::HandsError;

/// A deployment as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployFacts {
    /// Its id at the host.
    pub id: String,
    /// The commit it carries, where the host knows.
    pub sha: Option<String>,
    /// Built and able to serve.
    pub ready: bool,
    /// Whether it was live before and can be rolled back to.
    pub candidate: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Acting on deployments. Both calls name their target, so a repeat is harmless.
pub trait DeployHands: Send + Sync {
    /// What production shows now; `None`: nothing.
    fn production(&self) -> BoxFuture<'_, Result<Option<DeployFacts>, HandsError>>;
    /// One deployment.
    fn deployment<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<DeployFacts, HandsError>>;
    /// Deployments that production can be rolled back to, newest first.
    fn candidates(&self) -> BoxFuture<'_, Result<Vec<DeployFacts>, HandsError>>;
    /// Points production at an earlier deployment. New ones no longer go live by themselves.
    fn rollback<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), HandsError>>;
    /// Points production at a deployment; new ones go live by themselves again.
    fn promote<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), HandsError>>;
}
