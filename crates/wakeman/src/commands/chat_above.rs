//! What is owed to the terminal, printed above the line that is being typed.

use std::time::Duration;

use futures::StreamExt;
use tokio::sync::Mutex;
use wakeman_cli::{Above, Console, Flow, Offer};
use wakeman_present::Doc;
use wakeman_types::{Channel, ClaimedDelivery, DeliveryReport, Principal, ProposalState, View};

use super::show::clock;
use crate::{attach::Attached, failure::Failure, global::Global};

/// How long a claimed message is ours.
const LEASE_MS: i64 = 60_000;
/// How long the gateway is asked to wait for something to come.
const WAIT_MS: i64 = 20_000;
/// Before the next try where it does not answer.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a card is on the screen before a key answers it.
const SEEN: Duration = Duration::from_millis(1_500);

/// `view` was shown as `doc`. If it can be answered, then by its keys in a moment.
pub fn offered(offer: &Offer, view: &View, doc: &Doc) {
    match view {
        View::Settled(settled) => offer.over(settled.proposal.id),
        View::Proposal(shown) | View::Details(shown) if doc.buttons.is_empty() => offer.over(shown.proposal.id),
        _ => {}
    }
    if let Some(number) = offer.show(doc) {
        let offer = offer.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SEEN).await;
            offer.settle(number);
        });
    }
}

/// The line that says what can be answered, if anything.
pub fn keys(offer: &Offer, global: &Global) -> String {
    let width = global.style.width;
    offer.line().map(|line| Flow::whole(&format!("{line}, then enter\n"), width)).unwrap_or_default()
}

/// Prints what comes, whenever `screen` is free. Never ends; what it could not print is owed again.
///
/// The daemon leaves what is owed to the terminal to whoever listens; who only waits for the screen listens too.
pub async fn above(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    mut printer: Above,
    screen: &Mutex<()>,
    offer: Offer,
) {
    loop {
        let Ok(listening) = attached.gateway.live(Channel::Cli).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let printing = async {
            loop {
                if arrived(global, attached, by, &mut printer, screen, &offer).await.is_err() {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        tokio::select! {
            () = listening.for_each(|_| std::future::ready(())) => {}
            () = printing => {}
        }
    }
}

async fn arrived(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    printer: &mut Above,
    screen: &Mutex<()>,
    offer: &Offer,
) -> Result<(), Failure> {
    let gateway = &attached.gateway;
    gateway.deliveries_ready(Channel::Cli, WAIT_MS).await?;
    let _free = screen.lock().await;
    let claimed = gateway.claim_deliveries(Channel::Cli, LEASE_MS, 20).await?;
    if claimed.is_empty() {
        return Ok(());
    }
    let (now, zone) = clock(&**gateway, by).await?;
    let mut text = Vec::new();
    let mut console = Console::new(&mut text, global.style);
    for item in claimed.iter().filter(|item| !is_on_screen(&item.delivery.view, offer)) {
        let doc = console.print(&item.delivery, &global.context(now, &zone))?;
        offered(offer, &item.delivery.view, &doc);
    }
    if !text.is_empty() {
        printer.print(format!("\n{}{}", String::from_utf8_lossy(&text), keys(offer, global)))?;
    }
    confirm(attached, claimed).await
}

/// Whether it was said in answer to the key or word that did it.
fn is_on_screen(view: &View, offer: &Offer) -> bool {
    let View::Settled(settled) = view else { return false };
    settled.proposal.state == ProposalState::Rejected && offer.says_rejected(settled.proposal.id)
}

async fn confirm(attached: &Attached, printed: Vec<ClaimedDelivery>) -> Result<(), Failure> {
    for item in printed {
        let report = DeliveryReport::Sent { reference: None };
        attached.gateway.confirm_delivery(&item.delivery.id, item.epoch, report).await?;
    }
    Ok(())
}
