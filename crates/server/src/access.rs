//! Who is calling: bearer tokens on TCP, the peer's uid on the Unix socket. Either yields a [`Caller`].

use std::fmt;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tokio::net::UnixStream;
use wakeman_types::{Channel, Principal, Role};

use crate::problem::Problem;

/// SHA-256 of a token: the only form in which the server keeps it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes the token as it is sent, without white space around it.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.trim().as_bytes()).into())
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// One token that is accepted, and for whom.
#[derive(Debug, Clone)]
pub struct ApiToken {
    /// What a presented token must hash to.
    pub hash: TokenHash,
    /// What its bearer may do at most.
    pub role: Role,
    /// Whom the gateway takes its bearer for.
    pub principal: Principal,
}

/// A caller whose identity the transport proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Whom the gateway is told.
    pub principal: Principal,
    /// What this way of calling allows at most; the gateway may allow less.
    pub role: Role,
}

/// What a connection itself proves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof {
    /// Nothing: each request bears a token.
    Token,
    /// The uid of the process at the other end, where the system tells.
    Peer(Option<u32>),
}

/// Reads the peer's uid off a connection of the Unix socket.
pub(crate) fn peer_of(stream: &UnixStream) -> Proof {
    Proof::Peer(stream.peer_cred().ok().map(|peer| peer.uid()))
}

/// Who is let in on one listener.
#[derive(Debug)]
pub(crate) enum Access {
    /// Bearers of a known token.
    Token(TokenTable),
    /// The daemon's own user and root.
    Peer {
        /// The daemon's effective uid.
        own_uid: u32,
    },
}

impl Access {
    /// Whether requests without a token reach `/healthz` only.
    pub const fn wants_token(&self) -> bool {
        matches!(self, Self::Token(_))
    }

    /// The caller behind a request, or the refusal to send.
    pub fn admit(&self, proof: Proof, headers: &HeaderMap) -> Result<Caller, Problem> {
        match (self, proof) {
            (Self::Token(table), _) => table.admit(headers),
            (Self::Peer { own_uid }, Proof::Peer(Some(uid))) => admit_peer(uid, *own_uid),
            (Self::Peer { .. }, _) => Err(Problem::forbidden("the system does not tell which user is calling")),
        }
    }
}

fn admit_peer(uid: u32, own_uid: u32) -> Result<Caller, Problem> {
    if uid != own_uid && uid != 0 {
        let detail = format!(
            "this socket serves uid {own_uid} and root; you are uid {uid}: run the command as the user that runs the daemon"
        );
        return Err(Problem::forbidden(detail));
    }
    Ok(Caller { principal: Principal::new(Channel::Cli, uid.to_string()), role: Role::Owner })
}

/// The tokens of one listener.
#[derive(Debug)]
pub(crate) struct TokenTable(Vec<ApiToken>);

impl TokenTable {
    pub fn new(tokens: Vec<ApiToken>) -> Self {
        Self(tokens)
    }

    fn admit(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        if self.0.is_empty() {
            return Err(Problem::unauthorized(
                "this instance has no API token; set WAKEMAN_API_TOKEN (or WAKEMAN_API_TOKEN_FILE) for `wakeman run`, \
                 restart it, and send the same value as `Authorization: Bearer <token>`",
            ));
        }
        let token = bearer(headers).ok_or_else(|| {
            Problem::unauthorized("send `Authorization: Bearer <token>`, the value of WAKEMAN_API_TOKEN of the daemon")
        })?;
        self.find(token).ok_or_else(|| {
            Problem::unauthorized(
                "this token is not known here; send the value that WAKEMAN_API_TOKEN had when the daemon started",
            )
        })
    }

    /// Compares with every token, in a time that depends neither on the token nor on the place of a match.
    fn find(&self, token: &str) -> Option<Caller> {
        let presented = TokenHash::of(token);
        let mut found = u32::MAX;
        for (index, known) in (0u32..).zip(&self.0) {
            let same: Choice = known.hash.0.ct_eq(&presented.0);
            found.conditional_assign(&index, same);
        }
        let known = self.0.get(found as usize)?;
        Some(Caller { principal: known.principal.clone(), role: known.role })
    }
}

/// The token of the one `Authorization: Bearer` header; `None` when there is none, several, or another scheme.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TokenTable {
        let token = |secret, role, id: &str| ApiToken {
            hash: TokenHash::of(secret),
            role,
            principal: Principal::new(Channel::Api, id),
        };
        TokenTable::new(vec![token("alpha", Role::Viewer, "1"), token("beta\n", Role::Owner, "2")])
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(AUTHORIZATION, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn a_bearer_is_who_their_token_says() {
        let known = [("Bearer alpha", "1", Role::Viewer), ("bearer  beta ", "2", Role::Owner)];
        for (sent, id, role) in known {
            let caller = table().admit(&headers(&[sent])).unwrap();
            assert_eq!((caller.principal.id(), caller.role), (id, role), "{sent:?}");
        }
        for sent in ["Bearer alph", "Bearer alphaa", "Bearer ", "Bearer", "Basic alpha", "alpha", ""] {
            assert!(table().admit(&headers(&[sent])).is_err(), "{sent:?}");
        }
        assert!(table().admit(&headers(&[])).is_err());
        assert!(table().admit(&headers(&["Bearer alpha", "Bearer beta"])).is_err(), "which of them?");
    }

    #[test]
    fn no_empty_token_opens_anything() {
        let empty =
            ApiToken { hash: TokenHash::of(""), role: Role::Owner, principal: Principal::new(Channel::Api, "1") };
        for sent in ["Bearer ", "Bearer", "Bearer   "] {
            assert!(TokenTable::new(vec![empty.clone()]).admit(&headers(&[sent])).is_err(), "{sent:?}");
        }
    }

    #[test]
    fn only_the_own_user_and_root_come_through_the_socket() {
        for (uid, own_uid, want) in
            [(1000, 1000, true), (0, 1000, true), (0, 0, true), (1001, 1000, false), (1, 0, false)]
        {
            let got = admit_peer(uid, own_uid);
            assert_eq!(got.is_ok(), want, "uid {uid} at a daemon of {own_uid}");
            if let Ok(caller) = got {
                assert_eq!((caller.principal.to_string(), caller.role), (format!("cli:{uid}"), Role::Owner));
            }
        }
        let silent = Access::Peer { own_uid: 0 }.admit(Proof::Peer(None), &HeaderMap::new());
        assert_eq!(silent.err().map(|p| p.status()), Some(axum::http::StatusCode::FORBIDDEN));
    }

    #[test]
    fn a_hash_does_not_print_itself() {
        assert_eq!(format!("{:?}", TokenHash::of("alpha")), "TokenHash(…)");
    }
}
