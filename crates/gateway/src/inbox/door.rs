//! Who is not known: one polite line, a code if they have one, then silence.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{DAY_MS, DeliveryClass, Entity, GatewayError, Identity, Principal, Severity, Timestamp};

use super::{InboundRow, InboundState, end::End};
use crate::{core::Core, deliver::announce, desk::storage_error, pairing};

/// Wrong codes that are answered in a day.
const WRONG_MAX: u32 = 5;
/// Unknown accounts that operators are told of in a day, each in a line.
const TOLD_MAX: usize = 5;
/// The one line that somebody unknown ever gets.
const POLITE: &str =
    "This is Wakeman, which talks to its operators only. If one of them gave you a code, send /pair and the code.";

/// Somebody who is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Knock {
    principal: Principal,
    at: Timestamp,
    /// Wrong codes since `wrong_since`.
    wrong: u32,
    wrong_since: Timestamp,
}

impl Entity for Knock {
    const KIND: &'static str = "knock";

    fn entity_id(&self) -> String {
        self.principal.to_string()
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// What becomes of a message of somebody unknown, or of `/pair` from anybody.
pub(super) async fn knocked(
    core: &Core,
    row: &InboundRow,
    from: &Principal,
    who: Option<Identity>,
    code: Option<&str>,
) -> Result<End, GatewayError> {
    if let Some(who) = who {
        let text = format!("You are {} ({}) here already; no code is needed.", who.operator, who.role);
        return Ok(End::told(core, row, InboundState::Done, text));
    }
    let found = core.store.get::<Knock>(&from.to_string()).await.map_err(|error| storage_error(&error))?;
    let knock = found.map(|found| found.value);
    match code {
        Some(code) => with_code(core, row, (from, knock), code).await,
        None if knock.is_some() => Ok(End::ignored(core, "from somebody unknown, who was told so before")),
        None => first_time(core, row, from).await.map_err(|error| storage_error(&error)),
    }
}

async fn first_time(core: &Core, row: &InboundRow, from: &Principal) -> Result<End, StoreError> {
    let at = core.now();
    let today = ListQuery::newest(TOLD_MAX + 1).since(at.plus_ms(-DAY_MS).ms());
    let before = core.store.list::<Knock>(&today).await?.items.len();
    let mut end = End::told(core, row, InboundState::Refused, POLITE.to_owned());
    let name = wakeman_present::sanitize(&row.inbound.name, 60);
    let known = format!(
        "{from}, who goes by \"{name}\", wrote to Wakeman and is no operator. To let them in, run \
         `wakeman pair --operator NAME` and give them the code."
    );
    end.commit = end.commit.put(&Knock { principal: from.clone(), at, wrong: 0, wrong_since: at });
    let text = match before.cmp(&TOLD_MAX) {
        Ordering::Less => known,
        Ordering::Equal => format!(
            "More than {TOLD_MAX} accounts that are no operator's wrote to Wakeman in a day. Each is told so once; you are not \
             told of each any more today."
        ),
        Ordering::Greater => return Ok(end),
    };
    end.commit = announce(core, end.commit, DeliveryClass::Note, Severity::Info, text);
    Ok(end)
}

async fn with_code(
    core: &Core,
    row: &InboundRow,
    (from, knock): (&Principal, Option<Knock>),
    code: &str,
) -> Result<End, GatewayError> {
    let now = core.now();
    let fresh = Knock { principal: from.clone(), at: now, wrong: 0, wrong_since: now };
    let mut knock = knock.filter(|knock| now.since(knock.wrong_since) < DAY_MS).unwrap_or(fresh);
    if knock.wrong >= WRONG_MAX {
        return Ok(End::ignored(core, "too many wrong codes"));
    }
    if let Some(found) = pairing::usable(core, code).await.map_err(|error| storage_error(&error))? {
        let mut end = End::new(core, InboundState::Done, String::new());
        let (commit, pairing) = pairing::bind(core, end.commit, found, (from, &row.inbound.name));
        let (operator, role) = (&pairing.operator, pairing.role);
        let told = format!("{from} is {operator} ({role}) from now on, by a code that {} made.", pairing.by);
        end.commit = announce(core, commit, DeliveryClass::Note, Severity::Info, told);
        let text = format!("You are {operator} ({role}) here from now on. /help lists the words.");
        let words = End::told(core, row, InboundState::Done, text);
        return Ok(End { commit: end.commit, pairs: true, ..words });
    }
    knock.wrong += 1;
    let last = if knock.wrong >= WRONG_MAX { " No more codes are taken from you today." } else { "" };
    let text = format!("That code is not valid: it was used, or its 10 minutes are over. Ask for a new one.{last}");
    let mut end = End::told(core, row, InboundState::Refused, text);
    let event = core.event("pairing.wrong_code", from, from, json!({"times": knock.wrong}));
    end.commit = end.commit.put(&knock).event(event);
    Ok(end)
}
