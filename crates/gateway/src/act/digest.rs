//! What an approval is bound to.

use serde_json::json;
use wakeman_store::canonical;
use wakeman_types::{Action, Digest};

/// The digest of exactly this action on this instance: lower-case hex SHA-256 over the canonical JSON (RFC 8785) of
/// `{v:1, instance, kind, target, arguments, revision}`.
pub fn digest(instance: &str, action: &Action) -> Digest {
    Digest::new(canonical::digest_of(&json!({
        "v": 1,
        "instance": instance,
        "kind": action.kind,
        "target": action.target,
        "arguments": action.arguments,
        "revision": action.revision,
    })))
}
