//! The git database: refs, blobs, trees, commits — a patch without a clone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::git::{Commit, FileMode, Flat, Leaf, Oid, Signature};
use super::super::{API_USER, Repo, branch_ref, signature};
use super::pulls::{required, text};
use super::{Answer, Call, Landed, Refusal, Reply};
use crate::time::parse_rfc3339;

pub(super) fn route(repo: &mut Repo, call: &mut Call, path: &[&str]) -> Answer {
    let method = call.method.clone();
    match (method.as_str(), path) {
        ("GET", ["ref", name @ ..]) => {
            let full = format!("refs/{}", name.join("/"));
            let oid = repo.git.reference(&full).ok_or(Refusal::NotFound)?;
            Ok(Reply::json(call.view(repo).reference(&full, oid)))
        }
        ("GET", ["matching-refs", name @ ..]) => {
            let prefix = format!("refs/{}", name.join("/"));
            let found: Vec<(&str, Oid)> = repo.git.refs().filter(|(full, _)| full.starts_with(&prefix)).collect();
            let view = call.view(repo);
            Ok(call.list(found, |(full, oid)| view.reference(full, oid)))
        }
        ("POST", ["refs"]) => create_ref(repo, call),
        ("PATCH", ["refs", name @ ..]) => update_ref(repo, call, &name.join("/")),
        ("DELETE", ["refs", name @ ..]) => delete_ref(repo, &name.join("/")),
        ("POST", ["blobs"]) => create_blob(repo, call),
        ("GET", ["blobs", sha]) => {
            let oid: Oid = sha.parse().map_err(|_| Refusal::NotFound)?;
            let bytes = repo.git.blob(oid).ok_or(Refusal::NotFound)?;
            Ok(Reply::json(call.view(repo).blob(oid, &bytes)))
        }
        ("POST", ["trees"]) => create_tree(repo, call),
        ("GET", ["trees", name @ ..]) => {
            let oid = tree_of(repo, &name.join("/")).ok_or(Refusal::NotFound)?;
            let recursive = call.param("recursive").is_some();
            Ok(Reply::json(call.view(repo).tree(oid, recursive)))
        }
        ("POST", ["commits"]) => create_commit(repo, call),
        ("GET", ["commits", sha]) => {
            let oid: Oid = sha.parse().map_err(|_| Refusal::NotFound)?;
            repo.git.commit(oid).ok_or(Refusal::NotFound)?;
            Ok(Reply::json(call.view(repo).git_commit(oid)))
        }
        _ => Err(Refusal::NotFound),
    }
}

fn unprocessable<T>(message: &str) -> Result<T, Refusal> {
    Err(Refusal::Unprocessable(message.to_owned()))
}

/// A tree by its own id, or that of a commit or branch.
fn tree_of(repo: &Repo, name: &str) -> Option<Oid> {
    let own = name.parse().ok().filter(|oid| repo.git.tree(*oid).is_some());
    own.or_else(|| super::commits::resolve(repo, name).and_then(|oid| repo.git.commit(oid)).map(|commit| commit.tree))
}

fn known_commit(repo: &Repo, sha: &str) -> Option<Oid> {
    sha.parse().ok().filter(|oid| repo.git.commit(*oid).is_some())
}

fn create_ref(repo: &mut Repo, call: &mut Call) -> Answer {
    let body = call.object()?;
    let (full, sha) = (required(&body, "Reference", "ref")?, required(&body, "Reference", "sha")?);
    let valid = full.starts_with("refs/") && full.matches('/').count() >= 2 && valid_ref_name(&full);
    if !valid {
        return unprocessable(
            "Reference name must start with 'refs/' and contain at least two slashes, and be a valid ref name",
        );
    }
    let Some(oid) = known_commit(repo, &sha) else { return unprocessable("Object does not exist") };
    if repo.git.reference(&full).is_some() {
        return unprocessable("Reference already exists");
    }
    point(repo, call, &full, oid);
    Ok(Reply::created(call.view(repo).reference(&full, oid)))
}

/// The rules of `git check-ref-format` that a name made elsewhere may break.
fn valid_ref_name(name: &str) -> bool {
    let bad = |letter: char| letter.is_control() || letter.is_whitespace() || "~^:?*[\\".contains(letter);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    !name.contains(bad)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name.split('/').all(part)
}

/// Moves a ref; a branch takes its pull requests along and may undo changes.
fn point(repo: &mut Repo, call: &mut Call, full: &str, oid: Oid) {
    match full.strip_prefix("refs/heads/") {
        Some(branch) => {
            let undone = repo.move_branch(branch, oid);
            call.landed.extend(undone.into_iter().map(|change| Landed { change, action: "github.revert_pr" }));
        }
        None => repo.git.set_ref(full, oid),
    }
}

fn update_ref(repo: &mut Repo, call: &mut Call, name: &str) -> Answer {
    let body = call.object()?;
    let full = format!("refs/{name}");
    let sha = required(&body, "Reference", "sha")?;
    let force = body.get("force").and_then(Value::as_bool).unwrap_or(false);
    let Some(old) = repo.git.reference(&full) else { return unprocessable("Reference does not exist") };
    let Some(new) = known_commit(repo, &sha) else { return unprocessable("Object does not exist") };
    if !force && !repo.git.is_ancestor(old, new) {
        return unprocessable("Update is not a fast forward");
    }
    point(repo, call, &full, new);
    Ok(Reply::json(call.view(repo).reference(&full, new)))
}

fn delete_ref(repo: &mut Repo, name: &str) -> Answer {
    let full = format!("refs/{name}");
    if full == branch_ref(super::super::BRANCH) {
        return unprocessable("Cannot delete the default branch");
    }
    if repo.git.remove_ref(&full).is_none() {
        return unprocessable("Reference does not exist");
    }
    if let Some(branch) = full.strip_prefix("refs/heads/") {
        repo.follow_branch(branch);
    }
    Ok(Reply::empty(204))
}

fn create_blob(repo: &mut Repo, call: &mut Call) -> Answer {
    let body = call.object()?;
    let content = text(&body, "Blob", "content")?.ok_or(Refusal::field("Blob", "content", "missing_field"))?;
    let bytes = match text(&body, "Blob", "encoding")?.as_deref() {
        None | Some("utf-8") => content.into_bytes(),
        Some("base64") => {
            let packed: String = content.split_whitespace().collect();
            STANDARD.decode(packed).map_err(|_| Refusal::field("Blob", "content", "invalid"))?
        }
        Some(_) => return Err(Refusal::field("Blob", "encoding", "invalid")),
    };
    let oid = repo.git.put_blob(&bytes);
    Ok(Reply::created(json!({
        "sha": oid.to_string(), "url": call.view(repo).url(&format!("/git/blobs/{oid}")),
    })))
}

fn create_tree(repo: &mut Repo, call: &mut Call) -> Answer {
    let body = call.object()?;
    let mut files = match text(&body, "Tree", "base_tree")? {
        None => Flat::new(),
        Some(base) => {
            let Some(oid) = tree_of(repo, &base) else { return unprocessable("base_tree is not a valid tree oid") };
            repo.git.flatten(oid)
        }
    };
    let Some(Value::Array(entries)) = body.get("tree") else { return unprocessable("Invalid tree info") };
    for entry in entries {
        let Value::Object(entry) = entry else { return unprocessable("Invalid tree info") };
        place_entry(repo, &mut files, entry)?;
    }
    if files.is_empty() {
        return unprocessable("Invalid tree info");
    }
    let oid = repo.git.put_tree(&files);
    Ok(Reply::created(call.view(repo).tree(oid, false)))
}

fn place_entry(repo: &mut Repo, files: &mut Flat, entry: &Map<String, Value>) -> Result<(), Refusal> {
    let path = required(entry, "Tree", "path")?;
    let proper = path.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && part != ".git");
    if !proper {
        return unprocessable(&format!("tree.path contains a malformed path component: {path}"));
    }
    let (mode, content) = (text(entry, "Tree", "mode")?, text(entry, "Tree", "content")?);
    if entry.get("sha") == Some(&Value::Null) && content.is_none() {
        let below = format!("{path}/");
        let before = files.len();
        files.retain(|name, _| *name != path && !name.starts_with(&below));
        return if files.len() < before { Ok(()) } else { unprocessable("GitRPC::BadObjectState") };
    }
    let sha = text(entry, "Tree", "sha")?;
    if mode.as_deref() == Some("040000") {
        let oid = sha.as_deref().and_then(|sha| sha.parse().ok()).filter(|oid| repo.git.tree(*oid).is_some());
        let Some(oid) = oid else { return unprocessable("tree.sha is not a valid tree") };
        files.extend(repo.git.flatten(oid).into_iter().map(|(name, leaf)| (format!("{path}/{name}"), leaf)));
        return Ok(());
    }
    let Some(mode) = mode.as_deref().and_then(FileMode::parse) else {
        return unprocessable("Must supply a valid tree.mode");
    };
    let blob = match (sha, content) {
        (Some(sha), None) => {
            let oid = sha.parse().ok().filter(|oid| repo.git.blob(*oid).is_some());
            oid.ok_or_else(|| Refusal::Unprocessable(format!("tree.sha {sha} is not a valid blob")))?
        }
        (None, Some(content)) => repo.git.put_blob(content.as_bytes()),
        _ => return unprocessable("Must supply either tree.sha or tree.content, not both"),
    };
    files.insert(path, Leaf { mode, blob });
    Ok(())
}

fn create_commit(repo: &mut Repo, call: &mut Call) -> Answer {
    let body = call.object()?;
    let message = required(&body, "Commit", "message")?;
    let tree: Option<Oid> = required(&body, "Commit", "tree")?.parse().ok();
    let Some(tree) = tree.filter(|oid| repo.git.tree(*oid).is_some()) else {
        return unprocessable("Tree SHA does not exist");
    };
    let mut parents = Vec::new();
    for parent in body.get("parents").and_then(Value::as_array).into_iter().flatten() {
        let Some(oid) = parent.as_str().and_then(|sha| known_commit(repo, sha)) else {
            return unprocessable("Parent SHA does not exist or is not a commit object");
        };
        parents.push(oid);
    }
    let default = signature(API_USER, repo.clock_ms);
    let author = person(&body, "author")?.unwrap_or(default.clone());
    let committer = person(&body, "committer")?.or(body.get("author").map(|_| author.clone())).unwrap_or(default);
    let oid = repo.git.put_commit(Commit { tree, parents, author, committer, message });
    Ok(Reply::created(call.view(repo).git_commit(oid)))
}

/// Somebody named in a body; the date, if it is missing, is left to the caller's clock by leaving the person out.
fn person(body: &Map<String, Value>, role: &'static str) -> Result<Option<Signature>, Refusal> {
    let Some(Value::Object(who)) = body.get(role) else { return Ok(None) };
    let (name, email) = (required(who, "Commit", "name")?, required(who, "Commit", "email")?);
    let Some(at_ms) = text(who, "Commit", "date")?.and_then(|date| parse_rfc3339(&date)) else { return Ok(None) };
    Ok(Some(Signature { name, email, at_ms }))
}
