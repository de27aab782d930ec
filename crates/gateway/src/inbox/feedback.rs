//! A reply to the message of a finding or a tip that judges it, or wants no more of a finding: understood without a model.

use wakeman_present::parse_duration;
use wakeman_types::{Finding, FindingId, GatewayError, Principal, Proposal, Role, Said};

use super::{
    InboundRow, InboundState,
    end::End,
    press::{judges, sent},
    text::does,
    work::Inbox,
};
use crate::{
    act::asked::{Asked, Wish, WishKind, refusal, stage},
    desk::{settle_error, storage_error},
    modes::{MUTE_MS_DEFAULT, needs},
};

/// Words that change nothing in what is meant.
const FILLERS: [&str; 16] = [
    "a", "about", "again", "is", "it", "its", "just", "me", "please", "pretty", "really", "so", "that", "thats",
    "this", "very",
];
/// What is left of a reply that praises what was told.
const USEFUL: [&str; 7] = ["useful", "was useful", "helpful", "was helpful", "good catch", "👍", "👍🏻"];
/// What is left of one that blames it.
const NOISE: [&str; 9] =
    ["noise", "was noise", "noisy", "not useful", "was not useful", "useless", "not helpful", "false alarm", "👎"];
/// What is left of one that wants to hear no more of it.
const STOP: [&str; 7] =
    ["stop telling", "stop telling us", "dont tell", "do not tell", "stop reporting", "mute", "silence"];

/// What somebody says of what was told by replying to its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// Whether it was worth telling.
    Useful(bool),
    /// "Stop telling me about this", for so long.
    Stop(i64),
}

/// What a reply says of what it replies to; `None`: something else.
fn judged(text: &str) -> Option<Judged> {
    if text.contains('?') {
        return None;
    }
    let lower = text.to_lowercase().replace(['\'', '’'], "");
    let (words, duration) = match lower.rsplit_once(" for ") {
        Some((words, end)) => (words, Some(long(end.trim())?)),
        None => (lower.as_str(), None),
    };
    let bare: Vec<&str> =
        words.split(|c: char| c.is_whitespace() || ",.!;:".contains(c)).filter(|word| !word.is_empty()).collect();
    // "is this noise" asks, without the mark too.
    if matches!(bare[..], ["is" | "isnt", ..] | ["was" | "wasnt", "it" | "that" | "this", ..]) {
        return None;
    }
    let said: Vec<&str> = bare.into_iter().filter(|word| !FILLERS.contains(word)).collect();
    let said = said.join(" ");
    match said.as_str() {
        stop if STOP.contains(&stop) => Some(Judged::Stop(duration.unwrap_or(MUTE_MS_DEFAULT))),
        _ if duration.is_some() => None,
        useful if USEFUL.contains(&useful) => Some(Judged::Useful(true)),
        noise if NOISE.contains(&noise) => Some(Judged::Useful(false)),
        _ => None,
    }
}

/// `2h`, `a week`: how long it shall be quiet.
fn long(text: &str) -> Option<i64> {
    let short = match text.trim_end_matches(['.', '!']) {
        "an hour" | "one hour" => "1h",
        "a day" | "one day" => "1d",
        "a week" | "one week" => "7d",
        "a month" | "one month" => "30d",
        other => other,
    };
    parse_duration(short).ok()
}

/// What becomes of a message that judges the finding or tip it replies to; `None`: it is no such reply.
pub(super) async fn given(
    inbox: &Inbox,
    row: &InboundRow,
    from: &Principal,
    text: &str,
) -> Result<Option<End>, GatewayError> {
    let Said::Text { reply_to: Some(reference), .. } = &row.inbound.said else { return Ok(None) };
    let Some(judged) = judged(text) else { return Ok(None) };
    let Some(sent) = sent(inbox, row, reference).await? else { return Ok(None) };
    Ok(match (judged, sent.finding.filter(|_| sent.proposal.is_none() && sent.tip.is_none())) {
        (Judged::Useful(useful), _) => match judges(&sent, useful) {
            Some(verb) => Some(does(inbox, row, from, verb).await?),
            None => None,
        },
        (Judged::Stop(for_ms), Some(id)) => Some(stop(inbox, row, from, (id, for_ms)).await?),
        (Judged::Stop(_), None) => None,
    })
}

/// "Stop telling me about this": a card that names what would be muted and until when, and waits for a yes.
async fn stop(
    inbox: &Inbox,
    row: &InboundRow,
    by: &Principal,
    (id, for_ms): (FindingId, i64),
) -> Result<End, GatewayError> {
    let core = &inbox.core;
    let refused = |text: String| Ok(End::told(core, row, InboundState::Refused, text));
    if let Some(why) = refusal(core, WishKind::Mute) {
        return refused(format!("Not muted: {why}. `mute {id}` does it at once."));
    }
    let Some(who) = core.identify(by).await.map_err(|error| storage_error(&error))? else {
        return Ok(End::ignored(core, "from nobody known"));
    };
    if let Err(error) = needs(&who, Role::Approver, "ask for a mute") {
        return refused(error.message);
    }
    let found = core.store.get::<Finding>(&id.to_string()).await.map_err(|error| storage_error(&error))?;
    let Some(finding) = found.map(|found| found.value) else { return refused(format!("there is no finding {id}")) };
    let thread = finding.thread.clone();
    let wish = Wish::Mute { finding: Box::new(finding), for_ms: Some(for_ms) };
    // A mute repairs nothing: the finding's proposal stays what it is.
    let asked = stage(core, &who, &thread, wish, None).await.map_err(|error| settle_error(&error))?;
    let proposal = match asked {
        Asked::Staged(proposal) | Asked::Waits(proposal) => proposal,
        Asked::Refused(why) | Asked::NotNow(why) => return refused(format!("Not muted: {why}.")),
        Asked::Unknown { source_name, reason } => return refused(format!("Not muted: {source_name}: {reason}.")),
    };
    let card = core.store.get::<Proposal>(&proposal.to_string()).await.map_err(|error| storage_error(&error))?;
    let scope =
        card.and_then(|card| card.value.card.steps.into_iter().next()).map(|step| step.text).unwrap_or_default();
    let text = format!("{proposal} waits for a yes: {scope}.");
    Ok(End::told(core, row, InboundState::Done, text))
}

#[cfg(test)]
mod tests {
    use wakeman_types::{DAY_MS, HOUR_MS};

    use super::*;

    #[test]
    fn a_reply_is_feedback_only_where_it_says_nothing_else() {
        for useful in ["useful", "Useful!", "that was useful", "really helpful, this", "Good catch.", "👍"] {
            assert_eq!(judged(useful), Some(Judged::Useful(true)), "{useful}");
        }
        for noise in ["noise", "This is just noise.", "not useful", "it's a false alarm", "that's useless", "👎"] {
            assert_eq!(judged(noise), Some(Judged::Useful(false)), "{noise}");
        }
        for (stop, for_ms) in [
            ("stop telling me about this", MUTE_MS_DEFAULT),
            ("Please stop telling me this.", MUTE_MS_DEFAULT),
            ("don't tell me about it again", MUTE_MS_DEFAULT),
            ("mute this for 2h", 2 * HOUR_MS),
            ("stop telling me about this for a day", DAY_MS),
        ] {
            assert_eq!(judged(stop), Some(Judged::Stop(for_ms)), "{stop}");
        }
        for other in [
            "is this useful?",
            "is this noise",
            "was it a false alarm",
            "useful for a week",
            "stop telling me about this for ages",
            "stop telling me about checkout",
            "why is there so much noise",
            "thanks",
            "",
        ] {
            assert_eq!(judged(other), None, "{other}");
        }
    }
}
