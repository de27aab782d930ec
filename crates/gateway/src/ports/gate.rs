//! Whether anything outside may be changed now, for the adapters that change it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Shut during a halt and in mode `observe`. A write that waited for its turn at a host looks here before it goes out, so that a halt
/// stops also what was let through before it. Clones share it; a new one is open.
#[derive(Debug, Clone, Default)]
pub struct WriteGate {
    /// Twice the version of the row that says so, and one more when shut: what was read earlier never undoes what was read later.
    newest: Arc<AtomicU64>,
}

impl WriteGate {
    /// Whether writes are held back.
    pub fn is_shut(&self) -> bool {
        self.newest.load(Ordering::SeqCst) % 2 == 1
    }

    /// Takes note of what version `version` of the row says.
    pub fn set(&self, version: u64, shut: bool) {
        self.newest.fetch_max(version.saturating_mul(2) + u64::from(shut), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_earlier_never_undoes_what_was_read_later() {
        let gate = WriteGate::default();
        let adapter = gate.clone();
        assert!(!adapter.is_shut());
        gate.set(3, true);
        gate.set(2, false);
        assert!(adapter.is_shut());
        gate.set(4, false);
        gate.set(3, true);
        assert!(!adapter.is_shut());
    }
}
