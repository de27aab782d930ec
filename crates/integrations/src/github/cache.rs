//! Answers kept by address with their ETag. An answer that is unchanged costs nothing of the hourly limit.

use std::{any::Any, collections::HashMap, collections::VecDeque, sync::Arc};

/// Addresses that are remembered; a poll uses about five, and a few more per unfinished deployment.
const ENTRIES_MAX: usize = 64;

type Answer = Arc<dyn Any + Send + Sync>;

/// Parsed answers, oldest thrown out first. Parsed, because the raw bodies of GitHub are thirty times as long.
#[derive(Default)]
pub(super) struct Cache {
    entries: HashMap<String, (String, Answer)>,
    order: VecDeque<String>,
}

impl Cache {
    /// The ETag to ask with.
    pub(super) fn tag(&self, address: &str) -> Option<String> {
        self.entries.get(address).map(|(tag, _)| tag.clone())
    }

    /// The answer that belongs to the tag.
    pub(super) fn answer<T: Any + Send + Sync>(&self, address: &str) -> Option<Arc<T>> {
        self.entries.get(address).and_then(|(_, answer)| Arc::clone(answer).downcast::<T>().ok())
    }

    /// Keeps an answer.
    pub(super) fn keep<T: Any + Send + Sync>(&mut self, address: &str, tag: String, answer: Arc<T>) {
        if self.entries.insert(address.to_owned(), (tag, answer)).is_none() {
            self.order.push_back(address.to_owned());
        }
        while self.order.len() > ENTRIES_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_typed() {
        let mut cache = Cache::default();
        for page in 0..200_u32 {
            cache.keep(&format!("/{page}"), format!("\"{page}\""), Arc::new(page));
        }
        assert_eq!(cache.entries.len(), ENTRIES_MAX);
        assert_eq!(cache.tag("/0"), None);
        assert_eq!(cache.tag("/199").as_deref(), Some("\"199\""));
        assert_eq!(cache.answer::<u32>("/199").as_deref(), Some(&199));
        assert_eq!(cache.answer::<String>("/199"), None);
        cache.keep("/199", "\"new\"".into(), Arc::new(7_u32));
        assert_eq!(cache.entries.len(), ENTRIES_MAX);
        assert_eq!(cache.answer::<u32>("/199").as_deref(), Some(&7));
    }
}
