//! How fast may be spoken: Telegram's own numbers are about one message a second in a chat, twenty a minute in a group and thirty a
//! second in all. Sends and edits come out of one budget.

/// Messages at once that a chat bears.
const BURST: f64 = 3.0;

/// A bucket that fills with time.
#[derive(Debug, Clone)]
struct Bucket {
    tokens: f64,
    burst: f64,
    per_ms: f64,
    at_ms: i64,
}

impl Bucket {
    fn new(burst: f64, per_second: f64, now_ms: i64) -> Self {
        Self { tokens: burst, burst, per_ms: per_second / 1_000.0, at_ms: now_ms }
    }

    /// Milliseconds until it holds `wanted`; 0: it does.
    fn wait_ms(&mut self, wanted: f64, now_ms: i64) -> i64 {
        let passed = (now_ms - self.at_ms).max(0);
        self.tokens = (self.tokens + passed as f64 * self.per_ms).min(self.burst);
        self.at_ms = now_ms;
        let missing = (wanted.min(self.burst) - self.tokens).max(0.0);
        (missing / self.per_ms).ceil() as i64
    }
}

/// The budget of one chat, or of all together.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    buckets: Vec<Bucket>,
    quiet_until_ms: i64,
}

impl Budget {
    /// Of one chat; groups have negative ids.
    pub(crate) fn chat(id: i64, now_ms: i64) -> Self {
        let mut buckets = vec![Bucket::new(BURST, 1.0, now_ms)];
        if id < 0 {
            buckets.push(Bucket::new(18.0, 18.0 / 60.0, now_ms));
        }
        Self { buckets, quiet_until_ms: 0 }
    }

    /// Of all chats.
    pub(crate) fn all(now_ms: i64) -> Self {
        Self { buckets: vec![Bucket::new(25.0, 25.0, now_ms)], quiet_until_ms: 0 }
    }

    /// Milliseconds until one message may go and `spare` more could.
    pub(crate) fn wait_ms(&mut self, spare: u32, now_ms: i64) -> i64 {
        let wanted = 1.0 + f64::from(spare);
        let wait = self.buckets.iter_mut().map(|bucket| bucket.wait_ms(wanted, now_ms)).max().unwrap_or(0);
        wait.max(self.quiet_until_ms - now_ms)
    }

    /// Counts one message.
    pub(crate) fn take(&mut self) {
        self.buckets.iter_mut().for_each(|bucket| bucket.tokens -= 1.0);
    }

    /// Says nothing until then: Telegram asked for it.
    pub(crate) fn quiet(&mut self, until_ms: i64) {
        self.quiet_until_ms = self.quiet_until_ms.max(until_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(budget: &mut Budget, ms: i64) -> usize {
        (0..ms)
            .step_by(10)
            .filter(|now| {
                let free = budget.wait_ms(0, *now) == 0;
                if free {
                    budget.take();
                }
                free
            })
            .count()
    }

    #[test]
    fn a_chat_gets_a_burst_then_one_a_second_and_a_group_less_than_twenty_a_minute() {
        let chat = sent(&mut Budget::chat(5, 0), 60_000);
        assert!((3 + 58..=3 + 59).contains(&chat), "{chat}");
        let group = sent(&mut Budget::chat(-5, 0), 180_000);
        assert!((18 + 50..=18 + 54).contains(&group), "{group}");
        let all = sent(&mut Budget::all(0), 1_000);
        assert!((25 + 23..=25 + 25).contains(&all), "{all}");
    }

    #[test]
    fn what_telegram_asks_for_is_kept_and_a_growing_text_leaves_room_for_what_matters() {
        let mut budget = Budget::chat(5, 0);
        budget.quiet(3_000);
        assert_eq!(budget.wait_ms(0, 1_000), 2_000);
        assert_eq!(budget.wait_ms(0, 3_000), 0);
        budget.take();
        budget.take();
        assert_eq!((budget.wait_ms(0, 3_000), budget.wait_ms(1, 3_000)), (0, 1_000));
    }
}
