//! The operator's words, one place for all of them: typed into a chat, or given as a subcommand.

use wakeman_present::{self as present, Doc, RenderContext, Verb};
use wakeman_types::{Gateway, ListRequest, Principal, ResolveRequest, ThreadId, View};

use super::{
    control,
    decide::{self, tell_finding},
    ranking,
};
use crate::{
    attach::{Attached, attach},
    failure::{DONE, Failure},
    global::Global,
};

/// Attaches, does what the word says, lets go.
pub async fn once(global: &Global, verb: Verb) -> Result<u8, Failure> {
    let attached = attach(global).await?;
    let done = run(global, &attached, &global.principal(), verb).await;
    if let Some(embedded) = attached.embedded {
        embedded.close().await;
    }
    done.map(|()| DONE)
}

/// Does what the word says and prints the answer.
pub async fn run(global: &Global, attached: &Attached, by: &Principal, verb: Verb) -> Result<(), Failure> {
    let gateway = &*attached.gateway;
    let status = gateway.status(by).await?;
    let context = global.context(status.as_of, &status.timezone);
    if let Some(safe) = status.safe_mode.filter(|_| verb != Verb::Status) {
        global.complain(&format!(
            "safe mode: {}; this is what can still be read, `wakeman doctor` has the steps",
            safe.reason
        ));
    }
    match verb {
        Verb::Approve { id, digest, part } => decide::approved(global, attached, by, id, (digest, part)).await,
        Verb::Reject { id, reason } => decide::rejected(global, attached, by, id, reason).await,
        Verb::Renew(id) => {
            let view = gateway.renew(by, id).await?;
            global.answer(&view, &present::proposal_doc(&view.proposal, &context))
        }
        Verb::Acknowledge(id) => tell_finding(global, &gateway.acknowledge(by, id).await?, &context),
        Verb::Snooze { id, duration_ms } => tell_finding(global, &gateway.snooze(by, id, duration_ms).await?, &context),
        Verb::Settle { id, found, reason } => {
            let request = ResolveRequest { outcome: found, reason };
            decide::resolved(global, attached, by, id, request).await
        }
        Verb::Resolve(id) => tell_finding(global, &gateway.resolve(by, id).await?, &context),
        said @ (Verb::Mute { .. } | Verb::Unmute(_) | Verb::Mode(_) | Verb::Halt(_) | Verb::Resume) => {
            control::typed(global, attached, by, said, &context).await
        }
        Verb::Feedback { id, useful } => {
            let view = gateway.feedback(by, id, useful).await?;
            global.answer(&view, &Doc::bare().text(present::feedback_line(&view, useful)))
        }
        Verb::Wakeups(Some(order)) => {
            let view = gateway.order_wakeup(by, order).await?;
            global.answer(&view, &present::wakeups_table(std::slice::from_ref(&view), &context))
        }
        Verb::Tip => {
            let view = gateway.tip(by).await?;
            global.answer(&view, &present::tip_view_doc(&view, &context))
        }
        Verb::TipFeedback { id, useful } => {
            let tip = gateway.tip_feedback(by, id, useful).await?;
            global.answer(&tip, &present::tip_doc(&tip, &context))
        }
        Verb::Ranking(word) => ranking::typed(global, attached, by, word).await,
        Verb::Forget(operator) => {
            let view = gateway.forget(by, operator).await?;
            global.answer(&view, &Doc::bare().text(present::forgotten_line(&view)))
        }
        look => looked(global, gateway, by, look, &context).await,
    }
}

async fn looked(
    global: &Global,
    gateway: &dyn Gateway,
    by: &Principal,
    verb: Verb,
    context: &RenderContext,
) -> Result<(), Failure> {
    let of = |state: Option<String>| ListRequest { state, ..ListRequest::default() };
    match verb {
        Verb::Status => {
            let status = gateway.status(by).await?;
            global.answer(&status, &present::status_doc(&status, context))
        }
        Verb::Findings(state) => {
            let page = gateway.findings(by, of(state)).await?;
            global.answer(&page.items, &present::findings_table(&page.items, context))
        }
        Verb::Finding(id) => {
            let view = gateway.finding(by, id).await?;
            global.answer(&view, &present::doc(&View::Finding(Box::new(view.clone())), context))
        }
        Verb::Why(id) => {
            let view = gateway.why(by, id).await?;
            global.answer(&view, &present::why_doc(&view, context))
        }
        Verb::WhyTip(id) => {
            let view = gateway.tip_why(by, id).await?;
            global.answer(&view, &present::tip_why_doc(&view, context))
        }
        Verb::Proposals(state) => {
            let page = gateway.proposals(by, of(state)).await?;
            global.answer(&page.items, &present::proposals_table(&page.items, context))
        }
        Verb::Proposal(id) => {
            let view = gateway.proposal(by, id).await?;
            global.answer(&view, &present::details_doc(&view.proposal, context))
        }
        Verb::Wakeups(None) => {
            let views = gateway.wakeups(by).await?;
            global.answer(&views, &present::wakeups_table(&views, context))
        }
        Verb::WakeupHistory(state) => {
            let page = gateway.wakeup_history(by, of(state)).await?;
            global.answer(&page.items, &present::occurrences_table(&page.items, context))
        }
        Verb::Threads => {
            let page = gateway.threads(by, ListRequest::default()).await?;
            global.answer(&page.items, &present::threads_table(&page.items, context))
        }
        Verb::Thread(id) => thread(global, gateway, by, &id, context).await,
        Verb::Whoami => {
            let view = gateway.whoami(by).await?;
            global.answer(&view, &present::whoami_doc(&view))
        }
        _ => global.answer(&"help", &present::help_doc()),
    }
}

async fn thread(
    global: &Global,
    gateway: &dyn Gateway,
    by: &Principal,
    id: &ThreadId,
    context: &RenderContext,
) -> Result<(), Failure> {
    let view = gateway.thread(by, id, ListRequest::default()).await?;
    global.answer(&view, &present::thread_doc(&view, context))
}
