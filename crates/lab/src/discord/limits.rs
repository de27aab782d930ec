//! Rate limits: five messages in five seconds in one channel, fifty requests a second over all, and what is ordered.

use std::collections::HashMap;
use std::time::Duration;

use regex_automata::meta::Regex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::answer::Refusal;

/// Requests a second over all routes.
const GLOBAL_PER_SECOND: u32 = 50;

/// An order to throttle requests.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Throttle {
    /// A regular expression on `METHOD path`.
    #[serde(rename = "match", default)]
    pub(super) pattern: String,
    /// Seconds to wait.
    pub(super) retry_after: f64,
    #[serde(default)]
    pub(super) global: bool,
    /// How many requests meet it.
    #[serde(default = "once")]
    pub(super) times: u32,
}

fn once() -> u32 {
    1
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u32,
    resets: Instant,
}

/// What is left where.
#[derive(Debug)]
pub(super) struct Limits {
    /// Messages a channel takes within [`Limits::within`].
    pub(super) messages: u32,
    pub(super) within: Duration,
    orders: Vec<(Regex, Throttle)>,
    rooms: HashMap<u64, Bucket>,
    global: Option<Bucket>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { messages: 5, within: Duration::from_secs(5), orders: Vec::new(), rooms: HashMap::new(), global: None }
    }
}

/// What the headers of an answer say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    pub(super) reset_after: Duration,
}

impl Limits {
    /// Takes an order; the error is a bad expression.
    pub(super) fn order(&mut self, throttle: Throttle) -> Result<(), String> {
        let regex = Regex::new(&throttle.pattern).map_err(|error| error.to_string())?;
        self.orders.push((regex, throttle));
        Ok(())
    }

    /// Whether an order or the limit over all routes stands against a request.
    pub(super) fn pass(&mut self, line: &str, now: Instant) -> Result<(), Refusal> {
        if let Some((_, order)) = self.orders.iter_mut().find(|(regex, order)| order.times > 0 && regex.is_match(line))
        {
            order.times -= 1;
            return Err(Refusal::Throttled(order.retry_after, order.global));
        }
        let fresh = Bucket { left: GLOBAL_PER_SECOND, resets: now + Duration::from_secs(1) };
        let bucket = self.global.get_or_insert(fresh);
        take(bucket, fresh, now).map(|_| ()).map_err(|wait| Refusal::Throttled(wait, true))
    }

    /// Takes one message of a channel's allowance.
    pub(super) fn message(&mut self, room: u64, now: Instant) -> Result<Left, Refusal> {
        let fresh = Bucket { left: self.messages, resets: now + self.within };
        let bucket = self.rooms.entry(room).or_insert(fresh);
        let limit = self.messages;
        let left = |bucket: Bucket| Left { limit, remaining: bucket.left, reset_after: bucket.resets - now };
        take(bucket, fresh, now).map(left).map_err(|wait| Refusal::Throttled(wait, false))
    }
}

/// One of a bucket that fills anew when its time is over; else the seconds until then.
fn take(bucket: &mut Bucket, fresh: Bucket, now: Instant) -> Result<Bucket, f64> {
    if bucket.resets <= now {
        *bucket = fresh;
    }
    if bucket.left == 0 {
        return Err((bucket.resets - now).as_secs_f64().max(0.001));
    }
    bucket.left -= 1;
    Ok(*bucket)
}
