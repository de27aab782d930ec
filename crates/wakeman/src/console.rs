//! The terminal as a frontend: claims what is owed to it, prints it, confirms it.

use std::io::Write;

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
    console: Console<Vec<u8>>,
    zone: String,
}

impl<'a> Printer<'a> {
    /// A printer; times are told in `zone`.
    pub fn new(global: &'a Global, zone: String) -> Self {
        Self { global, console: Console::new(Vec::new(), global.style), zone }
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
                let (doc, words) = self.words(&item, now)?;
                // Who reads may be slow, or gone without closing: waited for beside everything else.
                let written = tokio::task::spawn_blocking(move || write(&words)).await;
                written.map_err(|error| Failure::failed(error.to_string()))??;
                let report = DeliveryReport::Sent { reference: None };
                gateway.confirm_delivery(&item.delivery.id, item.epoch, report).await?;
                printed.push((item, doc));
            }
        }
    }

    fn words(&mut self, item: &ClaimedDelivery, now: Timestamp) -> Result<(Doc, Vec<u8>), Failure> {
        let context = self.context(now);
        if !self.global.json {
            let doc = self.console.print(&item.delivery, &context)?;
            return Ok((doc, self.console.taken()));
        }
        let doc = wakeman_present::doc(&item.delivery.view, &context);
        let delivery = &item.delivery;
        let mut line = serde_json::to_vec(&json!({
            "type": "delivery", "at": rfc3339(delivery.created_at), "id": delivery.id, "channel": delivery.channel,
            "thread": delivery.thread, "class": delivery.class, "severity": delivery.severity,
            "finding": delivery.finding, "text": wakeman_present::plain(&doc),
        }))
        .map_err(|error| Failure::failed(error.to_string()))?;
        line.push(b'\n');
        Ok((doc, line))
    }

    /// Prints any other message in the flow, unless JSON was asked for.
    pub fn say(&mut self, doc: &Doc) -> Result<(), Failure> {
        if self.global.json {
            return Ok(());
        }
        self.console.say(doc)?;
        Ok(write(&self.console.taken())?)
    }

    /// Time and zone for words.
    pub fn context(&self, now: Timestamp) -> RenderContext {
        self.global.context(now, &self.zone)
    }
}

/// Nobody who left is told of it.
fn write(words: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(words).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// `2026-01-05T14:10:00Z`
pub fn rfc3339(at: Timestamp) -> String {
    let time = chrono::DateTime::from_timestamp_millis(at.ms()).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
