//! A model's ideas: one batch for one state of the facts, asked for once.

use std::sync::{Arc, atomic::Ordering};

use chrono_tz::Tz;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use wakeman_store::{Commit, ListQuery, StoreError, canonical};
use wakeman_types::{Change, DAY_MS, MINUTE_MS, Severity, ThreadId, TipKind};

use super::{
    candidates::{self, Candidate},
    dedupe,
    rows::{Idea, TipBatch},
};
use crate::{
    brain::{Account, Brain, Monologue, prompts::validate},
    config::RouteKind,
    core::Core,
    deliver::{Matter, zone_for},
};

/// The prompt's id, and the account its calls go on.
const PROMPT: &str = "tip-generator";
/// A model that failed is asked about the same facts again after this long.
const RETRY_MS: i64 = 15 * MINUTE_MS;
/// Ideas are about now: older ones are dropped.
const FRESH_MS: i64 = 7 * DAY_MS;
/// Changes that are among the facts, the newest.
const CHANGES: usize = 10;
/// Ideas of one batch.
const IDEAS_MAX: usize = 5;
/// A fact is cut at so many characters.
const FACT_CHARS: usize = 300;

/// One line of what the model may build on.
struct Fact {
    id: String,
    /// The same as long as nothing changed: no ages in it.
    lasting: String,
    text: String,
}

/// The ideas for these facts: those of the newest batch, or of a new one where the facts changed since. Without a model there are none.
/// They are for everybody, so the model is told times in the zone of all and not in `zone`, that of who asks.
///
/// # Errors
/// [`StoreError`] if the database does not answer. A model that fails is named in `notices`.
pub(super) async fn ideas(
    core: &Core,
    (brain, wait_ms): (&Arc<Brain>, i64),
    (found, zone): (&[Candidate], Tz),
    notices: &mut Vec<String>,
) -> Result<Vec<Candidate>, StoreError> {
    if core.model.is_none() {
        return Ok(Vec::new());
    }
    let facts = facts(core, found).await?;
    let lasting: String = facts.iter().map(|fact| format!("{}\n{}\n", fact.id, fact.lasting)).collect();
    let digest = canonical::sha256_hex(lasting.as_bytes());
    let batch = match newest(core).await? {
        Some(batch) if batch.facts == digest && (batch.failure.is_none() || !is_older(core, &batch, RETRY_MS)) => batch,
        _ if facts.is_empty() => return Ok(Vec::new()),
        _ => {
            let shared = zone_of_all(core);
            let told = match shared == zone {
                true => facts,
                false => self::facts(core, &candidates::gather(core, shared, &mut Vec::new()).await?).await?,
            };
            let Some(batch) = soon(core, brain, (told, found.to_vec(), digest), wait_ms).await else {
                notices.push("a model's ideas are on their way; ask again in a minute".to_owned());
                return Ok(Vec::new());
            };
            batch
        }
    };
    notices.extend(batch.failure.iter().map(|failure| format!("no ideas of a model: {failure}")));
    let fresh = !is_older(core, &batch, FRESH_MS);
    Ok(batch.ideas.iter().filter(|_| fresh).map(|idea| candidate(idea, &batch)).collect())
}

/// A new batch, if it is there before whoever asked has waited too long; it is made and kept in any case. `None`: not yet, or somebody
/// else asked for it just now.
async fn soon(
    core: &Core,
    brain: &Arc<Brain>,
    of: (Vec<Fact>, Vec<Candidate>, String),
    wait_ms: i64,
) -> Option<TipBatch> {
    let (tell, told) = oneshot::channel();
    let busy = Busy::begin(brain)?;
    tokio::spawn(async move {
        let (core, (facts, found, digest)) = (busy.0.core(), of);
        let batch = made(core, &busy.0, &facts, &found, digest).await;
        let event = core.event("tip.batch", "wakeman", PROMPT, json!(batch));
        if let Err(error) = core.store.commit(Commit::new(core.now()).put(&batch).event(event)).await {
            tracing::error!(%error, "tip.batch");
        }
        // Nobody may wait for it any more.
        let _ = tell.send(batch);
    });
    tokio::select! {
        biased;
        batch = told => batch.ok(),
        () = core.clock.sleep_until(core.now().plus_ms(wait_ms)) => None,
    }
}

/// One batch is made at a time.
struct Busy(Arc<Brain>);

impl Busy {
    fn begin(brain: &Arc<Brain>) -> Option<Self> {
        (!brain.ideas.swap(true, Ordering::SeqCst)).then(|| Self(Arc::clone(brain)))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.ideas.store(false, Ordering::SeqCst);
    }
}

fn zone_of_all(core: &Core) -> Tz {
    zone_for(core, Matter { severity: Severity::Info, kind: RouteKind::Brief })
}

fn is_older(core: &Core, batch: &TipBatch, ms: i64) -> bool {
    core.now().since(batch.at) >= ms
}

/// The newest batch; one that cannot be read is none.
async fn newest(core: &Core) -> Result<Option<TipBatch>, StoreError> {
    match core.store.get::<TipBatch>(TipBatch::ID).await {
        Ok(found) => Ok(found.map(|found| found.value)),
        Err(StoreError::Decode { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What stands still or is open, and what changed last.
async fn facts(core: &Core, found: &[Candidate]) -> Result<Vec<Fact>, StoreError> {
    let cut = |text: String| text.chars().take(FACT_CHARS).collect::<String>();
    let mut all: Vec<Fact> = found
        .iter()
        .map(|item| Fact {
            id: item.about.clone(),
            lasting: format!("{:?} {}", item.kind, item.since.ms()),
            text: cut(format!("{}. {}", item.title, item.body)),
        })
        .collect();
    let query = ListQuery::newest(CHANGES).since(core.now().plus_ms(-7 * DAY_MS).ms());
    for change in core.store.list::<Change>(&query).await?.items.into_iter().map(|found| found.value) {
        let by = change.author.as_deref().unwrap_or("somebody");
        let text = cut(format!("{} \"{}\" by {by}", change.label(), change.title));
        all.push(Fact { id: change.id.to_string(), lasting: change.at.ms().to_string(), text });
    }
    Ok(all)
}

/// Asks the model, checks what it says, drops what repeats something.
async fn made(core: &Core, brain: &Brain, facts: &[Fact], found: &[Candidate], digest: String) -> TipBatch {
    let data: String = facts.iter().map(|fact| format!("{}: {}\n", fact.id, fact.text)).collect();
    let said = brain
        .say(&Monologue {
            prompt_id: PROMPT,
            words: None,
            data: &data,
            more: json!({}),
            account: Account::Wakeup(PROMPT.to_owned()),
            thread: &ThreadId::new(PROMPT),
            with_tools: false,
            zone: zone_of_all(core),
        })
        .await;
    let at = core.now();
    let none = |failure: String| TipBatch {
        facts: digest.clone(),
        prompt: None,
        ideas: Vec::new(),
        failure: Some(failure),
        at,
    };
    let said = match said {
        Ok(said) => said,
        Err(error) => return none(error.to_string()),
    };
    let ids: Vec<&str> = facts.iter().map(|fact| fact.id.as_str()).collect();
    match read(core, &said.prompt, &said.text, &ids) {
        Ok(ideas) => {
            let ideas = without_repeats(core, brain, ideas, found).await;
            TipBatch { facts: digest, prompt: Some(said.prompt), ideas, failure: None, at }
        }
        Err(error) => none(error),
    }
}

/// The ideas in an answer: one object, or several under `tips`. What stands on no fact that was told is dropped.
fn read(core: &Core, prompt: &str, text: &str, facts: &[&str]) -> Result<Vec<Idea>, String> {
    let shape = core.prompts.list().find(|known| known.label() == prompt).and_then(|known| known.output.clone());
    let value = validate(&shape.unwrap_or(Value::Bool(true)), text)?;
    let many = value.get("tips").and_then(Value::as_array).cloned();
    let ideas = many.unwrap_or_else(|| vec![value]).into_iter().take(IDEAS_MAX);
    let read = ideas.filter_map(|idea| serde_json::from_value::<Idea>(idea).ok());
    Ok(read.filter(|idea| idea.based_on.iter().any(|id| facts.contains(&id.as_str()))).collect())
}

async fn without_repeats(core: &Core, brain: &Brain, ideas: Vec<Idea>, found: &[Candidate]) -> Vec<Idea> {
    if ideas.is_empty() {
        return ideas;
    }
    let known = found.iter().map(|item| format!("{}. {}", item.title, item.body));
    let new = ideas.iter().map(|idea| format!("{}. {}", idea.title, idea.body));
    let texts: Vec<String> = known.chain(new).collect();
    let vectors = brain.vectors(&core.settings.ai.aliases.embedder, &texts, PROMPT).await;
    let fresh = dedupe::fresh(&texts, found.len(), vectors.as_deref());
    fresh.into_iter().filter_map(|place| ideas.get(place - found.len()).cloned()).collect()
}

fn candidate(idea: &Idea, batch: &TipBatch) -> Candidate {
    // The same words are the same idea, whichever batch they come in.
    let words: Vec<String> = dedupe::words(&idea.title).into_iter().collect();
    let hash = canonical::sha256_hex(words.join(" ").as_bytes());
    let about = format!("idea:{}", &hash[..12]);
    Candidate {
        prompt: batch.prompt.clone(),
        ..Candidate::new(TipKind::Idea, about, idea.title.clone(), idea.body.clone(), batch.at)
    }
}
