//! Which leased message was claimed for which channel: the route of its confirmation names it.

use std::collections::VecDeque;

use wakeman_types::{Channel, DeliveryId};

/// Leases that are remembered. The oldest go first: a lease ends after ten minutes, and far fewer are under way at once.
const CLAIMS_MAX: usize = 4_096;

/// The leases of this client, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Claims(VecDeque<(DeliveryId, Channel)>);

impl Claims {
    /// It was claimed, perhaps again.
    pub(crate) fn note(&mut self, id: &DeliveryId, channel: Channel) {
        self.forget(id);
        if self.0.len() >= CLAIMS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((id.clone(), channel));
    }

    pub(crate) fn channel_of(&self, id: &DeliveryId) -> Option<Channel> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, channel)| *channel)
    }

    /// What became of it is told.
    pub(crate) fn forget(&mut self, id: &DeliveryId) {
        self.0.retain(|(known, _)| known != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leases_are_forgotten_first_and_none_is_there_twice() {
        let mut claims = Claims::default();
        let id = |number: usize| DeliveryId::new(format!("d{number}"));
        for number in 0..CLAIMS_MAX + 10 {
            claims.note(&id(number), Channel::Telegram);
            claims.note(&id(number), Channel::Discord);
        }
        assert_eq!(claims.0.len(), CLAIMS_MAX);
        assert_eq!((claims.channel_of(&id(9)), claims.channel_of(&id(10))), (None, Some(Channel::Discord)));
        claims.forget(&id(10));
        assert_eq!((claims.channel_of(&id(10)), claims.0.len()), (None, CLAIMS_MAX - 1));
    }
}
