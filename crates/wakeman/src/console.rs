//! The terminal as a frontend: claims what is owed to it, prints it, confirms it.

use serde_json::json;
use wakeman_cli::Console;
use wakeman_present::{Doc, RenderContext};
use wakeman_types::{Channel, ClaimedDelivery, DeliveryReport, Gateway, Timestamp};

use crate::{failure::Failure, global::Global};

/// How long a claimed message is ours.
const LEASE_MS: i64 = 60_000;

/// Prints owed messages in order, as words or as JSON Lines.
pub struct Printer<'a> {
    global: &'a Global,
    console: Console<std::io::Stdout>,
    zone: String,
}

impl<'a> Printer<'a> {
    /// A printer; times are told in `zone`.
    pub fn new(global: &'a Global, zone: String) -> Self {
        Self { global, console: Console::new(std::io::stdout(), global.style), zone }
    }

    /// Claims, prints and confirms everything that is owed now. Returns what was printed.
    ///
    /// # Errors
    /// When the store or stdout fails; what was not confirmed is owed again.
    pub async fn drain(
        &mut self,
        gateway: &dyn Gateway,
        now: Timestamp,
    ) -> Result<Vec<(ClaimedDelivery, Doc)>, Failure> {
        let mut printed = Vec::new();
        loop {
            let claimed = gateway.claim_deliveries(Channel::Cli, LEASE_MS, 20).await?;
            if claimed.is_empty() {
                return Ok(printed);
            }
            for item in claimed {
                let doc = self.print(&item, now)?;
                let report = DeliveryReport::Sent { reference: None };
                gateway.confirm_delivery(&item.delivery.id, item.epoch, report).await?;
                printed.push((item, doc));
            }
        }
    }

    fn print(&mut self, item: &ClaimedDelivery, now: Timestamp) -> Result<Doc, Failure> {
        let context = self.context(now);
        if !self.global.json {
            return Ok(self.console.print(&item.delivery, &context)?);
        }
        let doc = wakeman_present::doc(&item.delivery.view, &context);
        let delivery = &item.delivery;
        self.global.print_json(&json!({
            "type": "delivery", "at": rfc3339(delivery.created_at), "id": delivery.id, "channel": delivery.channel,
            "thread": delivery.thread, "class": delivery.class, "severity": delivery.severity,
            "finding": delivery.finding, "text": wakeman_present::plain(&doc),
        }))?;
        Ok(doc)
    }

    /// Prints any other message in the flow, unless JSON was asked for.
    pub fn say(&mut self, doc: &Doc) -> Result<(), Failure> {
        if self.global.json { Ok(()) } else { Ok(self.console.say(doc)?) }
    }

    /// Time and zone for words.
    pub fn context(&self, now: Timestamp) -> RenderContext {
        self.global.context(now, &self.zone)
    }
}

/// `2026-01-05T14:10:00Z`
pub fn rfc3339(at: Timestamp) -> String {
    let time = chrono::DateTime::from_timestamp_millis(at.ms()).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
