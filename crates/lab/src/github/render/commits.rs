//! Commits, files, refs, trees and blobs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::git::{Commit, FileChange, FileStatus, Flat, Leaf, Node, Oid, Signature, Store, unified_patch};
use super::super::login_of;
use super::{View, WEB, merge_into, node_id, stamp};

fn git_person(who: &Signature) -> Value {
    json!({"name": who.name, "email": who.email, "date": stamp(who.at_ms)})
}

fn unsigned() -> Value {
    json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null})
}

impl View<'_> {
    pub(in super::super) fn commit_ref(&self, oid: Oid) -> Value {
        json!({"sha": oid.to_string(), "url": self.url(&format!("/commits/{oid}"))})
    }

    /// A commit as in lists.
    pub(in super::super) fn commit(&self, oid: Oid) -> Value {
        let Some(commit) = self.repo.git.commit(oid) else { return Value::Null };
        let account = |who: &Signature| login_of(who).map_or(Value::Null, |login| self.user(login));
        let url = self.url(&format!("/commits/{oid}"));
        json!({
            "sha": oid.to_string(), "node_id": node_id("C", oid), "url": url,
            "html_url": format!("{WEB}/commit/{oid}"), "comments_url": format!("{url}/comments"),
            "commit": {
                "author": git_person(&commit.author), "committer": git_person(&commit.committer),
                "message": commit.message, "comment_count": 0, "verification": unsigned(),
                "tree": {"sha": commit.tree.to_string(), "url": self.url(&format!("/git/trees/{}", commit.tree))},
                "url": self.url(&format!("/git/commits/{oid}")),
            },
            "author": account(&commit.author), "committer": account(&commit.committer),
            "parents": self.parents(commit, "commits"),
        })
    }

    fn parents(&self, commit: &Commit, kind: &str) -> Vec<Value> {
        let parent = |oid: &Oid| {
            json!({
                "sha": oid.to_string(), "url": self.url(&format!("/{kind}/{oid}")),
                "html_url": format!("{WEB}/commit/{oid}"),
            })
        };
        commit.parents.iter().map(parent).collect()
    }

    /// A commit with what it changed against its first parent.
    pub(in super::super) fn commit_in_full(&self, oid: Oid) -> Value {
        let mut value = self.commit(oid);
        let changes = self.changes_of(oid);
        let files: Vec<Value> = changes.iter().map(|change| self.file(change, oid)).collect();
        let sum = |key: &str| files.iter().filter_map(|file| file[key].as_u64()).sum::<u64>();
        let (additions, deletions) = (sum("additions"), sum("deletions"));
        let stats = json!({"additions": additions, "deletions": deletions, "total": additions + deletions});
        merge_into(&mut value, json!({"stats": stats, "files": files}));
        value
    }

    /// What a commit changed against its first parent.
    pub(in super::super) fn changes_of(&self, oid: Oid) -> Vec<FileChange> {
        let parent = self.repo.git.commit(oid).and_then(|commit| commit.parents.first().copied());
        let before = parent.map(|parent| self.repo.git.files_of(parent)).unwrap_or_default();
        Store::changes(&before, &self.repo.git.files_of(oid))
    }

    /// One changed file, as it is at `commit`.
    pub(in super::super) fn file(&self, change: &FileChange, commit: Oid) -> Value {
        let patch = unified_patch(&self.repo.git.bytes(change.before), &self.repo.git.bytes(change.after));
        let status = match change.status {
            FileStatus::Added => "added",
            FileStatus::Removed => "removed",
            FileStatus::Modified => "modified",
        };
        let path = encoded(&change.path);
        let mut file = json!({
            "sha": change.after.or(change.before).map(|leaf| leaf.blob.to_string()), "filename": change.path,
            "status": status, "additions": patch.additions, "deletions": patch.deletions,
            "changes": patch.additions + patch.deletions,
            "blob_url": format!("{WEB}/blob/{commit}/{path}"), "raw_url": format!("{WEB}/raw/{commit}/{path}"),
            "contents_url": self.url(&format!("/contents/{path}?ref={commit}")),
        });
        if let Some(text) = patch.text {
            merge_into(&mut file, json!({"patch": text}));
        }
        file
    }

    /// The unified diff of several files, with git's headers.
    pub(in super::super) fn diff_text(&self, changes: &[FileChange]) -> String {
        let name = |side: &str, leaf: Option<Leaf>, path: &str| match leaf {
            Some(_) => format!("{side}/{path}"),
            None => "/dev/null".to_owned(),
        };
        let one = |change: &FileChange| {
            let path = &change.path;
            let patch = unified_patch(&self.repo.git.bytes(change.before), &self.repo.git.bytes(change.after));
            let (old, new) = (name("a", change.before, path), name("b", change.after, path));
            let text = patch.text.unwrap_or_else(|| "Binary files differ".to_owned());
            format!("diff --git a/{path} b/{path}\n--- {old}\n+++ {new}\n{text}\n")
        };
        changes.iter().map(one).collect()
    }

    pub(in super::super) fn git_commit(&self, oid: Oid) -> Value {
        let Some(commit) = self.repo.git.commit(oid) else { return Value::Null };
        json!({
            "sha": oid.to_string(), "node_id": node_id("C", oid), "url": self.url(&format!("/git/commits/{oid}")),
            "html_url": format!("{WEB}/commit/{oid}"), "author": git_person(&commit.author),
            "committer": git_person(&commit.committer), "message": commit.message, "verification": unsigned(),
            "tree": {"sha": commit.tree.to_string(), "url": self.url(&format!("/git/trees/{}", commit.tree))},
            "parents": self.parents(commit, "git/commits"),
        })
    }

    pub(in super::super) fn reference(&self, name: &str, oid: Oid) -> Value {
        json!({
            "ref": name, "node_id": node_id("REF", name), "url": self.url(&format!("/git/{}", encoded(name))),
            "object": {"sha": oid.to_string(), "type": "commit", "url": self.url(&format!("/git/commits/{oid}"))},
        })
    }

    pub(in super::super) fn blob(&self, oid: Oid, bytes: &[u8]) -> Value {
        json!({
            "sha": oid.to_string(), "node_id": node_id("B", oid), "size": bytes.len(),
            "url": self.url(&format!("/git/blobs/{oid}")), "content": wrapped_base64(bytes), "encoding": "base64",
        })
    }

    /// A tree object: its own entries, or everything below it.
    pub(in super::super) fn tree(&self, oid: Oid, recursive: bool) -> Value {
        let mut entries = Vec::new();
        self.tree_entries(oid, "", recursive, &mut entries);
        json!({
            "sha": oid.to_string(), "url": self.url(&format!("/git/trees/{oid}")),
            "tree": entries, "truncated": false,
        })
    }

    fn tree_entries(&self, oid: Oid, prefix: &str, recursive: bool, entries: &mut Vec<Value>) {
        for (name, node) in self.repo.git.tree(oid).into_iter().flatten() {
            let (path, sha) = (format!("{prefix}{name}"), node.oid().to_string());
            match node {
                Node::File(leaf) => entries.push(json!({
                    "path": path, "mode": leaf.mode.as_str(), "type": "blob", "sha": sha,
                    "size": self.repo.git.bytes(Some(*leaf)).len(), "url": self.url(&format!("/git/blobs/{sha}")),
                })),
                Node::Dir(inner) => {
                    let url = self.url(&format!("/git/trees/{sha}"));
                    entries.push(json!({"path": path, "mode": "040000", "type": "tree", "sha": sha, "url": url}));
                    if recursive {
                        self.tree_entries(*inner, &format!("{path}/"), true, entries);
                    }
                }
            }
        }
    }

    /// A file or folder entry of the contents API; only a file asked for by itself carries its content.
    pub(in super::super) fn content(&self, path: &str, node: Node, at: Oid, with_content: bool) -> Value {
        let (sha, place) = (node.oid().to_string(), encoded(path));
        let url = self.url(&format!("/contents/{place}?ref={at}"));
        let (kind, web, git) = match node {
            Node::File(_) => ("file", "blob", "blobs"),
            Node::Dir(_) => ("dir", "tree", "trees"),
        };
        let (git_url, html_url) = (self.url(&format!("/git/{git}/{sha}")), format!("{WEB}/{web}/{at}/{place}"));
        let bytes = match node {
            Node::File(leaf) => self.repo.git.bytes(Some(leaf)),
            Node::Dir(_) => std::sync::Arc::from([]),
        };
        let raw = format!("https://raw.githubusercontent.com/acme/app/{at}/{place}");
        let mut value = json!({
            "type": kind, "name": path.rsplit('/').next(), "path": path, "sha": sha, "size": bytes.len(), "url": url,
            "git_url": git_url, "html_url": html_url, "_links": {"self": url, "git": git_url, "html": html_url},
            "download_url": if kind == "file" { Value::from(raw) } else { Value::Null },
        });
        if with_content {
            merge_into(&mut value, json!({"content": wrapped_base64(&bytes), "encoding": "base64"}));
        }
        value
    }

    /// The comparison of two commits: what `head` has that `base` lacks.
    pub(in super::super) fn comparison(&self, spec: &str, base: Oid, head: Oid) -> Option<Value> {
        let git = &self.repo.git;
        let ancestor = git.merge_base(base, head)?;
        let mut ahead = git.log(head, Some(base));
        let behind = git.log(base, Some(head)).len();
        ahead.reverse();
        let status = match (ahead.len(), behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            _ => "diverged",
        };
        let (before, after): (Flat, Flat) = (git.files_of(ancestor), git.files_of(head));
        let files: Vec<Value> = Store::changes(&before, &after).iter().map(|change| self.file(change, head)).collect();
        let (url, web) = (self.url(&format!("/compare/{spec}")), format!("{WEB}/compare/{spec}"));
        Some(json!({
            "url": url, "html_url": web, "permalink_url": web, "diff_url": format!("{web}.diff"),
            "patch_url": format!("{web}.patch"), "base_commit": self.commit(base),
            "merge_base_commit": self.commit(ancestor), "status": status, "ahead_by": ahead.len(),
            "behind_by": behind, "total_commits": ahead.len(),
            "commits": ahead.into_iter().map(|oid| self.commit(oid)).collect::<Vec<_>>(), "files": files,
        }))
    }
}

/// A path for use inside a URL.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Base64 in lines of 60, as GitHub sends it.
fn wrapped_base64(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines = text.as_bytes().chunks(60).map(|line| String::from_utf8_lossy(line).into_owned() + "\n");
    lines.collect()
}
