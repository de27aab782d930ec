//! The signature over a lane's head: Ed25519 by the instance's own key, so that an edit is detected even by whoever can re-link.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_types::{Entity, Timestamp};

use crate::{canonical::to_canonical_json, commit::Seq, error::StoreError, journal::JournalHead};

/// A lane's head, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// The lane.
    pub lane: u64,
    /// The entry it vouches for, and every one before it.
    pub seq: u64,
    /// That entry's link, hex.
    pub link: String,
    /// When it was signed.
    pub at: Timestamp,
    /// The public key, hex.
    pub key: String,
    /// Ed25519 over the canonical JSON of `{v:1, lane, seq, link, at_ms}`, hex.
    pub signature: String,
}

impl SignedHead {
    fn message(lane: u64, seq: u64, link: &str, at: Timestamp) -> Vec<u8> {
        to_canonical_json(&json!({"v": 1, "lane": lane, "seq": seq, "link": link, "at_ms": at.ms()})).into_bytes()
    }

    /// Whether `key` (hex) signed exactly this.
    pub fn holds(&self, key: &str) -> bool {
        let (Ok(public), Ok(signature)) = (hex::decode(key), hex::decode(&self.signature)) else { return false };
        let message = Self::message(self.lane, self.seq, &self.link, self.at);
        self.key == key && UnparsedPublicKey::new(&ED25519, public).verify(&message, &signature).is_ok()
    }
}

impl Entity for SignedHead {
    const KIND: &'static str = "signed_head";

    fn entity_id(&self) -> String {
        format!("{}-{}", self.lane, self.seq)
    }

    fn state_name(&self) -> &str {
        "signed"
    }

    fn parent_id(&self) -> Option<String> {
        Some(format!("lane-{}", self.lane))
    }

    fn sort_key(&self) -> i64 {
        i64::try_from(self.seq).unwrap_or(i64::MAX)
    }
}

/// The instance's signing key. Its file is the owner's alone; the public half stands beside it, for who verifies elsewhere.
pub struct Signer {
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("public", &self.public()).finish_non_exhaustive()
    }
}

/// `journal.key` has `journal.pub` beside it.
pub fn public_path(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

impl Signer {
    /// Opens the key at `path`, made on first use (PKCS #8, mode 0600; the public half as hex in `….pub`).
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be read or written, or is no key.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let io_error = |source: io::Error| StoreError::Io { path: path.to_owned(), source: Arc::new(source) };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path).map_err(io_error)?,
            Err(error) => return Err(io_error(error)),
        };
        let pair = Ed25519KeyPair::from_pkcs8(&bytes)
            .map_err(|_| io_error(io::Error::other("it is not an Ed25519 key; restore it from a backup")))?;
        let signer = Self { pair };
        let public = public_path(path);
        if !public.exists() {
            write_new(&public, signer.public().as_bytes()).map_err(io_error)?;
        }
        Ok(signer)
    }

    /// The public key, hex.
    pub fn public(&self) -> String {
        hex::encode(self.pair.public_key().as_ref())
    }

    /// Signs `head` at `at`.
    pub fn sign(&self, head: &JournalHead, at: Timestamp) -> SignedHead {
        let Seq(seq) = head.seq;
        let signature = self.pair.sign(&SignedHead::message(head.lane, seq, &head.link, at));
        SignedHead {
            lane: head.lane,
            seq,
            link: head.link.clone(),
            at,
            key: self.public(),
            signature: hex::encode(signature.as_ref()),
        }
    }
}

fn create(path: &Path) -> io::Result<Vec<u8>> {
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let made = made.map_err(|_| io::Error::other("the system gives no randomness"))?;
    write_new(path, made.as_ref())?;
    Ok(made.as_ref().to_vec())
}

/// A new file for the owner alone, on the disk before it is used.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
