//! Annotations and the states of errors as hands.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use wakeman_gateway::ports::{AnnotationFacts, AnnotationRequest, ErrorFacts, HandsError};

use super::{
    answers::Page,
    client::{Purpose, Wire},
};
use crate::http::{Failure, rfc3339};

/// Pages of a search that are read.
const PAGES_MAX: usize = 5;

#[derive(Debug, Deserialize)]
struct Annotation {
    id: u64,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    deleted: bool,
}

#[derive(Debug, Deserialize)]
struct Issue {
    id: String,
    #[serde(default)]
    name: Option<String>,
    status: String,
}

/// Makes an annotation.
pub(super) async fn annotate(wire: &Wire, request: &AnnotationRequest) -> Result<AnnotationFacts, HandsError> {
    let body = json!({"content": request.content, "date_marker": rfc3339(request.at), "scope": "project"});
    let url = wire.project_address("annotations/");
    let made: Result<Annotation, Failure> = wire.send(Method::POST, "new annotation", url, &body).await;
    let made = made.map_err(|failure| failure.writing("annotating in PostHog", wire.now()))?;
    Ok(AnnotationFacts { id: made.id })
}

/// The annotation whose text holds `marker`.
pub(super) async fn by_marker(wire: &Wire, marker: &str) -> Result<Option<AnnotationFacts>, HandsError> {
    let read = async {
        let mut url = wire.project_address("annotations/");
        url.query_pairs_mut().append_pair("search", marker).append_pair("limit", "100");
        for _ in 0..PAGES_MAX {
            let page: Page<Annotation> = wire.get("annotation list", url, Purpose::Act).await?;
            let holds = |note: &Annotation| {
                !note.deleted && note.content.as_ref().is_some_and(|content| content.contains(marker))
            };
            if let Some(note) = page.results.iter().find(|note| holds(note)) {
                return Ok(Some(AnnotationFacts { id: note.id }));
            }
            match page.next.as_deref().and_then(|next| wire.next_page(next)) {
                Some(next) => url = next,
                None => return Ok(None),
            }
        }
        Err(Failure::Shape { reason: "annotation list: too long to be searched".to_owned() })
    };
    read.await.map_err(|failure| failure.reading("looking for an annotation in PostHog", wire.now()))
}

/// An error issue as it stands.
pub(super) async fn error(wire: &Wire, id: &str) -> Result<ErrorFacts, HandsError> {
    let issue: Result<Issue, Failure> = wire.get("error issue", address(wire, id), Purpose::Act).await;
    issue.map(facts).map_err(|failure| failure.reading(&format!("reading error {id} from PostHog"), wire.now()))
}

/// Sets the status of an error issue.
pub(super) async fn set_error_status(wire: &Wire, id: &str, status: &str) -> Result<ErrorFacts, HandsError> {
    let what = format!("setting error {id} to {status} in PostHog");
    let set: Result<Issue, Failure> = wire.patch("error issue", address(wire, id), &json!({"status": status})).await;
    let set = set.map_err(|failure| failure.writing(&what, wire.now()))?;
    if set.status != status {
        return Err(HandsError::InDoubt { reason: format!("{what}: it was accepted, but is {} now", set.status) });
    }
    Ok(facts(set))
}

fn address(wire: &Wire, id: &str) -> reqwest::Url {
    wire.environment_address(&format!("error_tracking/issues/{id}/"))
}

fn facts(issue: Issue) -> ErrorFacts {
    ErrorFacts { name: issue.name.unwrap_or_else(|| issue.id.clone()), id: issue.id, status: issue.status }
}
