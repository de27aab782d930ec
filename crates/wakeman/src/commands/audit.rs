//! `audit verify` and `audit export`: proof, read from the files, beside a running daemon too.

use wakeman_gateway::{
    audit::{self, Story, StoryLine},
    instance::InstanceDir,
};
use wakeman_present::{self as present, Block, Doc, Line, RenderContext, Style, sanitize};
use wakeman_store::{Audit, Mode, Options, Store};
use wakeman_types::ProposalId;

use super::show::id;
use crate::{
    args::{AuditCommand, AuditExportArgs},
    compose,
    failure::{DONE, Failure},
    global::Global,
};

/// Runs the subcommand.
pub async fn run(global: &Global, command: AuditCommand) -> Result<u8, Failure> {
    let dir = global.existing_dir()?;
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

async fn verify(global: &Global, dir: &InstanceDir, store: &Store) -> Result<u8, Failure> {
    let logged = audit::heads_in_logs(&dir.sessions());
    let found = store.audit(public_key(dir).as_deref(), &logged).await.map_err(Failure::failed)?;
    global.answer(&found, &verdict(&found))?;
    match &found.first_bad {
        None => Ok(DONE),
        Some(bad) => Err(Failure::failed(format!(
            "the journal does not hold: entry {} {}; restore a backup of storage/wakeman.db from before it",
            bad.seq, bad.why
        ))),
    }
}

fn verdict(found: &Audit) -> Doc {
    let Audit { entries, erased, signed_up_to, unsigned, .. } = found;
    let head = match &found.first_bad {
        None => Line::new().with("The journal holds", Style::Good),
        Some(bad) => Line::new().with(format!("Entry {} {}", bad.seq, bad.why), Style::Bad),
    };
    let signed = match signed_up_to {
        0 => "none of them signed yet".to_owned(),
        seq => format!("signed up to entry {seq}"),
    };
    Doc::bare().block(Block::Headline(head)).text(format!(
        "{entries} entries prove themselves, {erased} of them erased; {signed}, {unsigned} unsigned after it"
    ))
}

async fn export(global: &Global, dir: &InstanceDir, store: &Store, args: AuditExportArgs) -> Result<u8, Failure> {
    let id = id::<ProposalId>(&args.proposal)?;
    let story = audit::story(store, id).await.map_err(Failure::failed)?;
    let story = story.ok_or_else(|| Failure::failed(format!("there is no proposal {id}; `proposals` lists them")))?;
    let zone = compose::load(dir)?.settings.ui.timezone.name().to_owned();
    let now = story.lines.last().map_or(story.proposal.state_since, |line| line.at);
    global.answer(&story, &told(&story, &global.context(now, &zone)))?;
    Ok(DONE)
}

fn told(story: &Story, context: &RenderContext) -> Doc {
    let proposal = &story.proposal;
    let title = sanitize(&proposal.card.title, 200);
    let mut doc = Doc::bare().headline(format!("{} · {title} · {}", proposal.id, proposal.state.name()));
    doc = doc.text(format!("Digest {}, requested by {}", proposal.digest.as_str(), proposal.requested_by));
    for decision in &proposal.decisions {
        let verb = if decision.verdict == wakeman_types::Verdict::Approve { "approved" } else { "rejected" };
        let (who, principal) = (sanitize(decision.operator.as_str(), 60), &decision.principal);
        doc = doc.text(format!("{who} {verb} it as {principal}, {}", context.time(decision.at)));
    }
    doc = story.lines.iter().fold(doc, |doc, line| doc.text(said(line, context)));
    let details = present::details_doc(proposal, context);
    details.blocks.into_iter().fold(doc, Doc::block)
}

fn said(line: &StoryLine, context: &RenderContext) -> Line {
    let place = format!("#{}", line.seq);
    let payload = line.payload.as_ref().map_or_else(|| "(erased)".to_owned(), |all| sanitize(&all.to_string(), 400));
    let what = Line::new().plain(format!("{} {place} ", context.time(line.at))).strong(line.event.clone());
    what.plain(format!(" by {} ", sanitize(&line.actor, 60))).dim(payload)
}
