//! A megabyte kept beside the database, given up when the disk is full so that a rejection or a halt can still be written.
//!
//! Only commits marked essential may use it. It is filled again once writing goes well.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Enough for some tens of small commits in the write-ahead log.
const RESERVE_BYTES: usize = 1 << 20;

fn place(path: &Path) -> PathBuf {
    super::open::beside(path, "-reserve")
}

/// Frees the reserve of the database at `path`. `false`: there is none left.
pub(super) fn release(path: &Path) -> bool {
    fs::remove_file(place(path)).is_ok()
}

/// Fills the reserve if it is missing.
pub(super) async fn refill(path: &Path) {
    let place = place(path);
    let filled = tokio::task::spawn_blocking(move || fill(&place)).await;
    if let Err(error) = filled.map_err(io::Error::other).flatten() {
        tracing::debug!(error = %error, "store.reserve_unfilled");
    }
}

fn fill(place: &Path) -> io::Result<()> {
    if fs::metadata(place).is_ok_and(|meta| meta.len() == RESERVE_BYTES as u64) {
        return Ok(());
    }
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(place)?;
    // Written, not only made longer: a hole reserves nothing.
    let filled = file.write_all(&vec![0xFF; RESERVE_BYTES]);
    if filled.is_err() {
        fs::remove_file(place)?;
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_once_and_filled_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wakeman.db");
        assert!(!release(&path));
        for _ in 0..2 {
            fill(&place(&path)).unwrap();
            assert_eq!(fs::metadata(place(&path)).unwrap().len(), RESERVE_BYTES as u64);
        }
        assert!(release(&path));
        assert!(!release(&path));
    }
}
