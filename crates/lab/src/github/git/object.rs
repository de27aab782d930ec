//! Object ids and the shapes of blobs, trees and commits.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The id of an object: 20 bytes, shown as 40 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Oid([u8; 20]);

impl Oid {
    /// The id of `bytes` stored as an object of `kind` (`blob`, `tree`, `commit`).
    pub(crate) fn of(kind: &str, bytes: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("{kind} {}\0", bytes.len()));
        hash.update(bytes);
        let digest = hash.finalize();
        let mut id = [0; 20];
        id.copy_from_slice(&digest[..20]);
        Self(id)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Oid({self})")
    }
}

impl FromStr for Oid {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 20];
        hex::decode_to_slice(text, &mut id)?;
        Ok(Self(id))
    }
}

/// The mode of a file in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileMode {
    Regular,
    Executable,
    Symlink,
}

impl FileMode {
    /// The six digits of the wire format.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }

    /// The mode named by the six digits of the wire format.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Regular, Self::Executable, Self::Symlink].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// A file in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) mode: FileMode,
    pub(crate) blob: Oid,
}

/// A whole tree by full path.
pub(crate) type Flat = BTreeMap<String, Leaf>;

/// One entry of a tree object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    File(Leaf),
    Dir(Oid),
}

impl Node {
    /// The id of what the entry points at.
    pub(crate) fn oid(&self) -> Oid {
        match self {
            Self::File(leaf) => leaf.blob,
            Self::Dir(oid) => *oid,
        }
    }
}

/// Who wrote or committed something, and when (Unix milliseconds).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) at_ms: i64,
}

/// A commit object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) tree: Oid,
    pub(crate) parents: Vec<Oid>,
    pub(crate) author: Signature,
    pub(crate) committer: Signature,
    pub(crate) message: String,
}

impl Commit {
    /// The bytes the commit's id is computed over.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut text = format!("tree {}\n", self.tree);
        for parent in &self.parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        for (role, who) in [("author", &self.author), ("committer", &self.committer)] {
            text.push_str(&format!("{role} {} <{}> {} +0000\n", who.name, who.email, who.at_ms / 1000));
        }
        text.push('\n');
        text.push_str(&self.message);
        text.into_bytes()
    }
}
