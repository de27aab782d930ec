//! The repository itself: branches, tags, contents, releases.

use serde_json::{Value, json};

use super::super::git::{Node, Oid};
use super::super::issues::Release;
use super::super::{BRANCH, Repo, branch_ref};
use super::{Answer, Call, Refusal, Reply};

pub(super) fn route(repo: &Repo, call: &Call, path: &[&str]) -> Answer {
    if call.method != "GET" {
        return Err(Refusal::NotFound);
    }
    let view = call.view(repo);
    match path {
        [] => Ok(Reply::json(view.repository())),
        ["branches"] => {
            let heads = repo.git.refs().filter_map(|(name, oid)| Some((name.strip_prefix("refs/heads/")?, oid)));
            Ok(call.list(heads.collect(), |(name, oid)| branch_brief(repo, call, name, oid)))
        }
        ["branches", name @ ..] => branch(repo, call, &name.join("/")),
        ["tags"] => {
            let tags = repo.git.refs().filter_map(|(name, oid)| Some((name.strip_prefix("refs/tags/")?, oid)));
            let tag = |(name, oid): (&str, Oid)| {
                json!({
                    "name": name, "commit": view.commit_ref(oid), "node_id": super::super::render::node_id("REF", name),
                    "zipball_url": view.url(&format!("/zipball/refs/tags/{name}")),
                    "tarball_url": view.url(&format!("/tarball/refs/tags/{name}")),
                })
            };
            Ok(call.list(tags.collect(), tag))
        }
        ["contents", place @ ..] => contents(repo, call, &place.join("/")),
        ["releases"] => Ok(call.list(repo.releases.iter().rev().collect(), |release| view.release(release))),
        ["releases", "latest"] => release(repo, call, |_| true),
        ["releases", "tags", tag] => release(repo, call, |release| release.tag == *tag),
        ["releases", id] => release(repo, call, |release| release.id.to_string() == *id),
        ["dependabot", "alerts"] => Ok(Reply::json(json!([]))),
        _ => Err(Refusal::NotFound),
    }
}

fn release(repo: &Repo, call: &Call, wanted: impl Fn(&Release) -> bool) -> Answer {
    let found = repo.releases.iter().rev().find(|release| wanted(release)).ok_or(Refusal::NotFound)?;
    Ok(Reply::json(call.view(repo).release(found)))
}

fn branch_brief(repo: &Repo, call: &Call, name: &str, oid: Oid) -> Value {
    json!({"name": name, "commit": call.view(repo).commit_ref(oid), "protected": false})
}

fn branch(repo: &Repo, call: &Call, name: &str) -> Answer {
    let oid = repo.git.reference(&branch_ref(name)).ok_or(Refusal::NotFound)?;
    let view = call.view(repo);
    let url = view.url(&format!("/branches/{name}"));
    Ok(Reply::json(json!({
        "name": name, "commit": view.commit(oid), "protected": false, "protection_url": format!("{url}/protection"),
        "protection": {
            "enabled": false, "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
        },
        "_links": {"self": url, "html": format!("{}/tree/{name}", super::super::render::WEB)},
    })))
}

fn contents(repo: &Repo, call: &Call, path: &str) -> Answer {
    let at = super::commits::resolve(repo, call.param("ref").unwrap_or(BRANCH));
    let at = at.ok_or(Refusal::NotFound)?;
    let root = repo.git.commit(at).map(|commit| commit.tree).ok_or(Refusal::NotFound)?;
    let view = call.view(repo);
    match repo.git.at_path(root, path).ok_or(Refusal::NotFound)? {
        Node::File(leaf) if call.accept.contains("raw") => {
            Ok(Reply::text(String::from_utf8_lossy(&repo.git.bytes(Some(leaf))).into_owned()))
        }
        node @ Node::File(_) => Ok(Reply::json(view.content(path, node, at, true))),
        Node::Dir(oid) => {
            let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
            let entries = repo.git.tree(oid).into_iter().flatten();
            let entries = entries.map(|(name, node)| view.content(&format!("{prefix}{name}"), *node, at, false));
            Ok(Reply::json(entries.collect()))
        }
    }
}
