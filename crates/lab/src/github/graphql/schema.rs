//! The types and fields that are known, and the check of a document against them.

use serde_json::json;

use super::Fault;
use super::syntax::{Document, Field, Kind, Operation, Position, Selection};

/// Type, field, and the type of its value; `""` is a scalar.
const FIELDS: &[(&str, &str, &str)] = &[
    ("Query", "viewer", "User"),
    ("Query", "repository", "Repository"),
    ("Query", "node", "Node"),
    ("Query", "rateLimit", "RateLimit"),
    ("Mutation", "revertPullRequest", "RevertPullRequestPayload"),
    ("Mutation", "mergePullRequest", "MergePullRequestPayload"),
    ("RevertPullRequestPayload", "clientMutationId", ""),
    ("RevertPullRequestPayload", "pullRequest", "PullRequest"),
    ("RevertPullRequestPayload", "revertPullRequest", "PullRequest"),
    ("MergePullRequestPayload", "clientMutationId", ""),
    ("MergePullRequestPayload", "pullRequest", "PullRequest"),
    ("Node", "id", ""),
    ("User", "id", ""),
    ("User", "login", ""),
    ("RateLimit", "limit", ""),
    ("RateLimit", "cost", ""),
    ("RateLimit", "remaining", ""),
    ("RateLimit", "used", ""),
    ("RateLimit", "resetAt", ""),
    ("Repository", "id", ""),
    ("Repository", "databaseId", ""),
    ("Repository", "name", ""),
    ("Repository", "nameWithOwner", ""),
    ("Repository", "url", ""),
    ("Repository", "isPrivate", ""),
    ("Repository", "owner", "User"),
    ("Repository", "defaultBranchRef", "Ref"),
    ("Repository", "ref", "Ref"),
    ("Repository", "object", "Commit"),
    ("Repository", "pullRequest", "PullRequest"),
    ("Repository", "issue", "Issue"),
    ("Ref", "id", ""),
    ("Ref", "name", ""),
    ("Ref", "prefix", ""),
    ("Ref", "target", "Commit"),
    ("Commit", "id", ""),
    ("Commit", "oid", ""),
    ("Commit", "abbreviatedOid", ""),
    ("Commit", "message", ""),
    ("Commit", "messageHeadline", ""),
    ("Commit", "committedDate", ""),
    ("Commit", "url", ""),
    ("Issue", "id", ""),
    ("Issue", "number", ""),
    ("Issue", "title", ""),
    ("Issue", "body", ""),
    ("Issue", "state", ""),
    ("Issue", "url", ""),
    ("Issue", "createdAt", ""),
    ("Issue", "author", "User"),
    ("PullRequest", "id", ""),
    ("PullRequest", "databaseId", ""),
    ("PullRequest", "fullDatabaseId", ""),
    ("PullRequest", "number", ""),
    ("PullRequest", "title", ""),
    ("PullRequest", "body", ""),
    ("PullRequest", "state", ""),
    ("PullRequest", "closed", ""),
    ("PullRequest", "merged", ""),
    ("PullRequest", "isDraft", ""),
    ("PullRequest", "mergeable", ""),
    ("PullRequest", "createdAt", ""),
    ("PullRequest", "updatedAt", ""),
    ("PullRequest", "closedAt", ""),
    ("PullRequest", "mergedAt", ""),
    ("PullRequest", "url", ""),
    ("PullRequest", "headRefName", ""),
    ("PullRequest", "headRefOid", ""),
    ("PullRequest", "baseRefName", ""),
    ("PullRequest", "baseRefOid", ""),
    ("PullRequest", "mergeCommit", "Commit"),
    ("PullRequest", "author", "User"),
    ("PullRequest", "mergedBy", "User"),
];

/// Interfaces and the types behind them, as fragments may name either.
const INTERFACES: &[(&str, &[&str])] = &[
    ("Node", &["PullRequest", "Repository", "Commit", "Issue", "User", "Ref"]),
    ("Actor", &["User", "Bot", "Organization"]),
    ("GitObject", &["Commit"]),
    ("RepositoryOwner", &["User", "Organization"]),
    ("User", &["Actor", "RepositoryOwner", "Bot", "Organization"]),
    ("Commit", &["GitObject", "Node"]),
    ("PullRequest", &["Node"]),
    ("Issue", &["Node"]),
    ("Repository", &["Node"]),
];

/// Arguments that must be there.
const REQUIRED: &[(&str, &str, &[&str])] = &[
    ("Query", "repository", &["owner", "name"]),
    ("Query", "node", &["id"]),
    ("Repository", "pullRequest", &["number"]),
    ("Repository", "issue", &["number"]),
    ("Repository", "ref", &["qualifiedName"]),
    ("Mutation", "revertPullRequest", &["input"]),
    ("Mutation", "mergePullRequest", &["input"]),
];

/// The root type of a kind of operation.
pub(super) fn root(kind: Kind) -> &'static str {
    match kind {
        Kind::Query => "Query",
        Kind::Mutation => "Mutation",
    }
}

/// The type of a field's value, if the type has such a field.
pub(super) fn field_type(on: &str, name: &str) -> Option<&'static str> {
    if name == "__typename" {
        return Some("");
    }
    let on = if matches!(on, "Actor" | "Bot" | "Organization" | "RepositoryOwner") { "User" } else { on };
    let on = if on == "GitObject" { "Commit" } else { on };
    FIELDS.iter().find(|(owner, field, _)| *owner == on && *field == name).map(|(_, _, kind)| *kind)
}

/// Whether something of type `concrete` is meant by a fragment on `on`.
pub(super) fn applies(on: &str, concrete: &str) -> bool {
    on == concrete || INTERFACES.iter().any(|(name, kinds)| *name == on && kinds.contains(&concrete))
}

fn related(on: &str, current: &str) -> bool {
    applies(on, current) || applies(current, on)
}

fn known(kind: &str) -> bool {
    FIELDS.iter().any(|(owner, _, _)| *owner == kind)
        || INTERFACES.iter().any(|(name, kinds)| *name == kind || kinds.contains(&kind))
}

/// Everything that is wrong with an operation.
pub(super) fn check(document: &Document, operation: &Operation) -> Vec<Fault> {
    let root = root(operation.kind);
    let path = vec![root.to_lowercase()];
    let mut check = Check { document, faults: Vec::new(), open: Vec::new() };
    check.selections(&operation.selections, root, &path);
    check.faults
}

struct Check<'a> {
    document: &'a Document,
    faults: Vec<Fault>,
    /// Names of the fragments being walked, against circles.
    open: Vec<&'a str>,
}

impl<'a> Check<'a> {
    fn fault(&mut self, message: String, code: &str, path: &[String], at: Position) {
        let extensions = Some(json!({ "code": code }));
        self.faults.push(Fault { path: path.to_vec(), extensions, ..Fault::new(message, at) });
    }

    fn selections(&mut self, selections: &'a [Selection], on: &str, path: &[String]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(field, on, path),
                Selection::Inline { on: kind, selections, at, .. } => {
                    let kind = kind.as_deref().unwrap_or(on);
                    if self.fragment_fits(kind, on, path, *at) {
                        self.selections(selections, kind, path);
                    }
                }
                Selection::Spread { name, at, .. } => {
                    let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
                        let message = format!("Fragment {name} was used, but not defined");
                        self.fault(message, "useAndDefineFragment", path, *at);
                        continue;
                    };
                    if self.open.contains(&name.as_str()) {
                        self.fault(format!("Fragment {name} contains an infinite loop"), "infiniteLoop", path, *at);
                    } else if self.fragment_fits(&fragment.on, on, path, *at) {
                        self.open.push(name);
                        self.selections(&fragment.selections, &fragment.on, path);
                        self.open.pop();
                    }
                }
            }
        }
    }

    fn fragment_fits(&mut self, kind: &str, on: &str, path: &[String], at: Position) -> bool {
        if !known(kind) {
            self.fault(format!("No such type {kind}, so it can't be a fragment condition"), "undefinedType", path, at);
        } else if !related(kind, on) {
            let message = format!("Fragment on {kind} can't be spread inside {on}");
            self.fault(message, "cannotSpreadFragment", path, at);
        }
        known(kind) && related(kind, on)
    }

    fn field(&mut self, field: &'a Field, on: &str, path: &[String]) {
        let path: Vec<String> = path.iter().cloned().chain([field.key().to_owned()]).collect();
        let Some(kind) = field_type(on, &field.name) else {
            let message = format!("Field '{}' doesn't exist on type '{on}'", field.name);
            let extensions = json!({"code": "undefinedField", "typeName": on, "fieldName": field.name});
            self.faults.push(Fault { path, extensions: Some(extensions), ..Fault::new(message, field.at) });
            return;
        };
        let required = REQUIRED.iter().find(|(owner, name, _)| *owner == on && *name == field.name);
        for name in required.map(|(_, _, names)| *names).unwrap_or_default() {
            if !field.arguments.iter().any(|(given, _)| given == name) {
                let message = format!("Field '{}' is missing required arguments: {name}", field.name);
                self.fault(message, "missingRequiredArguments", &path, field.at);
            }
        }
        match (kind.is_empty(), field.selections.is_empty()) {
            (true, false) => {
                let message = format!("Selections can't be made on scalars (field '{}' returns a scalar)", field.name);
                self.fault(message, "selectionMismatch", &path, field.at);
            }
            (false, true) => {
                let message = format!(
                    "Field must have selections (field '{0}' returns {kind} but has no selections. \
                     Did you mean '{0} {{{{ ... }}}}'?)",
                    field.name
                );
                self.fault(message, "selectionMismatch", &path, field.at);
            }
            _ => self.selections(&field.selections, kind, &path),
        }
    }
}
