//! What the brain says by itself: a note on a finding or under a brief. Nobody asked, so it costs little, has a deadline, is said
//! once and is missed by nobody when it fails.

use std::panic::AssertUnwindSafe;

use chrono_tz::Tz;
use futures::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_present::RenderContext;
use wakeman_store::{Commit, ListQuery, StoreError, Versioned};
use wakeman_types::{
    Channel, ChoiceRecord, DeliveryClass, Entity, Finding, FindingId, Identity, Interruption, MINUTE_MS, ModelNoteView,
    OperatorId, Principal, Role, ThreadId, Timestamp, Usage, View,
};

use super::{
    Account, Brain, Meter, NO_MODEL, Teller, Width,
    answer::base_request,
    limits::TurnLimits,
    marked::marked,
    tool_loop::{Loop, LoopError},
    turn_tools::TurnTools,
};
use crate::{
    config::RouteKind,
    core::Core,
    deliver::{Matter, Post, ThreadWriter, zone_for},
    ports::ModelMessage,
    settle::{SettleError, Wanted, settle},
    wake::{Briefer, WakeAnswer, WakeAsk, WakeError, WakePrompt},
};

/// Findings that are looked at for a note.
const FINDINGS_LOOKED_AT: usize = 20;
/// A finding that is older gets no note any more: it was news once.
const NEWS_MS: i64 = 30 * MINUTE_MS;
/// The model's own account on the system's channel.
const MODEL: &str = "1";
/// Characters of a note.
const NOTE_CHARS_MAX: usize = 1_500;

/// What is asked of the model without a person's question.
pub struct Monologue<'a> {
    /// The prompt, by id.
    pub prompt_id: &'a str,
    /// What to ask besides: the words of people's own files.
    pub words: Option<&'a str>,
    /// What it is about. Holds outside text: it is marked as data.
    pub data: &'a str,
    /// Variables of the prompt besides name, watching, now and zone.
    pub more: Value,
    /// On whose account.
    pub account: Account,
    /// The conversation it will stand in.
    pub thread: &'a ThreadId,
    /// Whether it may look things up.
    pub with_tools: bool,
    /// In which zone whoever hears of it reads times.
    pub zone: Tz,
}

/// What it said.
pub struct Said {
    /// The words.
    pub text: String,
    /// The prompt that was used: `morning-brief/v1`.
    pub prompt: String,
}

/// What was spent without a turn; kept so that a restart does not forget it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Spent {
    id: String,
    pub wakeup: String,
    pub usage: Usage,
    at: Timestamp,
}

impl Entity for Spent {
    const KIND: &'static str = "spent";

    fn entity_id(&self) -> String {
        self.id.clone()
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// That a finding has had its note, or why not. There is one at most.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Explained {
    /// The finding.
    pub finding: FindingId,
    /// The prompt that was used.
    pub prompt: Option<String>,
    failure: Option<String>,
    at: Timestamp,
}

impl Entity for Explained {
    const KIND: &'static str = "explained";

    fn entity_id(&self) -> String {
        self.finding.to_string()
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// A note of a length that people read, cut behind a word and with a mark.
fn note_of(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(NOTE_CHARS_MAX) else { return text.to_owned() };
    // A text without spaces is cut where it must be.
    let at = text[..end].rfind(char::is_whitespace).filter(|at| *at > end / 2).unwrap_or(end);
    format!("{} … (cut)", text[..at].trim_end())
}

impl Brain {
    /// Says something without having been asked.
    ///
    /// # Errors
    /// [`LoopError`], as for a turn; without a model it is [`ModelError::Unavailable`](crate::ports::ModelError::Unavailable).
    pub async fn say(&self, ask: &Monologue<'_>) -> Result<Said, LoopError> {
        let core = &self.core;
        let Some(model) = core.model.clone() else {
            return Err(crate::ports::ModelError::Unavailable { reason: NO_MODEL.to_owned() }.into());
        };
        let shape = |error: &dyn std::fmt::Display| LoopError::Shape(error.to_string());
        let prompt = core.prompt(ask.prompt_id, None).map_err(|error| shape(&error))?;
        let system = prompt.render(&self.of_prompt(ask)).map_err(|error| shape(&error))?;
        let assemble = |_: Width| {
            let mut shown = vec![ModelMessage::System(system.clone()), ModelMessage::User(marked("Wakeman", ask.data))];
            shown.extend(ask.words.map(|words| ModelMessage::User(words.to_owned())));
            shown
        };
        let check = |text: &str| prompt.check(text);
        let (meter, teller) = (Meter::default(), Teller::default());
        let by = nobody();
        let specs = if ask.with_tools { self.specs.as_slice() } else { &[] };
        let tools = TurnTools { core, toolbox: &self.toolbox, specs, by: &by, thread: ask.thread, zone: ask.zone };
        let work = Loop {
            guard: &core.guard,
            model: &*model,
            clock: &*core.clock,
            ledger: &self.ledger,
            account: ask.account.clone(),
            tools: &tools,
            limits: TurnLimits { deadlines_per_turn: 2, ..self.limits },
            call_ms: i64::try_from(core.settings.ai.timeout_ms).unwrap_or(i64::MAX),
            request: base_request(&core.settings, prompt, core.random.bytes16()),
            check: prompt.output.is_some().then_some(&check),
            assemble: &assemble,
            teller: &teller,
            meter: &meter,
        };
        // Whoever wanted it goes on without it, also where a tool or an adapter panics.
        let said = AssertUnwindSafe(work.run()).catch_unwind().await.unwrap_or(Err(LoopError::Broken));
        self.keep_spent(&ask.account, meter.read().usage).await;
        // Half a JSON value is none, and who asked a question of their own reads the whole answer.
        let whole = prompt.output.is_some() || ask.words.is_some();
        let text = if whole { said? } else { note_of(&said?) };
        Ok(Said { text, prompt: prompt.label() })
    }

    fn of_prompt(&self, ask: &Monologue<'_>) -> Value {
        let mut all = self.variables(&nobody(), ask.zone);
        all["operator"] = "everybody".into();
        if let (Some(all), Some(more)) = (all.as_object_mut(), ask.more.as_object()) {
            all.extend(more.clone());
        }
        all
    }

    pub(super) async fn keep_spent(&self, account: &Account, usage: Usage) {
        let Account::Wakeup(wakeup) = account else { return };
        let now = self.core.now();
        let id = format!("spent_{}", self.core.message_id());
        let spent = Spent { id, wakeup: wakeup.clone(), usage, at: now };
        if let Err(error) = self.core.store.commit(Commit::new(now).insert(&spent)).await {
            tracing::warn!(%error, "brain.spent_not_kept");
        }
    }

    /// Gives findings that interrupted and are news a model's note, each at most once. Returns how many were said.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; the next pass tries again.
    pub async fn explain_news(&self) -> Result<usize, StoreError> {
        if self.core.model.is_none() {
            return Ok(0);
        }
        let now = self.core.now();
        let news = ListQuery::newest(FINDINGS_LOOKED_AT).state("open");
        let page = self.core.store.list::<Finding>(&news).await?;
        let mut said = 0;
        for finding in page.items.into_iter().map(|found| found.value) {
            let is_news = finding.interruption == Interruption::Now && now.since(finding.opened_at) < NEWS_MS;
            if is_news && self.core.store.get::<Explained>(&finding.id.to_string()).await?.is_none() {
                said += usize::from(self.explain(&finding).await?);
            }
        }
        Ok(said)
    }

    async fn explain(&self, finding: &Finding) -> Result<bool, StoreError> {
        let core = &self.core;
        let zone = zone_for(core, Matter { severity: finding.severity, kind: RouteKind::Finding });
        let render = RenderContext { now: core.now(), zone };
        let data = super::plainly::explain(finding, &render);
        let ask = Monologue {
            prompt_id: "explain-finding",
            words: None,
            data: &data,
            more: json!({}),
            account: Account::Wakeup("explain-finding".to_owned()),
            thread: &finding.thread,
            with_tools: false,
            zone,
        };
        let said = self.say(&ask).await;
        let explained = Explained {
            finding: finding.id,
            prompt: said.as_ref().ok().map(|said| said.prompt.clone()),
            failure: said.as_ref().err().map(ToString::to_string),
            at: core.now(),
        };
        let landed: Result<bool, SettleError> = settle!(core, "the thread", async {
            if core.store.get::<Explained>(&finding.id.to_string()).await?.is_some() {
                return Ok(Wanted::Nothing(false));
            }
            let event = core.event("finding.explained", "wakeman", finding.id, json!(explained));
            let commit = Commit::new(core.now()).insert(&explained).event(event);
            let commit = with_prompt(core, commit, &explained).await?;
            let commit = match (&said, ThreadWriter::load(core, &finding.thread).await?) {
                (Ok(said), Some(mut writer)) => {
                    writer.say(core, note(finding, said));
                    writer.finish(commit)
                }
                _ => commit,
            };
            Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), said.is_ok()))
        });
        match landed {
            Ok(said) => Ok(said),
            Err(SettleError::Store(error)) => Err(error),
            Err(SettleError::Contended { .. }) => Ok(false),
        }
    }
}

/// Adds to `commit` that the newest decision about the finding was told with these words: what is made of it is made of both.
async fn with_prompt(core: &Core, commit: Commit, explained: &Explained) -> Result<Commit, StoreError> {
    if explained.prompt.is_none() {
        return Ok(commit);
    }
    let told = core.store.list::<ChoiceRecord>(&ListQuery::newest(1).parent(explained.finding.to_string())).await?;
    Ok(match told.items.into_iter().next() {
        Some(Versioned { value, version }) => {
            commit.replace(&ChoiceRecord { prompt_version: explained.prompt.clone(), ..value }, version)
        }
        None => commit,
    })
}

fn note(finding: &Finding, said: &Said) -> Post {
    let view = ModelNoteView { finding: finding.id, text: said.text.clone(), prompt_version: said.prompt.clone() };
    Post {
        class: DeliveryClass::Note,
        severity: finding.severity,
        finding: Some(finding.id),
        view: View::ModelNote(view),
        quiet: false,
    }
}

/// Who speaks when nobody asked: may look and suggest, decides nothing. Not the principal of the watch: what the watch suggests may
/// run by policy, what a model suggests may be the wish of a text it read.
fn nobody() -> Identity {
    Identity {
        principal: Principal::new(Channel::System, MODEL),
        operator: OperatorId::new("wakeman"),
        role: Role::Viewer,
    }
}

impl Briefer for Brain {
    fn brief<'a>(&'a self, ask: WakeAsk<'a>) -> BoxFuture<'a, Result<WakeAnswer, WakeError>> {
        Box::pin(async move {
            if self.core.model.is_none() {
                return Err(WakeError::NoModel);
            }
            let render = RenderContext { now: self.core.now(), zone: ask.zone };
            let (prompt_id, words) = match ask.prompt {
                WakePrompt::Shipped(id) => (id, None),
                WakePrompt::Own(words) => ("chat", Some(words)),
            };
            let said = self
                .say(&Monologue {
                    prompt_id,
                    words,
                    data: ask.facts,
                    more: json!({"since": render.time(ask.since)}),
                    account: Account::Wakeup(ask.occurrence.wakeup_id.clone()),
                    thread: ask.thread,
                    with_tools: words.is_some(),
                    zone: ask.zone,
                })
                .await;
            match said {
                Ok(said) => {
                    let account = Account::Wakeup(ask.occurrence.wakeup_id.clone());
                    let budget = self.share_warning(&account, "wakeup", &render);
                    Ok(WakeAnswer { note: said.text, prompt: said.prompt, turn: None, budget })
                }
                Err(LoopError::Budget(over)) => {
                    let whose = if over.of_account {
                        "this wakeup's share of the model budget"
                    } else {
                        "today's model budget"
                    };
                    let resets = render.time(over.resets_at);
                    Err(WakeError::Budget(format!("{whose} is used up; it resets {resets}")))
                }
                Err(error) => Err(WakeError::Failed(Self::told(&error, &render))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_behind_a_word_and_says_so() {
        assert_eq!(note_of("short"), "short");
        let words = note_of(&"sign-ups fell ".repeat(200));
        let whole = words.strip_suffix(" … (cut)").unwrap();
        assert!(whole.ends_with("fell") || whole.ends_with("sign-ups"), "{words}");
        assert!(words.chars().count() <= NOTE_CHARS_MAX + 8);
        let unbroken = note_of(&"é".repeat(3_000));
        assert_eq!(unbroken.chars().count(), NOTE_CHARS_MAX + 8);
    }
}
