//! A pull request of whole files.

use serde_json::{Value, json};
use wakeman_gateway::ports::{HandsError, OpenedPull, PatchRequest};

use super::{
    answers::GitCommit,
    branch::{Content, Step, Stop, Work, permanent},
    client::Wire,
    revert::make_tree,
    trees::Trees,
};

/// What a new file is.
const PLAIN_FILE: &str = "100644";

/// Makes branch, commit and pull request, or finds them.
pub(super) async fn open(wire: &Wire, request: &PatchRequest) -> Result<OpenedPull, HandsError> {
    let PatchRequest { branch, base, title, body, at, .. } = request;
    let work = Work {
        wire,
        trees: Trees::new(wire),
        branch,
        base,
        title,
        body,
        message: format!("{title}\n"),
        at: *at,
        content: Content::Patch(request),
    };
    work.open(&format!("opening the pull request of {branch} on GitHub")).await
}

/// The tree of `parent` with the files written; `None` if that changes nothing.
pub(super) async fn tree(
    wire: &Wire,
    trees: &mut Trees<'_>,
    request: &PatchRequest,
    parent: &GitCommit,
) -> Step<Option<String>> {
    let mut entries = Vec::new();
    for file in &request.files {
        let now = trees.entry(&parent.tree.sha, &file.path).await.map_err(Stop::Reading)?;
        if now.as_ref().is_some_and(|now| now.kind != "blob" || now.mode == "120000") {
            return permanent(format!("{} is a link or a submodule; it is not written", file.path));
        }
        let mode = now.as_ref().map_or(PLAIN_FILE, |now| now.mode.as_str());
        entries.push(match (&file.text, &now) {
            (Some(text), _) => json!({"path": file.path, "mode": mode, "type": "blob", "content": text}),
            (None, Some(_)) => json!({"path": file.path, "mode": mode, "type": "blob", "sha": Value::Null}),
            (None, None) => continue,
        });
    }
    make_tree(wire, parent, entries).await
}
