//! The object store and its refs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::object::{Commit, Flat, Leaf, Node, Oid};

/// How a file differs between two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileStatus {
    Added,
    Removed,
    Modified,
}

/// One file that differs between two trees.
#[derive(Clone, Debug)]
pub(crate) struct FileChange {
    pub(crate) path: String,
    pub(crate) status: FileStatus,
    pub(crate) before: Option<Leaf>,
    pub(crate) after: Option<Leaf>,
}

/// All objects of a repository, and its refs by full name (`refs/heads/main`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    blobs: BTreeMap<Oid, Arc<[u8]>>,
    trees: BTreeMap<Oid, BTreeMap<String, Node>>,
    commits: BTreeMap<Oid, (usize, Commit)>,
    refs: BTreeMap<String, Oid>,
}

impl Store {
    pub(crate) fn put_blob(&mut self, bytes: &[u8]) -> Oid {
        let oid = Oid::of("blob", bytes);
        self.blobs.entry(oid).or_insert_with(|| bytes.into());
        oid
    }

    pub(crate) fn blob(&self, oid: Oid) -> Option<Arc<[u8]>> {
        self.blobs.get(&oid).cloned()
    }

    /// Stores the tree objects of `files`, one for each folder, and returns the root's id.
    pub(crate) fn put_tree(&mut self, files: &Flat) -> Oid {
        let mut entries: BTreeMap<String, Node> = BTreeMap::new();
        let mut folders: BTreeMap<&str, Flat> = BTreeMap::new();
        for (path, leaf) in files {
            match path.split_once('/') {
                None => {
                    entries.insert(path.clone(), Node::File(*leaf));
                }
                Some((folder, rest)) => {
                    folders.entry(folder).or_default().insert(rest.to_owned(), *leaf);
                }
            }
        }
        for (folder, inside) in folders {
            entries.insert(folder.to_owned(), Node::Dir(self.put_tree(&inside)));
        }
        let oid = Oid::of("tree", format!("{entries:?}").as_bytes());
        self.trees.entry(oid).or_insert(entries);
        oid
    }

    /// The entries of one tree object, by name.
    pub(crate) fn tree(&self, oid: Oid) -> Option<&BTreeMap<String, Node>> {
        self.trees.get(&oid)
    }

    /// Every file below the tree `oid`, by full path; empty for an unknown tree.
    pub(crate) fn flatten(&self, oid: Oid) -> Flat {
        let mut files = Flat::new();
        self.flatten_into(oid, "", &mut files);
        files
    }

    fn flatten_into(&self, oid: Oid, prefix: &str, files: &mut Flat) {
        for (name, node) in self.trees.get(&oid).into_iter().flatten() {
            match node {
                Node::File(leaf) => {
                    files.insert(format!("{prefix}{name}"), *leaf);
                }
                Node::Dir(inner) => self.flatten_into(*inner, &format!("{prefix}{name}/"), files),
            }
        }
    }

    /// What stands at `path` below the tree `root`; the root itself for an empty path.
    pub(crate) fn at_path(&self, root: Oid, path: &str) -> Option<Node> {
        let mut node = Node::Dir(root);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let Node::Dir(oid) = node else { return None };
            node = *self.trees.get(&oid)?.get(name)?;
        }
        Some(node)
    }

    pub(crate) fn put_commit(&mut self, commit: Commit) -> Oid {
        let oid = Oid::of("commit", &commit.encoded());
        let sequence = self.commits.len();
        self.commits.entry(oid).or_insert((sequence, commit));
        oid
    }

    pub(crate) fn commit(&self, oid: Oid) -> Option<&Commit> {
        self.commits.get(&oid).map(|(_, commit)| commit)
    }

    /// The place of a commit in the order of creation: parents always come before children.
    pub(crate) fn sequence(&self, oid: Oid) -> usize {
        self.commits.get(&oid).map_or(0, |(sequence, _)| *sequence)
    }

    /// All files of a commit; empty for an unknown one.
    pub(crate) fn files_of(&self, commit: Oid) -> Flat {
        self.commit(commit).map(|commit| self.flatten(commit.tree)).unwrap_or_default()
    }

    /// The one commit whose id starts with `prefix` (at least four digits).
    pub(crate) fn commit_by_prefix(&self, prefix: &str) -> Option<Oid> {
        if prefix.len() < 4 || prefix.len() > 40 {
            return None;
        }
        let prefix = prefix.to_ascii_lowercase();
        let mut found = self.commits.keys().filter(|oid| oid.to_string().starts_with(&prefix));
        let first = found.next()?;
        found.next().is_none().then_some(*first)
    }

    pub(crate) fn set_ref(&mut self, name: &str, target: Oid) {
        self.refs.insert(name.to_owned(), target);
    }

    pub(crate) fn remove_ref(&mut self, name: &str) -> Option<Oid> {
        self.refs.remove(name)
    }

    pub(crate) fn reference(&self, name: &str) -> Option<Oid> {
        self.refs.get(name).copied()
    }

    pub(crate) fn refs(&self) -> impl Iterator<Item = (&str, Oid)> {
        self.refs.iter().map(|(name, oid)| (name.as_str(), *oid))
    }

    /// The files that differ between two whole trees, by path.
    pub(crate) fn changes(before: &Flat, after: &Flat) -> Vec<FileChange> {
        let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
        paths.sort();
        paths.dedup();
        let change = |path: &String| {
            let (old, new) = (before.get(path).copied(), after.get(path).copied());
            let status = match (old, new) {
                (None, Some(_)) => FileStatus::Added,
                (Some(_), None) => FileStatus::Removed,
                _ if old == new => return None,
                _ => FileStatus::Modified,
            };
            Some(FileChange { path: path.clone(), status, before: old, after: new })
        };
        paths.into_iter().filter_map(change).collect()
    }

    /// The bytes of a leaf; empty when there is none.
    pub(crate) fn bytes(&self, leaf: Option<Leaf>) -> Arc<[u8]> {
        leaf.and_then(|leaf| self.blob(leaf.blob)).unwrap_or_else(|| Arc::from([]))
    }
}
