//! What a path holds at a commit. Trees are read one directory at a time and remembered, so a large repository costs no more than
//! the directories that matter.

use std::collections::HashMap;

use serde::Deserialize;

use super::{answers::GitCommit, client::Wire};
use crate::http::Failure;

/// A directory entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) mode: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) sha: String,
}

#[derive(Debug, Deserialize)]
struct Tree {
    tree: Vec<Entry>,
    #[serde(default)]
    truncated: bool,
}

/// Reads paths at commits.
pub(super) struct Trees<'a> {
    wire: &'a Wire,
    known: HashMap<String, HashMap<String, Entry>>,
}

impl<'a> Trees<'a> {
    pub(super) fn new(wire: &'a Wire) -> Self {
        Self { wire, known: HashMap::new() }
    }

    /// A commit of the git database.
    pub(super) async fn commit(&self, sha: &str) -> Result<GitCommit, Failure> {
        self.wire.get("commit", &format!("/git/commits/{sha}")).await
    }

    /// What stands at `path` below the tree `root`: a file, a link or a submodule. A directory counts as nothing.
    pub(super) async fn entry(&mut self, root: &str, path: &str) -> Result<Option<Entry>, Failure> {
        let mut tree = root.to_owned();
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let Some(entry) = self.directory(&tree).await?.get(name).cloned() else { return Ok(None) };
            match (names.peek().is_some(), entry.kind == "tree") {
                (true, true) => tree = entry.sha,
                (false, false) => return Ok(Some(entry)),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    async fn directory(&mut self, tree: &str) -> Result<&HashMap<String, Entry>, Failure> {
        if !self.known.contains_key(tree) {
            let listed: Tree = self.wire.get("tree", &format!("/git/trees/{tree}")).await?;
            if listed.truncated {
                return Err(Failure::Shape { reason: "tree: a directory too large to be listed".to_owned() });
            }
            let entries = listed.tree.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
            self.known.insert(tree.to_owned(), entries);
        }
        Ok(&self.known[tree])
    }
}
