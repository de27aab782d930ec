//! Faults ordered over `/_lab/faults`: what the next matching requests meet.

use regex_automata::meta::Regex;
use serde::{Deserialize, Serialize};

use super::Kept;
use crate::scenario::Service;
use crate::time::SECOND_MS;

/// How much later, in lab time, a late request takes effect.
const LATE_MS: i64 = 30 * SECOND_MS;

/// What happens to a matching request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultMode {
    /// Not applied; the answer is a 502.
    NotApplied,
    /// Applied; the answer is a 502 all the same.
    Applied,
    /// Applied; the connection closes without an answer.
    ReplyLost,
    /// The connection closes without an answer; applied half a minute of lab time later.
    Late,
    /// Never answered, not applied.
    Never,
    /// Not applied; told to come again in a second, in the service's own words.
    Throttled,
}

/// An order for faults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRequest {
    /// `posthog`, `github`, `vercel`, `model`, `telegram` or `discord`.
    pub service: String,
    /// Part of, or a regular expression on, `METHOD path`; the path with or without the service's prefix.
    #[serde(rename = "match", default)]
    pub pattern: String,
    /// What happens.
    pub mode: FaultMode,
    /// To how many requests; 1 if not told.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// Why an order is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FaultError {
    #[error("service {0:?} is not known; write one of posthog, github, vercel, model, telegram, discord")]
    Service(String),
    #[error("match {pattern:?} is neither a plain text nor a regular expression: {problem}")]
    Pattern { pattern: String, problem: String },
}

/// An order being carried out.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) service: Service,
    pub(crate) request: FaultRequest,
    regex: Regex,
}

/// A request that takes effect later.
#[derive(Debug)]
pub(crate) struct Late {
    pub(crate) due_ms: i64,
    pub(super) request: Kept,
    pub(super) place: Option<usize>,
}

/// The orders in force and the requests under way.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    orders: Vec<Order>,
    late: Vec<Late>,
    number: u64,
}

impl Faults {
    /// Takes an order.
    pub(crate) fn add(&mut self, request: FaultRequest) -> Result<(), FaultError> {
        let service = Service::of_word(&request.service).ok_or_else(|| FaultError::Service(request.service.clone()))?;
        let regex = Regex::new(&request.pattern)
            .map_err(|error| FaultError::Pattern { pattern: request.pattern.clone(), problem: error.to_string() })?;
        self.orders.push(Order { service, request, regex });
        Ok(())
    }

    /// The orders with times left.
    pub(crate) fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// Forgets all orders; requests under way still arrive.
    pub(crate) fn clear(&mut self) {
        self.orders.clear();
    }

    /// The first order that a request falls under; it is used up by one.
    pub(super) fn order(&mut self, service: Service, method: &str, path: &str) -> Option<FaultMode> {
        let short = format!("{method} {path}");
        let long = format!("{method} /{}{path}", service.word());
        let hit = |order: &Order| {
            let is = |text: &str| text.contains(&order.request.pattern) || order.regex.is_match(text.as_bytes());
            order.service == service && order.request.times > 0 && (is(&short) || is(&long))
        };
        let order = self.orders.iter_mut().find(|order| hit(order))?;
        order.request.times -= 1;
        let mode = order.request.mode;
        self.orders.retain(|order| order.request.times > 0);
        Some(mode)
    }

    pub(super) fn delay(&mut self, request: Kept, now_ms: i64, place: Option<usize>) {
        self.late.push(Late { due_ms: now_ms + LATE_MS, request, place });
    }

    /// The next request that is due by then.
    pub(super) fn due(&mut self, to_ms: i64) -> Option<Late> {
        let place = self.late.iter().position(|late| late.due_ms <= to_ms)?;
        Some(self.late.remove(place))
    }

    /// Counts the answers given during outages, to vary them.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_match_by_part_or_expression_and_are_used_up() {
        let mut faults = Faults::default();
        for (pattern, mode) in
            [("PUT .*/merge$", FaultMode::ReplyLost), ("/github/repos/acme/app/issues?page", FaultMode::Late)]
        {
            faults.add(FaultRequest { service: "github".into(), pattern: pattern.into(), mode, times: 1 }).unwrap();
        }
        let mut met = |method: &str, path: &str| faults.order(Service::Github, method, path);
        assert_eq!(met("GET", "/repos/acme/app/pulls/7/merge"), None);
        assert_eq!(met("PUT", "/repos/acme/app/pulls/7/merge"), Some(FaultMode::ReplyLost));
        assert_eq!(met("PUT", "/repos/acme/app/pulls/7/merge"), None, "used up");
        assert_eq!(met("GET", "/repos/acme/app/issues?page=2"), Some(FaultMode::Late), "a plain text with a ?");
    }

    #[test]
    fn a_bad_order_is_refused_with_the_remedy() {
        let mut faults = Faults::default();
        let order = |service: &str, pattern: &str| FaultRequest {
            service: service.into(),
            pattern: pattern.into(),
            mode: FaultMode::Never,
            times: 1,
        };
        let error = faults.add(order("gitlab", "")).unwrap_err().to_string();
        assert!(error.contains("\"gitlab\"") && error.contains("posthog, github, vercel"), "{error}");
        let error = faults.add(order("github", "(")).unwrap_err().to_string();
        assert!(error.contains("\"(\""), "{error}");
    }
}
