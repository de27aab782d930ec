//! Chats: what comes in is taken once and ends once, and only the right person decides.

use std::sync::Arc;

use futures::StreamExt;
use serde_json::json;
use wakeman_gateway::{Core, Desk, InboundRow, InboundState, Inbox};
use wakeman_present::{RenderContext, doc, plain};
use wakeman_store::{Commit, OutboxState};
use wakeman_types::{
    Accepted, Admin, AskRequest, Channel, Chat, ClaimedDelivery, DeliveryReport, ErrorKind, Frontend, FrontendHealth,
    Inbound, LiveEvent, OperatorId, PairRequest, Proposal, ProposalId, ProposalState, Role, Said, Turn, UnpairRequest,
    View,
};

use crate::support::{NOW, World, by, minutes};

pub(crate) const TELEGRAM: Channel = Channel::Telegram;
/// A group in which the operators are.
const GROUP: &str = "-100";

pub(crate) struct Surface {
    pub core: Arc<Core>,
    pub desk: Arc<Desk>,
    pub inbox: Arc<Inbox>,
}

/// A message of `from` in their own chat.
pub(crate) fn text(id: &str, from: &str, words: &str) -> Inbound {
    let from = by(from);
    let said = Said::Text {
        text: words.to_owned(),
        message: format!("m{id}"),
        reply_to: None,
        addressed: true,
        forwarded: false,
        edited: false,
    };
    Inbound {
        id: id.to_owned(),
        name: "Some Body".to_owned(),
        chat: from.id().to_owned(),
        from: Some(from),
        direct: true,
        at: NOW,
        said,
    }
}

/// The same in the group.
pub(crate) fn in_group(inbound: Inbound) -> Inbound {
    Inbound { chat: GROUP.to_owned(), direct: false, ..inbound }
}

fn press(id: &str, from: Option<&str>, reference: &str, message: &str) -> Inbound {
    let said = Said::Press { reference: reference.to_owned(), message: Some(message.to_owned()), note: None };
    let whole = in_group(text(id, from.unwrap_or("telegram:0"), ""));
    Inbound { from: from.map(by), said, ..whole }
}

impl Surface {
    pub fn on(core: &Arc<Core>) -> Self {
        let desk = Arc::new(Desk::new(core.clone()));
        Self { core: core.clone(), inbox: Inbox::new(core.clone(), desk.clone()), desk }
    }

    pub async fn take(&self, batch: Vec<Inbound>) -> Accepted {
        let accepted = self.desk.accept_inbound(TELEGRAM, batch, None).await.unwrap();
        self.inbox.idle().await.unwrap();
        accepted
    }

    /// Takes one, and what became of it.
    pub async fn end(&self, inbound: Inbound) -> (InboundState, String) {
        let id = inbound.id.clone();
        self.take(vec![inbound]).await;
        self.row(&id).await
    }

    /// Looks, five seconds after each other, until something is owed: one look after the other and none beside them.
    async fn look_until_owed(&self) {
        for _ in 0..100 {
            self.inbox.clone().run(std::future::ready(())).await;
            if self.core.store.outbox_count(OutboxState::Pending).await.unwrap() > 0 {
                return;
            }
        }
        panic!("nothing is owed after a hundred looks");
    }

    pub async fn row(&self, id: &str) -> (InboundState, String) {
        let row = self.core.store.get::<InboundRow>(&format!("telegram/{id}")).await.unwrap().unwrap().value;
        assert_eq!(row.ended_at.is_some(), row.state.is_terminal());
        (row.state, row.detail)
    }

    /// Everything that is owed, sent: an edit keeps its message, anything else is a new one.
    pub async fn send(&self, channel: Channel) -> Vec<(ClaimedDelivery, String)> {
        let mut sent = Vec::new();
        loop {
            let claimed = self.desk.claim_deliveries(channel, 30_000, 100).await.unwrap();
            if claimed.is_empty() {
                return sent;
            }
            for item in claimed {
                let reference = item.edit.clone().unwrap_or_else(|| format!("s{}", item.delivery.id));
                let references = vec![reference.clone(), format!("{reference}-2")];
                let report = DeliveryReport::SentInParts { references };
                self.desk.confirm_delivery(&item.delivery.id, item.epoch, report).await.unwrap();
                sent.push((item, reference));
            }
        }
    }

    /// A card in the group: the reference of each button by its label, and the message's.
    pub async fn card(&self, id: &str, proposal: ProposalId) -> (Vec<(String, String)>, String) {
        let asked = in_group(text(id, "telegram:1", &format!("proposal {proposal}")));
        assert_eq!(self.end(asked).await.0, InboundState::Done);
        let (shown, message) = self.send(TELEGRAM).await.remove(0);
        (shown.buttons.into_iter().map(|button| (button.label, button.reference)).collect(), message)
    }
}

pub(crate) fn words(claimed: &ClaimedDelivery) -> String {
    plain(&doc(&claimed.delivery.view, &RenderContext { now: NOW, zone: chrono_tz::Tz::UTC }))
}

pub(crate) fn reference<'a>(buttons: &'a [(String, String)], label: &str) -> &'a str {
    &buttons.iter().find(|(known, _)| known == label).unwrap_or_else(|| panic!("{label} in {buttons:?}")).1
}

#[tokio::test]
async fn what_comes_in_is_taken_once_with_its_offset_and_answered_in_order() {
    let world = World::new().await;
    let surface = Surface::on(&world.core);
    let batch = vec![text("u:1", "telegram:1", "/whoami"), text("u:2", "telegram:1", "/help@wakeman_bot")];
    let first = surface.desk.accept_inbound(TELEGRAM, batch.clone(), Some("3".to_owned())).await.unwrap();
    assert_eq!(first, Accepted { new: 2, repeated: 0 });
    let again = surface.desk.accept_inbound(TELEGRAM, batch, Some("3".to_owned())).await.unwrap();
    assert_eq!(again, Accepted { new: 0, repeated: 2 });
    assert_eq!(surface.desk.checkpoint(TELEGRAM).await.unwrap(), Some("3".to_owned()));
    surface.inbox.idle().await.unwrap();
    let sent = surface.send(TELEGRAM).await;
    assert_eq!(sent.len(), 2);
    assert_eq!(words(&sent[0].0), "You are ada (owner), as telegram:1.");
    assert_eq!((sent[0].0.reply_to.as_deref(), sent[1].0.reply_to.as_deref()), (Some("mu:1"), Some("mu:2")));
    assert!(matches!(sent[1].0.delivery.view, View::Help));
    surface.inbox.idle().await.unwrap();
    assert!(surface.send(TELEGRAM).await.is_empty(), "each has one end");
    let liar = Inbound { from: Some(by("discord:1")), ..text("u:3", "telegram:1", "status") };
    assert_eq!(surface.desk.accept_inbound(TELEGRAM, vec![liar], None).await.unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn nobody_but_an_approver_says_yes_in_whatever_form() {
    let world = World::with(json!({"approvals": {"default": {"approvers": ["ada"]}}}), "{}").await;
    let proposal = world.propose_revert().await;
    let other = world.propose_flag().await;
    let surface = Surface::on(&world.core);
    let digest = proposal.digest.as_str().to_owned();
    // A card that is sent twice because nobody confirmed it: the buttons of the first are void.
    surface.take(vec![in_group(text("u:0", "telegram:1", &format!("proposal {}", proposal.id)))]).await;
    let lapsed = surface.desk.claim_deliveries(TELEGRAM, 1_000, 1).await.unwrap().remove(0);
    world.clock.advance(minutes(1));
    let (sent, message) = surface.send(TELEGRAM).await.remove(0);
    let void = lapsed.buttons[0].reference.clone();
    let yes = sent.buttons[0].reference.clone();
    assert_eq!((sent.buttons[0].label.as_str(), yes.len()), ("Approve", 22));
    let (_, other_message) = surface.card("u:00", other.id).await;
    let approve = format!("approve {} {digest}", proposal.id);
    let change = |inbound: Inbound, forwarded: bool, edited: bool| match inbound.said {
        Said::Text { text, message, reply_to, addressed, .. } => {
            Inbound { said: Said::Text { text, message, reply_to, addressed, forwarded, edited }, ..inbound }
        }
        _ => inbound,
    };
    let reply = |from: &str, id: &str| {
        let mut inbound = in_group(text(id, from, "yes, approve it"));
        if let Said::Text { reply_to, .. } = &mut inbound.said {
            *reply_to = Some(message.clone());
        }
        inbound
    };
    let ada = Some("telegram:1");
    let unknown = "This button does not count in this chat. Ask for the finding or proposal again and press the button under that.";
    let wrong = [
        (press("p:1", Some("telegram:99"), &yes, &message), "You are not an operator here, so this does nothing."),
        (press("p:2", Some("telegram:3"), &yes, &message), "Only ada can approve P-1. You are grace (viewer)."),
        (press("p:3", Some("telegram:2"), &yes, &message), "Only ada can approve P-1. You are lin (approver)."),
        (press("p:4", None, &yes, &message), "You are not an operator here, so this does nothing."),
        (Inbound { chat: "1".into(), ..press("p:5", ada, &yes, &message) }, unknown),
        (press("p:6", ada, &yes, &other_message), unknown),
        (press("p:7", ada, "AAAAAAAAAAAAAAAAAAAAAA", &message), unknown),
        (press("p:8", ada, &void, &message), "This message was sent again later; use the later one's buttons."),
        (in_group(text("v:1", "telegram:99", &approve)), "from nobody known"),
        (in_group(text("v:2", "telegram:3", &approve)), "Only ada can approve P-1. You are grace (viewer)."),
        (text("v:3", "telegram:2", &approve), "Only ada can approve P-1. You are lin (approver)."),
        (change(text("v:4", "telegram:1", &approve), true, false), "forwarded: somebody else's words ask for nothing"),
        (change(text("v:5", "telegram:1", &approve), false, true), "an edited message asks for nothing anew"),
        (Inbound { from: None, ..in_group(text("v:6", "telegram:1", &approve)) }, "from nobody in particular"),
        (reply("telegram:99", "v:7"), "from nobody known"),
        (
            Inbound {
                said: Said::Reaction { message: message.clone(), useful: Some(true) },
                ..in_group(text("r:1", "telegram:1", ""))
            },
            "not on the message of a finding or a tip",
        ),
    ];
    let before = world.proposal(proposal.id).await;
    for (inbound, said) in wrong {
        let id = inbound.id.clone();
        let (state, detail) = surface.end(inbound).await;
        assert!(matches!(state, InboundState::Refused | InboundState::Ignored), "{id}: {state:?}");
        assert_eq!(detail, said, "{id}");
        assert_eq!(world.proposal(proposal.id).await, before, "{id}");
    }
    // Without its digest a yes shows the card and decides nothing.
    assert_eq!(surface.end(text("v:8", "telegram:1", "approve P-1")).await.0, InboundState::Done);
    assert_eq!(world.proposal(proposal.id).await, before);

    let mut live = surface.desk.live(TELEGRAM).await.unwrap();
    let (state, detail) = surface.end(press("p:9", ada, &yes, &message)).await;
    assert_eq!((state, detail.as_str()), (InboundState::Done, "P-1: Approved by ada 03:01 → not begun yet"));
    let told = LiveEvent::Answer { inbound: "p:9".to_owned(), text: detail, alert: false };
    assert_eq!(live.next().await, Some(told));
    let decided = world.proposal(proposal.id).await;
    assert_eq!((decided.state, decided.decisions.len()), (ProposalState::Approved, 1));
    assert_eq!(surface.take(vec![press("p:9", ada, &yes, &message)]).await, Accepted { new: 0, repeated: 1 });
    let (state, detail) = surface.end(press("p:10", ada, &yes, &message)).await;
    assert_eq!((state, detail.as_str()), (InboundState::Refused, "P-1 was already approved by ada at 03:01"));
    assert_eq!(world.proposal(proposal.id).await, decided);
    // The card says so where it stands.
    let edits: Vec<_> =
        surface.send(TELEGRAM).await.into_iter().filter(|(claimed, _)| claimed.edit.is_some()).collect();
    assert_eq!(edits.len(), 1);
    assert!(edits.iter().any(|(_, reference)| *reference == message));
    assert!(words(&edits[0].0).starts_with("Approved by ada 03:01 → not begun yet"), "{}", words(&edits[0].0));
}

#[tokio::test]
async fn a_card_is_approvable_by_its_old_button_after_a_restart() {
    let mut world = World::new().await;
    let proposal = world.propose_revert().await;
    let (buttons, message) = Surface::on(&world.core).card("u:1", proposal.id).await;
    world.restart().await;
    let surface = Surface::on(&world.core);
    surface.inbox.recover().await.unwrap();
    let yes = press("p:1", Some("telegram:2"), reference(&buttons, "Approve"), &message);
    assert_eq!(surface.end(yes).await.0, InboundState::Done);
    let decided: Proposal = world.proposal(proposal.id).await;
    assert_eq!((decided.state, decided.decisions[0].operator.as_str()), (ProposalState::Approved, "lin"));
}

#[tokio::test]
async fn the_words_of_the_ranking_are_words_of_a_chat_with_the_same_roles() {
    let world = World::new().await;
    let surface = Surface::on(&world.core);
    let said = async |id: &str, from: &str, typed: &str| {
        surface.take(vec![text(id, from, typed)]).await;
        let sent = surface.send(TELEGRAM).await;
        words(&sent.iter().find(|(claimed, _)| claimed.delivery.chat == by(from).id()).unwrap().0)
    };
    let viewer = "telegram:3";
    assert!(said("u:1", viewer, "/ranking").await.starts_with("rule-v1 (interrupt, active): nothing is known yet"));
    for (at, typed, refusal) in [
        (2, "/ranking promote lints-v1", "Only an approver or owner can propose a promotion. You are grace (viewer)."),
        (3, "/ranking rollback", "Only an owner can roll a promotion back. You are grace (viewer)."),
        (4, "/ranking reset", "Only an owner can reset what was learnt. You are grace (viewer)."),
        (5, "/forget lin", "Only an owner can erase what was learnt of somebody. You are grace (viewer)."),
        (6, "/why T-9", "there is no tip T-9; `tip` shows one"),
    ] {
        assert_eq!(said(&format!("u:{at}"), viewer, typed).await, refusal);
    }
    let refused = said("u:7", "telegram:1", "ranking promote lints-v1").await;
    assert!(refused.starts_with("lints-v1 is not promoted: nothing is known yet"), "{refused}");
    assert_eq!(said("u:8", "telegram:1", "ranking rollback").await, "nothing is promoted; rule-v1 decides");
    assert_eq!(
        said("u:9", "telegram:1", "/ranking reset").await,
        "0 learnt states reset; what is told from now on counts."
    );
    let nobody = said("u:10", "telegram:1", "/forget lin").await;
    assert_eq!(nobody, "nothing was learnt of lin; `ranking status` lists who was");
    // Said in passing, nothing is erased.
    let passing = said("u:11", "telegram:1", "forget lin").await;
    assert_eq!(passing, "Nothing was erased. Write `/forget lin` if you mean it; it cannot be undone.");
    let passing = said("u:12", "telegram:1", "Ranking reset ada").await;
    assert_eq!(passing, "Nothing was erased. Write `/ranking reset ada` if you mean it; it cannot be undone.");
}

#[tokio::test]
async fn a_rejection_keeps_its_reason() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    let surface = Surface::on(&world.core);
    let (buttons, message) = surface.card("u:1", proposal.id).await;
    let mut no = press("p:1", Some("telegram:1"), reference(&buttons, "Reject"), &message);
    if let Said::Press { note, .. } = &mut no.said {
        *note = Some("not on a Friday".to_owned());
    }
    assert_eq!(surface.end(no).await.0, InboundState::Done);
    let decided = world.proposal(proposal.id).await;
    assert_eq!(decided.state, ProposalState::Rejected);
    assert_eq!(decided.decisions[0].reason.as_deref(), Some("not on a Friday"));
}

#[tokio::test]
async fn a_rejection_counts_at_once_and_whoever_made_it_says_why_afterwards() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    let surface = Surface::on(&world.core);
    let (buttons, message) = surface.card("u:1", proposal.id).await;
    let no = press("p:1", Some("telegram:1"), reference(&buttons, "Reject"), &message);
    assert_eq!(surface.end(no).await.0, InboundState::Done);
    assert_eq!(world.proposal(proposal.id).await.state, ProposalState::Rejected);
    let sent = surface.send(TELEGRAM).await;
    let (asks, asked) = sent.iter().find(|(c, _)| matches!(c.delivery.view, View::AskReason(_))).unwrap();
    assert_eq!(asks.reply_to.as_deref(), Some(message.as_str()));
    assert_eq!(words(asks), "P-1 is rejected. Why? Answer this message, and the reason is kept with it.");
    let answer = |id: &str, from: &str, words: &str| {
        let mut inbound = in_group(text(id, from, words));
        if let Said::Text { reply_to, .. } = &mut inbound.said {
            *reply_to = Some(asked.clone());
        }
        inbound
    };
    let reason = async || world.proposal(proposal.id).await.decisions[0].reason.clone();
    for (id, from, end) in [
        ("v:1", "telegram:99", (InboundState::Ignored, "from nobody known")),
        ("v:2", "telegram:2", (InboundState::Refused, "ada rejected P-1; only they say why.")),
    ] {
        assert_eq!(surface.end(answer(id, from, "because")).await, (end.0, end.1.to_owned()));
        assert_eq!(reason().await, None);
    }
    // The question makes the next message its answer: an exact word is done all the same, and the reason is still asked for.
    let halted = surface.end(answer("v:20", "telegram:1", "halt")).await;
    assert_eq!((halted.0, reason().await), (InboundState::Done, None), "{}", halted.1);
    assert!(surface.desk.control(&by("telegram:1")).await.unwrap().halt.is_some());
    surface.desk.resume(&by("telegram:1")).await.unwrap();
    let other = world.propose_flag().await;
    let yes = format!("approve {} {}", other.id, other.digest.as_str());
    assert_eq!(surface.end(answer("v:21", "telegram:1", &yes)).await.0, InboundState::Done);
    assert_eq!((world.proposal(other.id).await.state, reason().await), (ProposalState::Approved, None));
    // What only begins like a word is a reason.
    let end = surface.end(answer("v:3", "telegram:1", "status of the other one first")).await;
    assert_eq!(end, (InboundState::Done, "Kept with P-1.".to_owned()));
    assert_eq!(reason().await.as_deref(), Some("status of the other one first"));
    let edits: Vec<_> = surface.send(TELEGRAM).await.into_iter().filter(|(c, _)| c.edit.is_some()).collect();
    assert!(edits.iter().any(|(edit, _)| words(edit).contains("status of the other one first")), "the card says so");
    let again = surface.end(answer("v:4", "telegram:1", "no, because")).await;
    assert_eq!(again, (InboundState::Refused, "P-1 has its reason already.".to_owned()));
    let after = world.proposal(proposal.id).await;
    assert_eq!((after.state, after.decisions.len(), after.digest), (ProposalState::Rejected, 1, proposal.digest));
}

#[tokio::test]
async fn a_stranger_gets_one_polite_line_and_somebody_is_told() {
    let world = World::with(json!({"routes": [{"to": ["cli"]}]}), "{}").await;
    let surface = Surface::on(&world.core);
    assert_eq!(surface.end(text("u:1", "telegram:99", "hi, status please")).await.0, InboundState::Refused);
    for id in ["u:2", "u:3"] {
        assert_eq!(surface.end(text(id, "telegram:99", "status")).await.0, InboundState::Ignored);
    }
    assert_eq!(surface.end(in_group(text("u:4", "telegram:98", "status"))).await.0, InboundState::Ignored);
    let said: Vec<String> = surface.send(TELEGRAM).await.iter().map(|(claimed, _)| words(claimed)).collect();
    assert_eq!(
        said,
        [
            "This is Wakeman, which talks to its operators only. If one of them gave you a code, send /pair and the code."
        ]
    );
    let told: Vec<String> = surface.send(Channel::Cli).await.iter().map(|(claimed, _)| words(claimed)).collect();
    assert_eq!(
        told,
        [
            "telegram:99, who goes by \"Some Body\", wrote to Wakeman and is no operator. To let them in, run `wakeman pair --operator NAME` and give them the code."
        ]
    );
}

#[tokio::test]
async fn a_code_lets_one_person_in_once_until_settings_drop_the_operator() {
    let mut world = World::new().await;
    let proposal = world.propose_revert().await;
    let surface = Surface::on(&world.core);
    let owner = by("cli:1000");
    let lin = || PairRequest { operator: Some(OperatorId::new("lin")), role: None };
    let refused = surface.desk.pair(&by("telegram:2"), lin()).await.unwrap_err();
    assert_eq!(refused.message, "only an owner can let somebody in; you are lin (approver)");
    let more = PairRequest { role: Some(Role::Owner), ..lin() };
    assert_eq!(surface.desk.pair(&owner, more).await.unwrap_err().kind, ErrorKind::Invalid);

    let late = surface.desk.pair(&owner, lin()).await.unwrap();
    world.clock.advance(minutes(11));
    let (state, detail) = surface.end(text("u:1", "telegram:99", &format!("/pair {}", late.code))).await;
    assert_eq!(state, InboundState::Refused);
    assert_eq!(detail, "That code is not valid: it was used, or its 10 minutes are over. Ask for a new one.");

    let code = surface.desk.pair(&owner, lin()).await.unwrap();
    assert_eq!((code.code.len(), code.role), (9, Role::Approver));
    let typed = format!("/pair {}", code.code.to_lowercase().replace('-', " "));
    let (state, detail) = surface.end(text("u:2", "telegram:99", &typed)).await;
    assert_eq!(
        (state, detail.as_str()),
        (InboundState::Done, "You are lin (approver) here from now on. /help lists the words.")
    );
    assert_eq!(surface.end(text("u:3", "telegram:98", &typed)).await.0, InboundState::Refused, "once");
    assert_eq!(world.events_of("lin").await, ["pairing.code_made", "pairing.code_made", "pairing.bound"]);

    world.restart().await;
    let surface = Surface::on(&world.core);
    surface.inbox.recover().await.unwrap();
    let me = surface.desk.whoami(&by("telegram:99")).await.unwrap();
    assert_eq!((me.identity.operator.as_str(), me.identity.role, me.paired.is_some()), ("lin", Role::Approver, true));
    assert_eq!(surface.desk.status(&owner).await.unwrap().pairings.len(), 1);
    let approve = format!("approve {} {}", proposal.id, proposal.digest.as_str());
    let (state, _) = surface.end(text("u:4", "telegram:99", &approve)).await;
    assert_eq!(state, InboundState::Done, "{:?}", surface.row("u:4").await);

    // Shut out again by an owner, and told so in the journal.
    let request = || UnpairRequest { principal: by("telegram:99") };
    let refused = surface.desk.unpair(&by("telegram:2"), request()).await.unwrap_err();
    assert_eq!(refused.message, "only an owner can end a pairing; you are lin (approver)");
    let pairing = surface.desk.unpair(&owner, request()).await.unwrap();
    assert_eq!(surface.desk.whoami(&by("telegram:99")).await.unwrap_err().kind, ErrorKind::Forbidden);
    assert_eq!(surface.desk.unpair(&owner, request()).await.unwrap_err().kind, ErrorKind::NotFound);
    assert!(surface.desk.status(&owner).await.unwrap().pairings.is_empty());
    assert_eq!(world.events_of("telegram:99").await.last().unwrap(), "pairing.revoked");
    world.commit(Commit::new(world.core.now()).put(&pairing)).await;

    world.restart_with(json!({"operators": [{"id": "ada", "role": "owner", "principals": ["telegram:1"]}]})).await;
    let surface = Surface::on(&world.core);
    assert_eq!(surface.desk.whoami(&by("telegram:99")).await.unwrap_err().kind, ErrorKind::Forbidden);
}

#[tokio::test]
async fn codes_cannot_be_guessed_at() {
    let world = World::new().await;
    let surface = Surface::on(&world.core);
    for guess in 1..=5 {
        assert_eq!(
            surface.end(text(&format!("u:{guess}"), "telegram:99", "/pair 0000-0000")).await.0,
            InboundState::Refused
        );
    }
    let code = surface.desk.pair(&by("cli:1000"), PairRequest::default()).await.unwrap();
    let right = format!("/pair {}", code.code);
    assert_eq!(surface.end(text("u:6", "telegram:99", &right)).await.0, InboundState::Ignored, "too late for today");
    assert_eq!(surface.desk.whoami(&by("telegram:99")).await.unwrap_err().kind, ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_question_is_one_turn_and_one_answer_wherever_the_process_dies() {
    let world = World::new().await;
    let surface = Surface::on(&world.core_with_model(None));
    // It died after the turn was accepted and before that was written down: the same key is the same turn.
    let ada = by("telegram:1");
    let request = AskRequest { message: "what is wrong?".into(), key: Some("u:1".into()), ..AskRequest::default() };
    surface.desk.ask(&ada, request).await.unwrap().count().await;
    let (state, turn) = surface.end(text("u:1", "telegram:1", "what is wrong?")).await;
    assert!(state.is_terminal() && state != InboundState::Ignored, "{state:?}");
    let turns: Vec<Turn> = world.all().await;
    assert_eq!((turns.len(), turns[0].id.to_string()), (1, turn.clone()));
    // A part of it was on the screen already: the end edits it.
    surface.desk.placed(TELEGRAM, "1", &format!("turn:{turn}"), "live").await.unwrap();
    let sent = surface.send(TELEGRAM).await;
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].0.edit.as_deref(), sent[0].0.reply_to.as_deref()), (Some("live"), Some("mu:1")));
    assert!(matches!(&sent[0].0.delivery.view, View::Answer(answer) if answer.answer.as_str() == turn));
    // It died before the end was written down: the answer is fetched, not asked for again.
    let row = surface.core.store.get::<InboundRow>("telegram/u:1").await.unwrap().unwrap().value;
    let open = InboundRow { state: InboundState::Asked, ended_at: None, ..row };
    world.commit(Commit::new(NOW).put(&open)).await;
    surface.inbox.recover().await.unwrap();
    surface.inbox.idle().await.unwrap();
    assert_eq!(surface.row("u:1").await, (state, turn));
    assert_eq!(world.all::<Turn>().await.len(), 1);
    // The next message goes on in the same conversation, and a new one begins when it is asked for.
    for (id, words) in [("u:2", "and now?"), ("u:3", "/new"), ("u:4", "something else?")] {
        surface.end(text(id, "telegram:1", words)).await;
    }
    let turns: Vec<Turn> = world.all().await;
    let threads: std::collections::BTreeSet<_> = turns.iter().map(|turn| turn.thread_id.clone()).collect();
    assert_eq!((turns.len(), threads.len()), (3, 2));
}

#[tokio::test]
async fn a_finding_is_one_message_that_is_edited_and_judged_where_it_stands() {
    let mut world = World::code_only_with(json!({"routes": [{"to": ["telegram"]}]}), "{}").await;
    world.break_the_build();
    world.tick().await;
    let surface = Surface::on(&world.core);
    let sent = surface.send(TELEGRAM).await;
    let mine = |claimed: &ClaimedDelivery| claimed.delivery.chat == "1";
    let (finding, message) = sent.iter().find(|(c, _)| mine(c) && matches!(c.delivery.view, View::Finding(_))).unwrap();
    let labels: Vec<&str> = finding.buttons.iter().map(|button| button.label.as_str()).collect();
    assert_eq!(labels[..4], ["Useful", "Noise", "Snooze", "Why"]);
    let (card, _) = sent.iter().find(|(c, _)| mine(c) && matches!(c.delivery.view, View::Proposal(_))).unwrap();
    assert_eq!(card.reply_to.as_ref(), Some(message), "the card replies to its finding");
    let own = |said| Inbound { said, ..text("x", "telegram:1", "") };
    let useful = Said::Press { reference: finding.buttons[0].reference.clone(), message: None, note: None };
    assert_eq!(surface.end(Inbound { id: "p:1".into(), ..own(useful) }).await.0, InboundState::Done);
    let noise = Said::Reaction { message: message.clone(), useful: Some(false) };
    assert_eq!(
        surface.end(Inbound { id: "r:1".into(), ..own(noise.clone()) }).await,
        (InboundState::Done, "F-1: noise".into())
    );
    let later = Said::Reaction { message: format!("{message}-2"), useful: Some(true) };
    let end = surface.end(Inbound { id: "r:3".into(), ..own(later) }).await;
    assert_eq!(end, (InboundState::Done, "F-1: useful".into()), "on its second part");
    let stranger = Inbound { id: "r:2".into(), from: Some(by("telegram:99")), ..own(noise) };
    assert_eq!(surface.end(stranger).await.0, InboundState::Ignored);
    assert_eq!(
        surface.end(text("u:1", "telegram:1", "ack F-1")).await,
        (InboundState::Done, "F-1 is ada's now.".into())
    );
    let edits: Vec<_> =
        surface.send(TELEGRAM).await.into_iter().filter(|(claimed, _)| claimed.edit.is_some()).collect();
    assert_eq!(edits.len(), 4, "in every chat that has it");
    assert!(edits.iter().all(|(claimed, reference)| claimed.edit_more == [format!("{reference}-2")]), "and all of it");
    assert!(edits.iter().any(|(_, reference)| reference == message));
}

#[tokio::test]
async fn an_adapter_that_is_away_is_told_of_elsewhere_once_and_so_is_its_return() {
    let world = World::new().await;
    let surface = Surface::on(&world.core);
    let fine = || FrontendHealth { ok: true, detail: String::new(), within_ms: 30_000 };
    surface.desk.report_health(TELEGRAM, fine()).await.unwrap();
    let begun = world.core.now();
    surface.look_until_owed().await;
    let waited = world.core.now().since(begun);
    assert!(waited >= 70_000, "not before its report is forty seconds late");
    assert!(waited <= 30_000 + minutes(1), "and within a minute: {waited} ms");
    let away = surface.send(Channel::Cli).await;
    assert_eq!(
        words(&away[0].0),
        "Telegram does not work: its adapter has not reported. Messages for Telegram wait until it does."
    );
    let status = surface.desk.status(&by("cli:1000")).await.unwrap();
    assert!(status.components.iter().any(|component| component.name == "telegram" && !component.ok));
    surface.desk.report_health(TELEGRAM, fine()).await.unwrap();
    surface.look_until_owed().await;
    let back: Vec<String> = surface.send(Channel::Cli).await.iter().map(|(claimed, _)| words(claimed)).collect();
    assert_eq!(back, ["Telegram works again."]);
}

#[tokio::test]
async fn one_failed_poll_is_no_news_and_an_adapter_that_ended_is_news_at_once() {
    let world = World::new().await;
    let surface = Surface::on(&world.core);
    let health = |ok| FrontendHealth { ok, detail: "502".to_owned(), within_ms: 30_000 };
    let told = async || {
        surface.look_until_owed().await;
        surface.send(Channel::Cli).await.iter().map(|(claimed, _)| words(claimed)).collect::<Vec<_>>()
    };
    surface.desk.report_health(TELEGRAM, health(false)).await.unwrap();
    let ill_since = world.core.now();
    assert_eq!(told().await, ["Telegram does not work: 502. Messages for Telegram wait until it does."]);
    let waited = world.core.now().since(ill_since);
    assert!((40_000..=50_000).contains(&waited), "not at the first failed poll, and not much later: {waited} ms");
    surface.desk.report_health(TELEGRAM, health(true)).await.unwrap();
    assert_eq!(told().await, ["Telegram works again."]);
    // Before it ever reported.
    world.core.part_ended("discord", "the token is refused".to_owned());
    told().await;
    let elsewhere = surface.send(TELEGRAM).await;
    let line = "Discord does not work: the token is refused. Messages for Discord wait until it does.";
    assert_eq!(words(&elsewhere[0].0), line);
}
