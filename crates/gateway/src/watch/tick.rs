//! One round of the watch.

use std::{collections::HashMap, sync::Arc};

use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{
    Change, Channel, DeliveryClass, Finding, FindingId, HOUR_MS, Severity, SourceNotice, Subject, Timestamp, View,
};

use super::{
    backoff::Backoff,
    code::{Code, keep_changes},
    product::Product,
};
use crate::{
    act::verify::{self, Standing},
    config::metric_specs,
    core::Core,
    deliver::{Post, ThreadWriter, cleaned},
    findings::{Detection, Evidence, Look, keep, repair},
    notify,
    ports::{CodeRequest, CodeSource, ProductSource},
    settle::SettleError,
};

/// How far back the code host is read when the watch begins.
const CODE_BACK_MS: i64 = 72 * HOUR_MS;
/// The health names of the sources.
pub(crate) const PRODUCT: &str = "posthog";
pub(crate) const CODE: &str = "github";
/// The host of the deployments.
const HOSTING: &str = "vercel";

/// The watch over one instance. One task owns it; nothing here is shared or locked.
pub struct Watch {
    core: Arc<Core>,
    product: Option<Product>,
    code: Option<CodeWatch>,
    /// Repairs that could not be drafted: not before then, or never.
    unstaged: HashMap<FindingId, Option<Timestamp>>,
    resumed: bool,
}

struct CodeWatch {
    source: Arc<dyn CodeSource>,
    facts: Code,
    backoff: Backoff,
    round: u64,
}

impl Watch {
    /// A watch over these sources; a missing one is not configured, and reported as such.
    ///
    /// # Errors
    /// Names the metric that cannot be watched.
    pub fn new(
        core: Arc<Core>,
        product: Option<Arc<dyn ProductSource>>,
        code: Option<Arc<dyn CodeSource>>,
    ) -> Result<Self, String> {
        let budget = f64::from(core.settings.monitor.alarm_budget_per_week);
        let product = product.map(|source| Product::new(source, metric_specs(&core.settings), budget)).transpose()?;
        match &product {
            Some(_) => core.health.starting(PRODUCT),
            None => core.health.not_configured(PRODUCT, "set POSTHOG_API_KEY and POSTHOG_PROJECT_ID"),
        }
        match &code {
            Some(_) => core.health.starting(CODE),
            None => {
                core.health.not_configured(CODE, "set GITHUB_TOKEN and github.repository in read-only/settings.json")
            }
        }
        // Its deployments reach the watch through GitHub.
        match &core.hands.deploys {
            Some(_) => core.health.on_demand(HOSTING, "asked when a question or a rollback needs it"),
            None => {
                core.health.not_configured(HOSTING, "set VERCEL_TOKEN and vercel.projectId in read-only/settings.json")
            }
        }
        let code =
            code.map(|source| CodeWatch { source, facts: Code::default(), backoff: Backoff::default(), round: 0 });
        Ok(Self { core, product, code, unstaged: HashMap::new(), resumed: false })
    }

    /// One round: read every source that may be asked, keep findings, stage repairs, check repairs. A source that fails never
    /// keeps the others from being read.
    ///
    /// # Errors
    /// [`SettleError`] when the database does not take it; the next round sees the same again.
    pub async fn tick(&mut self) -> Result<(), SettleError> {
        self.resume().await?;
        // The product source first: its clock tells how far back the code host's changes matter.
        let mut off = self.read_product().await?;
        off.extend(self.read_code().await?);
        off.iter_mut().for_each(|seen| seen.subject = cleaned(&self.core.guard, &seen.subject));
        let evidence = self.evidence(&off).await?;
        self.foresee(&off).await?;
        let look = Look::new(&off, &evidence);
        for seen in &off {
            keep::report(&self.core, seen, &look).await?;
        }
        notify::settled(&self.core).await?;
        self.stage_repairs().await?;
        self.check_repairs().await?;
        self.end_what_is_over().await?;
        repair::expire(&self.core).await?;
        crate::rank::silence(&self.core).await?;
        crate::rank::tip_silence(&self.core).await?;
        crate::rank::follow(&self.core).await
    }

    /// After a start: errors with open findings are followed on.
    async fn resume(&mut self) -> Result<(), StoreError> {
        if self.resumed {
            return Ok(());
        }
        let open = self.under_way().await?;
        if let Some(product) = &mut self.product {
            for finding in &open {
                product.errors.resume(finding.subjects().filter_map(|subject| match subject {
                    Subject::Error { issue, .. } => Some((issue.clone(), finding.since)),
                    _ => None,
                }));
            }
        }
        self.resumed = true;
        Ok(())
    }

    async fn under_way(&self) -> Result<Vec<Finding>, StoreError> {
        Ok(keep::all_under_way(&self.core).await?.into_iter().map(|found| found.value).collect())
    }

    /// The sources' own present where one tells it: what they date is compared with this, not with our clock.
    fn source_now(&self) -> Option<Timestamp> {
        self.product.as_ref().and_then(|product| product.metrics.server_now())
    }

    async fn read_code(&mut self) -> Result<Vec<Detection>, SettleError> {
        let (now, source_now) = (self.core.now(), self.source_now());
        let Some(code) = self.code.as_mut() else { return Ok(Vec::new()) };
        if !code.backoff.may_ask(now) {
            tell_silence(&self.core, "GitHub", &mut code.backoff, 0).await?;
            return Ok(Vec::new());
        }
        let since = source_now.unwrap_or(now).plus_ms(-CODE_BACK_MS);
        match code.source.poll(CodeRequest { since, round: code.round }).await {
            Ok(answer) => {
                code.round += 1;
                let off = code.facts.take(&answer, now, source_now);
                let was = code.backoff.succeeded(now);
                self.core.health.succeeded(CODE, now, "");
                keep_changes(&self.core, &answer.changes).await?;
                keep::mark_unknown(&self.core, None, is_code).await?;
                if was.is_some() {
                    tell_source(&self.core, "GitHub", None, 0).await?;
                }
                Ok(off)
            }
            Err(error) => {
                tracing::warn!(source = CODE, %error, "watch.no_answer");
                code.backoff.failed(now, self.core.interval_ms(), &error);
                self.core.health.failed(CODE, error.to_string());
                keep::mark_unknown(&self.core, code.backoff.silent_since(), is_code).await?;
                tell_silence(&self.core, "GitHub", &mut code.backoff, 0).await?;
                Ok(Vec::new())
            }
        }
    }

    async fn read_product(&mut self) -> Result<Vec<Detection>, SettleError> {
        let now = self.core.now();
        let Some(product) = self.product.as_mut() else { return Ok(Vec::new()) };
        let count = u32::try_from(product.metrics.len()).unwrap_or(u32::MAX);
        if !product.backoff.may_ask(now) {
            tell_silence(&self.core, "PostHog", &mut product.backoff, count).await?;
            return Ok(Vec::new());
        }
        match product.read(now).await {
            Ok((off, changes)) => {
                let was = product.backoff.succeeded(now);
                self.core.health.succeeded(PRODUCT, now, product_detail(product));
                keep_changes(&self.core, &changes).await?;
                product.kept();
                keep::mark_unknown(&self.core, None, is_product).await?;
                if was.is_some() {
                    tell_source(&self.core, "PostHog", None, count).await?;
                }
                Ok(off)
            }
            Err(error) => {
                tracing::warn!(source = PRODUCT, %error, "watch.no_answer");
                product.backoff.failed(now, self.core.interval_ms(), &error);
                self.core.health.failed(PRODUCT, error.to_string());
                keep::mark_unknown(&self.core, product.backoff.silent_since(), is_product).await?;
                tell_silence(&self.core, "PostHog", &mut product.backoff, count).await?;
                Ok(Vec::new())
            }
        }
    }

    /// What helps to tell the causes apart. Flags are compared only for what is not known yet: that costs requests.
    async fn evidence(&self, off: &[Detection]) -> Result<Evidence, StoreError> {
        let Some(product) = &self.product else { return Ok(Evidence::default()) };
        let mut evidence = Evidence { new_errors: product.errors.fresh(), splits: HashMap::new() };
        for seen in off.iter().filter(|seen| matches!(seen.subject, Subject::Metric { .. })) {
            if keep::under_way(&self.core, &seen.fingerprint).await?.is_some_and(|f| f.value.proposal.is_some()) {
                continue;
            }
            let around = ListQuery::newest(200).since(seen.since.plus_ms(-6 * HOUR_MS).ms()).state("flag");
            let flags = self.core.store.list::<Change>(&around).await?.items;
            let flags: Vec<Change> = flags.into_iter().map(|found| found.value).collect();
            evidence.splits.extend(product.splits(seen, &flags).await);
        }
        Ok(evidence)
    }

    /// Whether so much is new at once that it is told as one.
    async fn foresee(&self, off: &[Detection]) -> Result<(), StoreError> {
        let mut coming = 0;
        for seen in off {
            coming += usize::from(keep::under_way(&self.core, &seen.fingerprint).await?.is_none());
        }
        notify::foreseen(&self.core, coming).await
    }

    async fn stage_repairs(&mut self) -> Result<(), SettleError> {
        let now = self.core.now();
        for finding in self.under_way().await? {
            let wait = self.unstaged.get(&finding.id);
            let waits = wait.is_some_and(|until| until.is_none_or(|at| now < at));
            if waits {
                continue;
            }
            match repair::stage(&self.core, &finding).await? {
                repair::Staged::Later(reason) => {
                    tracing::warn!(finding.id = %finding.id, reason, "act.draft_later");
                    self.unstaged.insert(finding.id, Some(now.plus_ms(self.core.interval_ms() * 2)));
                }
                repair::Staged::Never(reason) => {
                    tracing::warn!(finding.id = %finding.id, reason, "act.draft_never");
                    self.unstaged.insert(finding.id, None);
                }
                repair::Staged::Nothing | repair::Staged::Proposal(_) => {}
            }
        }
        Ok(())
    }

    async fn check_repairs(&self) -> Result<(), SettleError> {
        verify::pass(&self.core, |finding, began_at| self.standing_since(finding, began_at)).await
    }

    async fn end_what_is_over(&mut self) -> Result<(), SettleError> {
        for finding in self.under_way().await? {
            if self.standing_of(&finding) != Standing::Recovered {
                continue;
            }
            let last = match (&finding.subject, &self.product) {
                (Subject::Metric { metric, .. }, Some(product)) => product.metrics.current(metric),
                _ => None,
            };
            self.unstaged.remove(&finding.id);
            keep::recovered(&self.core, &finding.fingerprint, last.as_ref()).await?;
        }
        Ok(())
    }

    /// A finding is over when everything that shows it is.
    fn standing_of(&self, finding: &Finding) -> Standing {
        let all: Vec<Standing> = finding.subjects().map(|subject| self.standing(subject)).collect();
        if all.contains(&Standing::Still) {
            Standing::Still
        } else if all.contains(&Standing::Unknown) {
            Standing::Unknown
        } else {
            Standing::Recovered
        }
    }

    /// How a finding's own subject stands, which the card promised to look at, by what happened after `began_at`: data from before it
    /// cannot say that it did not help. Ages are compared, not instants: `began_at` is by our clock, the data are by the source's.
    fn standing_since(&self, finding: &Finding, began_at: Timestamp) -> Standing {
        let age_ms = self.core.now().since(began_at);
        match (self.standing(&finding.subject), &self.product) {
            (Standing::Still, Some(product)) => product.still_since(finding, age_ms),
            (standing, _) => standing,
        }
    }

    fn standing(&self, subject: &Subject) -> Standing {
        match subject {
            Subject::Metric { .. } | Subject::Error { .. } => {
                self.product.as_ref().map_or(Standing::Unknown, |product| product.standing(subject))
            }
            Subject::Run { .. } | Subject::Deployment { .. } => match &self.code {
                Some(code) if code.backoff.silent_since().is_none() => code.facts.standing(subject),
                _ => Standing::Unknown,
            },
        }
    }
}

const fn is_product(subject: &Subject) -> bool {
    matches!(subject, Subject::Metric { .. } | Subject::Error { .. })
}

const fn is_code(subject: &Subject) -> bool {
    !is_product(subject)
}

fn product_detail(product: &Product) -> String {
    let count = product.metrics.len();
    let mut parts = vec![format!("{count} metric{}", if count == 1 { "" } else { "s" })];
    let used = product.source.budget_used();
    parts.push(format!("{:.0} % of the hourly budget", used * 100.0));
    let learning = product.metrics.learning();
    if learning > 0 {
        parts.push(format!("{learning} still learning what is normal"));
    }
    for (name, reason) in product.metrics.refused().into_iter().take(3) {
        parts.push(format!("{name} cannot be read: {reason}"));
    }
    parts.extend(product.withheld.iter().cloned());
    parts.join(", ")
}

/// A word about a source that has been silent for long, once; also while nobody asks it because it wished to be left alone.
async fn tell_silence(core: &Core, source: &str, backoff: &mut Backoff, metrics: u32) -> Result<(), SettleError> {
    if backoff.should_tell(core.now()) {
        tell_source(core, source, Some(backoff), metrics).await?;
    }
    Ok(())
}

/// A line about a source, in a thread of its own.
async fn tell_source(core: &Core, source: &str, silence: Option<&Backoff>, metrics: u32) -> Result<(), SettleError> {
    let notice = SourceNotice {
        source: source.to_owned(),
        silent_since: silence.and_then(Backoff::silent_since),
        reason: silence.map(|s| wakeman_present::sanitize(s.reason(), 160)).unwrap_or_default(),
        next_try: silence.and_then(Backoff::next_try),
        metrics,
    };
    let mut thread = ThreadWriter::create(core, Channel::System, format!("{source} as a source"));
    thread.say(
        core,
        Post {
            class: DeliveryClass::Note,
            severity: Severity::Warning,
            finding: None,
            view: View::Source(notice),
            quiet: false,
        },
    );
    let kind = if silence.is_some() { "source.silent" } else { "source.back" };
    let event = core.event(kind, "system:watch", source, serde_json::json!({ "metrics": metrics }));
    let _ = core.store.commit(thread.finish(wakeman_store::Commit::new(core.now()).event(event))).await?;
    Ok(())
}
