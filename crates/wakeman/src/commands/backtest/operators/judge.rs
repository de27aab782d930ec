//! What a finding truly was, and what somebody thinks of having been told of it.

use wakeman_lab::client::{LabTruth, TrueIncident};
use wakeman_ranking::{Features, InterruptContext, operators::Temperament};
use wakeman_types::{ChoiceRecord, Finding, HOUR_MS, Severity, Timestamp};

use crate::{
    commands::demo::{stage::instant, summary::names},
    failure::Failure,
};

/// What is told so long after something ended is still of it: looks are apart, and a detector looks back.
const AFTER_MS: i64 = 2 * HOUR_MS;

/// One telling, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// When.
    pub at: Timestamp,
    /// What truly went on; `None`: nothing did.
    pub incident: Option<String>,
    /// Something truly went on, and it was told as critical.
    pub critical: bool,
    /// To this person it was worth an interruption.
    pub useful: bool,
}

/// The incident that this finding, told then, is of.
pub fn incident<'a>(
    truth: &'a LabTruth,
    finding: &Finding,
    at: Timestamp,
) -> Result<Option<&'a TrueIncident>, Failure> {
    for incident in truth.incidents.iter().filter(|incident| names(incident, finding)) {
        let end = incident.end.as_deref().map(instant).transpose()?;
        if at >= instant(&incident.start)? && end.is_none_or(|end| at <= end.plus_ms(AFTER_MS)) {
            return Ok(Some(incident));
        }
    }
    Ok(None)
}

/// What somebody of this temperament makes of it. The size is that of the scenario, not what the detector took it for; what they can only know
/// from the message (the hour, the likely cause) is as it was told. What is nothing at all is noise to everybody.
pub fn judge(temperament: Temperament, choice: &ChoiceRecord, finding: &Finding, is: Option<&TrueIncident>) -> Judged {
    let told = |incident: &TrueIncident| {
        let mut context = context(choice)?;
        context.effect_size = size(incident);
        Some(temperament.finds_useful(&context))
    };
    Judged {
        at: choice.at,
        incident: is.map(|incident| incident.id.clone()),
        critical: is.is_some() && finding.severity == Severity::Critical,
        useful: is.and_then(told).unwrap_or(false),
    }
}

fn context(choice: &ChoiceRecord) -> Option<InterruptContext> {
    let values: Vec<f64> = choice.features.iter().map(|(_, value)| *value).collect();
    Features::new(values.try_into().ok()?).ok().map(|features| InterruptContext::of(&features))
}

/// How large it truly is, as the effect of a metric is measured; what broke outright is large.
fn size(incident: &TrueIncident) -> f64 {
    match incident.effect.as_str() {
        "drop" => wakeman_ranking::effect_size(1.0 - incident.magnitude),
        "spike" | "shift" => wakeman_ranking::effect_size(incident.magnitude),
        _ => 1.0,
    }
}
