//! `audit verify` and `audit export`: proof, read from the files, beside a running daemon too.

use std::collections::HashSet;

use serde_json::Value;
use wakeman_gateway::{
    audit::{self, Story, StoryLine},
    instance::InstanceDir,
};
use wakeman_present::{self as present, Block, Doc, Line, RenderContext, Style, sanitize};
use wakeman_store::{Audit, JournalEntry, LANE, Mode, Options, Seq, Store, StoreError};
use wakeman_types::{ProposalId, Timestamp};

use super::show::id;
use crate::{
    args::{AuditCommand, AuditExportArgs},
    compose,
    failure::{DONE, Failure},
    global::Global,
};

/// What `forget` says before it erases entries, with the place of each.
const FORGETTING: &str = "operator.forgetting";
/// What it says when it is done.
const FORGOTTEN: &str = "operator.forgotten";
/// Entries that are read at once.
const PAGE: usize = 500;

/// Runs the subcommand.
pub async fn run(global: &Global, command: AuditCommand) -> Result<u8, Failure> {
    let dir = global.existing_dir()?;
    if !dir.database().exists() && !dir.had_database() {
        return Err(Failure::failed("there is no journal yet; `wakeman run` begins it"));
    }
    let options = Options { mode: Mode::ReadOnly, ..Options::default() };
    let store = Store::open(&dir.database(), options).await.map_err(Failure::failed)?;
    let answer = match command {
        AuditCommand::Verify => verify(global, &dir, &store).await,
        AuditCommand::Export(args) => export(global, &dir, &store, args).await,
    };
    store.close().await;
    answer
}

/// The public key: from the file beside the key. Without one nothing was ever signed.
fn public_key(dir: &InstanceDir) -> Option<String> {
    std::fs::read_to_string(wakeman_store::public_path(&dir.journal_key())).ok().map(|key| key.trim().to_owned())
}

/// Checks every entry, and every head that was signed. The logs are read first: a head is in the database before it is there.
pub(super) async fn audited(dir: &InstanceDir, store: &Store) -> Result<Audit, StoreError> {
    let logged = audit::heads_in_logs(&dir.sessions());
    store.audit(public_key(dir).as_deref(), &logged).await
}

async fn verify(global: &Global, dir: &InstanceDir, store: &Store) -> Result<u8, Failure> {
    let progress = global.progress("reading the journal");
    let found = audited(dir, store).await;
    drop(progress);
    let found = found.map_err(Failure::failed)?;
    let gone = if found.erased > 0 { erased(store).await? } else { Erased::default() };
    global.answer(&found, &verdict(&found, &gone))?;
    match &found.first_bad {
        None => Ok(DONE),
        Some(bad) => Err(Failure::failed(format!(
            "the journal was changed: entry {} {}; restore a backup of storage/wakeman.db from before it",
            bad.seq, bad.why
        ))),
    }
}

/// `1 entry`, `3 entries`.
pub(super) fn entries(count: u64) -> String {
    format!("{count} {}", if count == 1 { "entry" } else { "entries" })
}

/// What `forget` says that it erased, of the journal's entries so far, newest first.
#[derive(Debug, Default)]
struct Forgets {
    /// The places it named.
    entries: HashSet<u64>,
    /// Of whom, where it was an earlier version that named no places: what they did before counts.
    operators: HashSet<String>,
}

impl Forgets {
    fn add(&mut self, entry: &JournalEntry) {
        let Some(payload) = &entry.payload else { return };
        match entry.event_type.as_str() {
            FORGETTING => {
                let named = payload["entries"].as_array().into_iter().flatten().filter_map(Value::as_u64);
                self.entries.extend(named.filter(|seq| *seq < entry.seq.0));
            }
            FORGOTTEN if payload.get("named").is_none() => drop(self.operators.insert(entry.subject.clone())),
            _ => {}
        }
    }

    /// `forget` erases what an operator's own entries and tips say, and nothing else.
    fn account_for(&self, entry: &JournalEntry) -> bool {
        let its_kind = ["ranking.", "tip."].iter().any(|kind| entry.event_type.starts_with(kind));
        its_kind && (self.entries.contains(&entry.seq.0) || self.operators.contains(&entry.actor))
    }
}

/// What was erased, told apart: what `forget` accounts for, and what nothing does.
#[derive(Debug, Default, PartialEq, Eq)]
struct Erased {
    /// The first that nothing accounts for.
    unaccounted: Option<(u64, String)>,
    /// How many of proposals, which nothing here ever erases.
    of_proposals: u64,
}

impl Erased {
    /// Of the journal's entries, newest first.
    fn add(&mut self, entry: &JournalEntry, forgets: &mut Forgets) {
        forgets.add(entry);
        if entry.payload.is_some() {
            return;
        }
        let of_proposal = entry.event_type.starts_with("proposal.");
        self.of_proposals += u64::from(of_proposal);
        if !forgets.account_for(entry) {
            self.unaccounted = Some((entry.seq.0, entry.event_type.clone()));
        }
    }
}

async fn erased(store: &Store) -> Result<Erased, Failure> {
    let (mut found, mut forgets) = (Erased::default(), Forgets::default());
    let mut end = store.journal_head(LANE).await.map_err(Failure::failed)?.seq.0;
    while end > 0 {
        let from = end.saturating_sub(PAGE as u64 - 1).max(1);
        let entries = store.journal(LANE, Seq(from), PAGE).await.map_err(Failure::failed)?;
        entries.iter().rev().filter(|entry| entry.seq.0 <= end).for_each(|entry| found.add(entry, &mut forgets));
        end = from - 1;
    }
    Ok(found)
}

fn verdict(found: &Audit, gone: &Erased) -> Doc {
    let Audit { entries, erased, signed_up_to, unsigned, .. } = found;
    let head = match &found.first_bad {
        None => Line::new().with("The journal is intact", Style::Good),
        Some(bad) => Line::new().with(format!("Entry {} {}", bad.seq, bad.why), Style::Bad),
    };
    let mut whole = self::entries(*entries);
    if *erased > 0 {
        whole += &format!(", the contents of {erased} erased");
    }
    if let Some((seq, event)) = &gone.unaccounted {
        whole += &format!(" (entry {seq}, {}, by no `forget`", sanitize(event, 80));
        whole += &match gone.of_proposals {
            0 => ")".to_owned(),
            count => format!("; {count} of them of proposals)"),
        };
    }
    whole += &match (signed_up_to, unsigned) {
        (0, _) => "; not signed yet, `run` signs every minute".to_owned(),
        (_, 0) => "; all signed".to_owned(),
        (seq, 1) => {
            format!("; signed up to entry {seq}; the one after it is signed within a minute while `run` goes on")
        }
        (seq, rest) => {
            format!("; signed up to entry {seq}; the {rest} after it are signed within a minute while `run` goes on")
        }
    };
    Doc::bare().block(Block::Headline(head)).text(whole)
}

async fn export(global: &Global, dir: &InstanceDir, store: &Store, args: AuditExportArgs) -> Result<u8, Failure> {
    let Some(proposal) = args.proposal else { return journal(global, dir, store).await };
    let id = id::<ProposalId>(&proposal)?;
    let story = audit::story(store, id).await.map_err(Failure::failed)?;
    let story = story.ok_or_else(|| Failure::failed(format!("there is no proposal {id}; `proposals` lists them")))?;
    let zone = compose::load(dir)?.settings.ui.timezone.name().to_owned();
    let now = story.lines.last().map_or(story.proposal.state_since, |line| line.at);
    global.answer(&story, &told(&story, &global.context(now, &zone)))?;
    Ok(DONE)
}

/// The whole journal, an entry a line: page by page, however long it is.
async fn journal(global: &Global, dir: &InstanceDir, store: &Store) -> Result<u8, Failure> {
    let zone = compose::load(dir)?.settings.ui.timezone.name().to_owned();
    let mut from = Seq(1);
    loop {
        let entries = store.journal(LANE, from, PAGE).await.map_err(Failure::failed)?;
        let Some(last) = entries.last() else { return Ok(DONE) };
        from = Seq(last.seq.0 + 1);
        for entry in &entries {
            let context = global.context(entry.at, &zone);
            let payload = entry.payload.as_ref();
            let line = said((entry.seq.0, entry.at), (&entry.event_type, &entry.actor), payload, &context);
            let line = line.plain(format!(" {}", sanitize(&entry.subject, 80)));
            global.answer(entry, &Doc::bare().text(line))?;
        }
    }
}

fn told(story: &Story, context: &RenderContext) -> Doc {
    let proposal = &story.proposal;
    let title = sanitize(&proposal.card.title, 200);
    let mut doc = Doc::bare().headline(format!("{} · {title} · {}", proposal.id, proposal.state.name()));
    let by = who(&proposal.requested_by.to_string());
    doc = doc.text(format!("Digest {}, requested by {by}", proposal.digest.as_str()));
    for decision in &proposal.decisions {
        let verb = if decision.verdict == wakeman_types::Verdict::Approve { "approved" } else { "rejected" };
        let (name, principal) = (who(decision.operator.as_str()), decision.principal.to_string());
        let account = if name == principal { String::new() } else { format!(" as {principal}") };
        let what = decision.step.map_or_else(|| "it".to_owned(), |step| format!("step {step} of it"));
        doc = doc.text(format!("{name} {verb} {what}{account}, {}", context.time(decision.at)));
    }
    for StoryLine { seq, at, event, actor, payload, .. } in &story.lines {
        doc = doc.text(said((*seq, *at), (event, actor), payload.as_ref(), context));
    }
    let details = present::details_doc(proposal, context);
    details.blocks.into_iter().fold(doc, Doc::block)
}

fn said(
    (seq, at): (u64, Timestamp),
    (event, actor): (&str, &str),
    payload: Option<&Value>,
    context: &RenderContext,
) -> Line {
    let payload = payload.map_or_else(|| "(erased)".to_owned(), |all| present::exact(&all.to_string()));
    let what = Line::new().plain(format!("{} #{seq} ", context.time(at))).strong(sanitize(event, 80));
    what.plain(format!(" by {} ", who(actor))).dim(payload)
}

/// Wakeman's own parts are called so.
fn who(actor: &str) -> String {
    if actor.starts_with("system:") { "Wakeman".to_owned() } else { sanitize(actor, 60) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wakeman_store::{JournalEntry, LANE, Seq};
    use wakeman_types::Timestamp;

    use super::{Erased, Forgets};

    fn entry(seq: u64, event: &str, (actor, subject): (&str, &str), payload: Option<Value>) -> JournalEntry {
        JournalEntry {
            lane: LANE,
            seq: Seq(seq),
            at: Timestamp::from_ms(0),
            event_type: event.to_owned(),
            actor: actor.to_owned(),
            subject: subject.to_owned(),
            payload_digest: String::new(),
            previous_link: String::new(),
            link: String::new(),
            payload,
            salt: None,
        }
    }

    /// The first that is named, and how many are of proposals.
    fn told(entries: &[JournalEntry]) -> (Option<u64>, u64) {
        let (mut found, mut forgets) = (Erased::default(), Forgets::default());
        entries.iter().rev().for_each(|entry| found.add(entry, &mut forgets));
        (found.unaccounted.map(|(seq, _)| seq), found.of_proposals)
    }

    #[test]
    fn what_was_erased_is_accounted_for_by_the_forget_that_names_it_and_by_no_other() {
        let gone = |seq, event| entry(seq, event, ("lin", "F-1"), None);
        let names =
            |seq, entries: &[u64]| entry(seq, "operator.forgetting", ("ada", "lin"), Some(json!({"entries": entries})));
        let done = |seq| entry(seq, "operator.forgotten", ("ada", "lin"), Some(json!({"named": true})));
        for (entries, unaccounted, of_proposals) in [
            (vec![gone(1, "ranking.rewarded"), names(2, &[1]), done(3)], None, 0),
            (vec![gone(1, "tip.shown"), gone(2, "tip.rewarded"), names(3, &[1]), names(4, &[2]), done(5)], None, 0),
            // Killed before it was done, it had named what it erased.
            (vec![gone(1, "ranking.rewarded"), names(2, &[1])], None, 0),
            // Any other `forget`, of the same person too, accounts for nothing.
            (vec![gone(1, "ranking.rewarded"), gone(2, "ranking.rewarded"), names(3, &[2]), done(4)], Some(1), 0),
            (vec![gone(1, "ranking.rewarded"), done(2)], Some(1), 0),
            (vec![names(1, &[2]), done(2), gone(3, "ranking.rewarded")], Some(3), 0),
            // Nobody names in advance, nor what was erased itself, nor what it never erases.
            (vec![names(1, &[2]), gone(2, "ranking.rewarded")], Some(2), 0),
            (vec![gone(1, "ranking.rewarded"), gone(2, "operator.forgetting")], Some(1), 0),
            (vec![gone(1, "proposal.approved"), names(2, &[1])], Some(1), 1),
            (vec![gone(1, "mode.changed"), gone(2, "proposal.intent")], Some(1), 1),
        ] {
            assert_eq!(told(&entries), (unaccounted, of_proposals), "{entries:?}");
        }
    }

    #[test]
    fn a_forget_that_named_nothing_yet_accounts_for_what_that_operator_did_before() {
        let gone = |seq, who| entry(seq, "ranking.rewarded", (who, "F-1"), None);
        let forgotten = |seq, who| entry(seq, "operator.forgotten", ("ada", who), Some(json!({"reactions": 1})));
        assert_eq!(told(&[gone(1, "lin"), forgotten(2, "lin")]), (None, 0));
        assert_eq!(told(&[gone(1, "bob"), forgotten(2, "lin")]), (Some(1), 0));
        assert_eq!(told(&[forgotten(1, "lin"), gone(2, "lin")]), (Some(2), 0));
    }
}
