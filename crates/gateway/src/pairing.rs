//! Pairing: an owner hands a code to a person, who sends it from their own chat and is known there from then on.
//!
//! Owns: rows `pair_code` (hashed) and `pairing`, the overlay over the settings' operators. Must not: let anybody be more than settings
//! say, or outlive the operator they name.

use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_store::{Commit, Committed, EntityRef, ListQuery, StoreError, Version, Versioned, canonical};
use wakeman_types::{
    Channel, DeliveryClass, Entity, ErrorKind, GatewayError, Identity, MINUTE_MS, OperatorId, PairCode, PairRequest,
    Pairing, Principal, Role, Severity, Timestamp,
};

use crate::{
    core::Core,
    deliver::announce,
    desk::{settle_error, storage_error},
    settle::{SettleError, Wanted, settle},
};

/// How long a code can be used.
const CODE_MS: i64 = 10 * MINUTE_MS;
/// No letter that looks like another.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A code as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodeRow {
    hash: String,
    pub operator: OperatorId,
    pub role: Role,
    pub by: OperatorId,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    pub used: bool,
}

impl Entity for CodeRow {
    const KIND: &'static str = "pair_code";

    fn entity_id(&self) -> String {
        self.hash.clone()
    }

    fn state_name(&self) -> &str {
        if self.used { "used" } else { "open" }
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// A code as people may write it: in lower case, with or without the dash, O for 0.
fn hash_of(code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    let plain = plain.replace('O', "0").replace(['I', 'L'], "1");
    canonical::sha256_hex(format!("pair:{plain}").as_bytes())
}

/// Eight letters, forty random bits: `7K3M-9QXA`.
fn new_code(core: &Core) -> String {
    let bits = core.random.number();
    let letter = |place: u32| char::from(LETTERS[((bits >> (5 * place)) & 31) as usize]);
    let text: String = (0..8).map(letter).collect();
    format!("{}-{}", &text[..4], &text[4..])
}

/// Makes a code. Owners only.
///
/// # Errors
/// Not an owner, more than settings allow, storage errors.
pub(crate) async fn make_code(core: &Core, who: &Identity, request: PairRequest) -> Result<PairCode, GatewayError> {
    if who.role < Role::Owner {
        let message = format!("only an owner can let somebody in; you are {} ({})", who.operator, who.role);
        return Err(GatewayError::new(ErrorKind::Forbidden, message));
    }
    let operator = request.operator.unwrap_or_else(|| who.operator.clone());
    let most = match core.settings.operator(&operator) {
        Some(listed) => Some(listed.role),
        None if operator == who.operator => Some(who.role),
        None => None,
    };
    let role = request.role.or(most).unwrap_or(Role::Viewer);
    if let Some(most) = most.filter(|most| role > *most) {
        let message =
            format!("{operator} is {most} in read-only/settings.json, and can be no more in a chat; leave --role out");
        return Err(GatewayError::new(ErrorKind::Invalid, message));
    }
    let (code, now) = (new_code(core), core.now());
    let expires_at = now.plus_ms(CODE_MS);
    let (hash, by) = (hash_of(&code), who.operator.clone());
    let row = CodeRow { hash, operator: operator.clone(), role, by, at: now, expires_at, used: false };
    let event = core.event("pairing.code_made", &who.principal, &operator, json!({"role": role, "until": expires_at}));
    let commit = Commit::durable(now).replace(&row, Version::ABSENT).event(event);
    match core.store.commit(commit).await.map_err(|error| storage_error(&error))? {
        Committed::Seq(_) => {}
        Committed::Conflict(_) => {
            return Err(GatewayError::new(ErrorKind::Conflict, "that code exists already; ask again"));
        }
    }
    Ok(PairCode { code, operator, role, expires_at })
}

/// Ends a pairing, also one of an operator whom settings no longer name. Owners only.
///
/// # Errors
/// Not an owner, no such pairing, storage errors.
pub(crate) async fn revoke(core: &Core, who: &Identity, principal: &Principal) -> Result<Pairing, GatewayError> {
    if who.role < Role::Owner {
        let message = format!("only an owner can end a pairing; you are {} ({})", who.operator, who.role);
        return Err(GatewayError::new(ErrorKind::Forbidden, message));
    }
    let gone: Result<Option<Pairing>, SettleError> = settle!(core, "the pairing", async {
        let Some(found) = core.store.get::<Pairing>(&principal.to_string()).await? else {
            return Ok(Wanted::Nothing(None));
        };
        let (row, pairing) = (EntityRef::of(&found.value), found.value);
        let payload = json!({"operator": pairing.operator, "role": pairing.role, "principal": who.principal});
        let event = core.event("pairing.revoked", &who.operator, principal, payload);
        let text = format!("{principal} is {} no longer: {} ended the pairing.", pairing.operator, who.operator);
        let commit = Commit::durable(core.now()).expect(&row, found.version).delete(row).event(event);
        // Shutting somebody out must work on a full disk.
        let commit = announce(core, commit, DeliveryClass::Note, Severity::Info, text).essential();
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), Some(pairing)))
    });
    let Some(gone) = gone.map_err(|error| settle_error(&error))? else {
        let message = format!("there is no pairing of {principal}; `wakeman pair --list` names those there are");
        return Err(GatewayError::new(ErrorKind::NotFound, message));
    };
    load(core).await.map_err(|error| storage_error(&error))?;
    Ok(gone)
}

/// The code, if it can be used now.
pub(crate) async fn usable(core: &Core, code: &str) -> Result<Option<Versioned<CodeRow>>, StoreError> {
    let found = core.store.get::<CodeRow>(&hash_of(code)).await?;
    Ok(found.filter(|found| !found.value.used && core.now() < found.value.expires_at))
}

/// Binds `principal` with `commit`, which fails if the code was used meanwhile.
pub(crate) fn bind(
    core: &Core,
    commit: Commit,
    code: Versioned<CodeRow>,
    (principal, name): (&Principal, &str),
) -> (Commit, Pairing) {
    let Versioned { value: code, version } = code;
    let pairing = Pairing {
        principal: principal.clone(),
        listed: core.settings.operator(&code.operator).is_some(),
        operator: code.operator.clone(),
        role: code.role,
        name: name.chars().take(80).collect(),
        by: code.by.clone(),
        at: core.now(),
    };
    let payload = json!({"operator": pairing.operator, "role": pairing.role, "code_by": pairing.by});
    let event = core.event("pairing.bound", principal, &pairing.operator, payload);
    let used = CodeRow { used: true, ..code };
    (commit.replace(&used, version).put(&pairing).event(event), pairing)
}

/// Who a paired account is now. `None`: nobody, or no longer.
pub(crate) async fn identity(core: &Core, principal: &Principal) -> Result<Option<Identity>, StoreError> {
    if !matches!(principal.channel(), Channel::Telegram | Channel::Discord) {
        return Ok(None);
    }
    let found = core.store.get::<Pairing>(&principal.to_string()).await?;
    Ok(found.and_then(|found| as_identity(core, &found.value)))
}

fn as_identity(core: &Core, pairing: &Pairing) -> Option<Identity> {
    let role = match core.settings.operator(&pairing.operator) {
        Some(operator) => pairing.role.min(operator.role),
        None if pairing.listed => return None,
        None => pairing.role,
    };
    Some(Identity { principal: pairing.principal.clone(), operator: pairing.operator.clone(), role })
}

/// Every pairing that holds.
pub(crate) async fn pairings(core: &Core) -> Result<Vec<Pairing>, StoreError> {
    let all = core.store.list::<Pairing>(&ListQuery::oldest(500)).await?.items.into_iter().map(|found| found.value);
    Ok(all.filter(|pairing| as_identity(core, pairing).is_some()).collect())
}

/// Reads the paired accounts anew, for who is told of what.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub(crate) async fn load(core: &Core) -> Result<(), StoreError> {
    core.surfaces.set_paired(pairings(core).await?);
    Ok(())
}
