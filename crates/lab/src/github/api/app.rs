//! An app that signs in: its installation, and a token for an hour.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::Repo;
use super::{Answer, Call, Refusal, Reply};
use crate::time::{HOUR_MS, rfc3339};

/// The one installation there is.
const INSTALLATION: u64 = 48_213_377;
/// A proof may last ten minutes, and its maker's clock may be ahead by one.
const PROOF_S_MAX: i64 = 660;

/// Whether the bearer is a JSON Web Token as an app makes it. Its key is nobody's here, so the signature only has to be there.
fn proven(call: &Call) -> Result<String, Refusal> {
    let mut parts = call.token().unwrap_or_default().split('.');
    let read = |part: Option<&str>| -> Option<Value> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part?).ok()?).ok()
    };
    let (head, claims, signature) = (read(parts.next()), read(parts.next()), parts.next());
    let (Some(head), Some(claims), Some(signature), None) = (head, claims, signature, parts.next()) else {
        return Err(Refusal::NoJwt);
    };
    let lasts = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(end, begin)| end - begin);
    let signed = BASE64_URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| bytes.len() >= 256);
    let right = head["alg"] == "RS256" && lasts.is_some_and(|lasts| (1..=PROOF_S_MAX).contains(&lasts)) && signed;
    let issuer = claims["iss"].as_str().map(str::to_owned).or_else(|| claims["iss"].as_i64().map(|id| id.to_string()));
    issuer.filter(|_| right).ok_or(Refusal::NoJwt)
}

pub(super) fn installation(call: &Call) -> Answer {
    let app = proven(call)?;
    Ok(Reply::json(
        json!({"id": INSTALLATION, "app_id": app.parse::<u64>().unwrap_or_default(), "target_type": "Organization"}),
    ))
}

pub(super) fn token(repo: &Repo, call: &Call, id: &str) -> Answer {
    proven(call)?;
    if id != INSTALLATION.to_string() {
        return Err(Refusal::NotFound);
    }
    let token = "ghs_16C7e42F292c6912E7710c838347Ae178B4a";
    let body =
        json!({"token": token, "expires_at": rfc3339(repo.clock_ms + HOUR_MS), "repository_selection": "selected"});
    Ok(Reply::created(body))
}
