//! Acting on product analytics besides its flags: annotations and the states of errors.

use futures::future::BoxFuture;
use wakeman_types::Timestamp;

use super::HandsError;

/// A note on the time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationRequest {
    /// What it says; holds the marker.
    pub content: String,
    /// The instant it marks.
    pub at: Timestamp,
}

/// An annotation that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationFacts {
    /// Its id.
    pub id: u64,
}

/// An error issue as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorFacts {
    /// Its id.
    pub id: String,
    /// Its name (untrusted).
    pub name: String,
    /// `active`, `resolved`, `suppressed`, …
    pub status: String,
}

/// Acting on annotations and errors.
pub trait ProductHands: Send + Sync {
    /// The project that is acted on, by its id.
    fn project(&self) -> &str;
    /// Makes an annotation.
    fn annotate<'a>(&'a self, request: &'a AnnotationRequest) -> BoxFuture<'a, Result<AnnotationFacts, HandsError>>;
    /// The annotation whose text holds `marker`.
    fn annotation_by_marker<'a>(
        &'a self,
        marker: &'a str,
    ) -> BoxFuture<'a, Result<Option<AnnotationFacts>, HandsError>>;
    /// An error issue as it stands.
    fn error<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ErrorFacts, HandsError>>;
    /// Sets the status of an error issue. Absolute, so a repeat is harmless.
    fn set_error_status<'a>(&'a self, id: &'a str, status: &'a str) -> BoxFuture<'a, Result<ErrorFacts, HandsError>>;
}
