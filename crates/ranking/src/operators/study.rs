//! Four weeks in which `rule-v1` decides and `lints-v1` learns beside it; then four in which each goes its own way.

use std::collections::VecDeque;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use wakeman_types::{Interruption, MINUTE_MS, Severity};

use super::person::Person;
use super::world::{FINDINGS_A_DAY, Temperament, finding};
use crate::bandit::BanditError;
use crate::context::{InterruptContext, SourceKind};
use crate::decide::decide;
use crate::lints_v1::LintsV1;
use crate::policy::InterruptPolicy;
use crate::reward::{Outcome, TIMEOUT_MS, outcome};
use crate::rule_v1::RuleV1;

/// Weeks in which the shadow only learns.
pub const WEEKS_LEARNING: u32 = 4;
/// Weeks that are measured.
pub const WEEKS_MEASURED: u32 = 4;
/// Interruptions a week, critical ones apart; wide, so that the policies and not the budget are compared.
const BUDGET: f64 = 70.0;
const DAY_MINUTES: f64 = 1440.0;
/// Outcomes that the past rate of a source is of, and what is believed before: as the product has them.
const LOOKED_BACK: usize = 200;
const RATE_PRIOR: (f64, f64) = (0.5, 4.0);

/// What a policy's decisions came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Count {
    /// Interruptions, critical ones apart.
    pub interruptions: u32,
    /// Of these, noise to the operator.
    pub noise: u32,
    /// Of these, useful.
    pub useful: u32,
    /// Critical findings that did not interrupt.
    pub critical_missed: u32,
}

/// One operator's weeks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatorResult {
    /// Who.
    pub temperament: Temperament,
    /// `rule-v1` in the measured weeks.
    pub rule: Count,
    /// `lints-v1` in the measured weeks.
    pub lints: Count,
    /// Useful findings that `rule-v1` interrupted for and `lints-v1` too.
    pub useful_kept: u32,
    /// Noise a week: what `rule-v1` made, and what `lints-v1` made or would have made.
    pub noise_by_week: Vec<(u32, u32)>,
    /// How `lints-v1` came to decide, where a product was asked to promote it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub promotion: String,
}

/// All operators.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyReport {
    /// Draws everything.
    pub seed: u64,
    /// One by one.
    pub operators: Vec<OperatorResult>,
    /// By what share noise fell.
    pub noise_fall: f64,
    /// Share of the useful interruptions of `rule-v1` that `lints-v1` made too.
    pub useful_kept: f64,
    /// Critical findings `lints-v1` did not interrupt for.
    pub critical_missed: u32,
}

impl StudyReport {
    /// All of them together.
    pub fn of(seed: u64, operators: Vec<OperatorResult>) -> Self {
        let sum = |of: fn(&OperatorResult) -> u32| f64::from(operators.iter().map(of).sum::<u32>());
        let (noise, before) = (sum(|o| o.lints.noise), sum(|o| o.rule.noise));
        let (kept, useful) = (sum(|o| o.useful_kept), sum(|o| o.rule.useful));
        Self {
            seed,
            noise_fall: 1.0 - noise / before.max(1.0),
            useful_kept: kept / useful.max(1.0),
            critical_missed: operators.iter().map(|o| o.lints.critical_missed).sum(),
            operators,
        }
    }
}

/// What happened to one operator under one policy.
#[derive(Debug, Clone, Default)]
struct Past {
    last: Option<f64>,
    days: Vec<u32>,
    /// What was told and has no outcome yet.
    open: Vec<Told>,
    /// The outcomes of the newest, with their sources.
    outcomes: VecDeque<(SourceKind, Option<f64>)>,
}

/// One finding that was told.
#[derive(Debug, Clone)]
struct Told {
    context: InterruptContext,
    arm: Interruption,
    outcome: Outcome,
    /// When the outcome is known, in minutes.
    due: f64,
}

/// When a finding comes up, in minutes.
fn minute(context: &InterruptContext, day: u32) -> f64 {
    f64::from(day) * DAY_MINUTES + context.local_hour * 60.0
}

impl Past {
    /// Fills in what depends on the past.
    fn complete(&self, mut context: InterruptContext, day: u32) -> InterruptContext {
        let now = minute(&context, day);
        let on = |day: u32| self.days.get(day as usize).copied().unwrap_or(0);
        let week: u32 = (day.saturating_sub(6)..=day).map(on).sum();
        context.minutes_since_last_interruption = self.last.map(|last| (now - last).max(0.0));
        context.interruptions_today = on(day);
        context.interruptions_this_week = week;
        context.alarm_budget_left = BUDGET - f64::from(week);
        context.past_useful_rate = self.rate(context.source);
        context
    }

    /// How often findings of this source were useful lately, drawn towards a half; `None`: nobody said.
    fn rate(&self, source: SourceKind) -> Option<f64> {
        let known = self.outcomes.iter().filter(|(of, _)| *of == source).filter_map(|(_, worth)| *worth);
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), worth| (sum + worth, count + 1.0));
        (count > 0.0).then(|| (sum + RATE_PRIOR.0 * RATE_PRIOR.1) / (count + RATE_PRIOR.1))
    }

    fn interrupted(&mut self, context: &InterruptContext, day: u32) {
        self.days.resize(self.days.len().max(day as usize + 1), 0);
        self.last = Some(minute(context, day));
        if context.severity != Severity::Critical {
            self.days[day as usize] += 1;
        }
    }

    /// The findings whose outcome is known by now, the earliest first.
    fn due(&mut self, now: f64) -> Vec<Told> {
        let (mut due, open): (Vec<Told>, _) =
            std::mem::take(&mut self.open).into_iter().partition(|one| one.due <= now);
        self.open = open;
        due.sort_by(|a, b| a.due.total_cmp(&b.due));
        for one in &due {
            let worth = if let Outcome::Known { worth } = one.outcome { Some(worth) } else { None };
            self.outcomes.push_back((one.context.source, worth));
        }
        let over = self.outcomes.len().saturating_sub(LOOKED_BACK);
        self.outcomes.drain(..over);
        due
    }
}

/// Plays all temperaments. Same seed, same report.
///
/// # Errors
/// [`BanditError`] if a drawn finding cannot be judged, which would be a fault of the simulation.
pub fn study(seed: u64) -> Result<StudyReport, BanditError> {
    let play = |(nth, temperament)| Play::new(temperament, seed.wrapping_mul(31).wrapping_add(nth))?.run();
    let operators = (0..).zip(Temperament::ALL).map(play).collect::<Result<Vec<_>, BanditError>>()?;
    Ok(StudyReport::of(seed, operators))
}

/// One operator, while the weeks go by.
struct Play {
    result: OperatorResult,
    learner: LintsV1,
    ruled: Past,
    /// `None` while the shadow only learns.
    learnt: Option<Past>,
    findings: ChaCha8Rng,
    reactions: Person,
    own_reactions: Person,
}

impl Play {
    fn new(temperament: Temperament, seed: u64) -> Result<Self, BanditError> {
        Ok(Self {
            result: OperatorResult {
                temperament,
                rule: Count::default(),
                lints: Count::default(),
                useful_kept: 0,
                noise_by_week: Vec::new(),
                promotion: String::new(),
            },
            learner: LintsV1::new()?,
            ruled: Past::default(),
            learnt: None,
            findings: ChaCha8Rng::seed_from_u64(seed),
            reactions: Person::new(seed ^ 0x5eed),
            own_reactions: Person::new(seed ^ 0x0b5e55ed),
        })
    }

    fn run(mut self) -> Result<OperatorResult, BanditError> {
        for week in 0..WEEKS_LEARNING + WEEKS_MEASURED {
            self.result.noise_by_week.push((0, 0));
            for day in week * 7..week * 7 + 7 {
                for nth in 0..FINDINGS_A_DAY {
                    self.step(day, nth, week >= WEEKS_LEARNING)?;
                }
            }
        }
        Ok(self.result)
    }

    /// One finding: both decide, the operator is told by the one that counts. A reaction comes after its time, and the learner hears of it then.
    fn step(&mut self, day: u32, nth: u32, measured: bool) -> Result<(), BanditError> {
        let drawn = finding(day, nth, &mut self.findings);
        let seeds: (u64, u64) = (self.findings.random(), self.findings.random());
        let now = minute(&drawn, day);
        if measured && self.learnt.is_none() {
            self.learnt = Some(self.ruled.clone());
        }
        let by_rule = self.ruled.due(now);
        let heard = self.learnt.as_mut().map_or(by_rule, |own| own.due(now));
        heard.into_iter().try_for_each(|told| hear(&mut self.learner, &told))?;
        let ruled = self.ruled.complete(drawn.clone(), day);
        let learnt = self.learnt.as_ref().map_or_else(|| ruled.clone(), |own| own.complete(drawn, day));
        let (by_rule, by_learner) = (told(&RuleV1, &ruled, seeds.0), told(&self.learner, &learnt, seeds.1));
        self.count(&ruled, (by_rule, by_learner), measured);
        let who = self.result.temperament;
        tell(&mut self.ruled, who, (ruled, by_rule), day, &mut self.reactions);
        if let Some(own) = &mut self.learnt {
            tell(own, who, (learnt, by_learner), day, &mut self.own_reactions);
        }
        Ok(())
    }

    fn count(&mut self, context: &InterruptContext, arms: (Interruption, Interruption), measured: bool) {
        let useful = self.result.temperament.finds_useful(context);
        let now = (arms.0 == Interruption::Now, arms.1 == Interruption::Now);
        let critical = context.severity == Severity::Critical;
        if let Some(week) = self.result.noise_by_week.last_mut()
            && !useful
        {
            *week = (week.0 + u32::from(now.0), week.1 + u32::from(now.1));
        }
        if measured {
            add(&mut self.result.rule, now.0, useful, critical);
            add(&mut self.result.lints, now.1, useful, critical);
            self.result.useful_kept += u32::from(now.0 && now.1 && useful && !critical);
        }
    }
}

/// Tells the operator, who will react or not.
fn tell(
    past: &mut Past,
    who: Temperament,
    (context, arm): (InterruptContext, Interruption),
    day: u32,
    person: &mut Person,
) {
    if arm == Interruption::Now {
        past.interrupted(&context, day);
    }
    if arm == Interruption::Silent {
        return;
    }
    let reaction = person.reacts(who.finds_useful(&context), context.local_hour, arm);
    let after_ms = reaction.map_or(TIMEOUT_MS, |(_, after_ms)| after_ms);
    let outcome = outcome(reaction.map(|(reaction, _)| reaction).as_slice(), after_ms);
    let due = minute(&context, day) + after_ms as f64 / MINUTE_MS as f64;
    past.open.push(Told { context, arm, outcome, due });
}

/// What the learner makes of it.
fn hear(learner: &mut LintsV1, told: &Told) -> Result<(), BanditError> {
    match told.context.features() {
        Ok(features) => learner.learn(&features, told.arm, told.outcome),
        Err(_) => Ok(()),
    }
}

/// What a policy does with a finding; what cannot be judged interrupts.
fn told(policy: &dyn InterruptPolicy, context: &InterruptContext, seed: u64) -> Interruption {
    decide(policy, context, seed).map_or(Interruption::Now, |decision| decision.arm)
}

fn add(count: &mut Count, now: bool, useful: bool, critical: bool) {
    if critical {
        count.critical_missed += u32::from(!now);
    } else if now {
        count.interruptions += 1;
        count.noise += u32::from(!useful);
        count.useful += u32::from(useful);
    }
}
