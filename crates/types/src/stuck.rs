//! Which messages a chat platform keeps answering with an error although it is well: others get through, and this one does not.
//!
//! An outage costs a message no try, however long it lasts. A message that is itself the trouble would then hold up its chat for ever.

use std::collections::HashMap;

/// Failures of one message, each with something else that got through before it, after which it is the message.
const OWN_MAX: u32 = 3;
/// Failures in a row while nothing else was to be said, after which it is the message too: what is waited for before each is that the
/// platform answers who we are.
const ALONE_MAX: u32 = 40;
/// Messages that are remembered.
const KNOWN_MAX: usize = 500;

/// How one message failed.
#[derive(Debug, Clone, Copy, Default)]
struct Failed {
    all: u32,
    own: u32,
    /// What had got through by the last failure.
    through: u64,
}

/// What failed, and how much got through.
#[derive(Debug, Default)]
pub struct Stuck {
    through: u64,
    failed: HashMap<String, Failed>,
}

impl Stuck {
    /// The message arrived.
    pub fn arrived(&mut self, id: &str) {
        self.through += 1;
        self.failed.remove(id);
    }

    /// The message was answered with an error, or not at all. Whether it is the message that is the trouble: then it costs a try.
    pub fn failed(&mut self, id: &str) -> bool {
        if self.failed.len() >= KNOWN_MAX && !self.failed.contains_key(id) {
            self.failed.clear();
        }
        let through = self.through;
        let fresh = Failed { through, ..Failed::default() };
        let one = self.failed.entry(id.to_owned()).or_insert(fresh);
        one.all += 1;
        one.own += u32::from(through > one.through);
        one.through = through;
        one.own >= OWN_MAX || one.all >= ALONE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_no_messages_fault_and_one_that_fails_among_others_is() {
        let mut stuck = Stuck::default();
        for _ in 0..ALONE_MAX - 1 {
            assert!(!stuck.failed("d1") && !stuck.failed("d2"), "nothing gets through");
        }
        assert!(stuck.failed("d1"), "it is asked whether all is well before each, and it is");
        stuck.arrived("d1");
        // The first of them shows only since when it fails.
        for _ in 0..OWN_MAX {
            stuck.arrived("d9");
            assert!(!stuck.failed("d3"));
            assert!(!stuck.failed("d3"), "nothing got through since");
        }
        stuck.arrived("d9");
        assert!(stuck.failed("d3"));
        assert!(stuck.failed("d3"), "from then on each costs a try");
        stuck.arrived("d3");
        assert!(!stuck.failed("d3"), "begun anew");
    }
}
