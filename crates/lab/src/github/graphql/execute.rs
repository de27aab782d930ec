//! Running a checked operation.

use serde_json::{Map, Value, json};

use super::super::api::{Call, Landed};
use super::super::git::Oid;
use super::super::pulls::{MergeOrder, Pull, PullState, RevertOrder};
use super::super::render::{WEB, node_id, stamp, user_id};
use super::super::{API_USER, BRANCH, NAME, OWNER, Repo, branch_ref};
use super::syntax::{Directive, Document, Field, Operation, Selection};
use super::{Fault, schema};

/// Something a selection can be made on.
#[derive(Clone, Debug)]
enum Thing {
    Root(&'static str),
    User(String),
    Repository,
    RateLimit,
    Ref(String),
    Commit(Oid),
    Pull(u64),
    Issue(u64),
    Payload { kind: &'static str, client_id: Value, pull: u64, revert: Option<u64> },
}

impl Thing {
    fn kind(&self) -> &'static str {
        match self {
            Self::Root(kind) | Self::Payload { kind, .. } => kind,
            Self::User(_) => "User",
            Self::Repository => "Repository",
            Self::RateLimit => "RateLimit",
            Self::Ref(_) => "Ref",
            Self::Commit(_) => "Commit",
            Self::Pull(_) => "PullRequest",
            Self::Issue(_) => "Issue",
        }
    }
}

/// What a field comes to.
enum Resolved {
    Scalar(Value),
    Thing(Thing),
    Nothing,
}

type Outcome = Result<Resolved, Fault>;

/// One operation being run.
pub(super) struct Execution<'a> {
    repo: &'a mut Repo,
    call: &'a mut Call,
    document: &'a Document,
    variables: Map<String, Value>,
    path: Vec<String>,
    /// What went wrong on the way.
    pub(super) faults: Vec<Fault>,
}

fn text<'v>(arguments: &'v Value, name: &str) -> &'v str {
    arguments[name].as_str().unwrap_or_default()
}

impl<'a> Execution<'a> {
    pub(super) fn new(
        repo: &'a mut Repo,
        call: &'a mut Call,
        document: &'a Document,
        variables: Map<String, Value>,
    ) -> Self {
        Self { repo, call, document, variables, path: Vec::new(), faults: Vec::new() }
    }

    /// The `data` of the answer.
    pub(super) fn operation(&mut self, operation: &'a Operation) -> Value {
        let mut data = Map::new();
        self.selections(&operation.selections, &Thing::Root(schema::root(operation.kind)), &mut data);
        Value::Object(data)
    }

    fn wanted(&self, directives: &[Directive]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.arguments.iter().find(|(name, _)| name == "if");
            let condition = condition.map(|(_, input)| input.value(&self.variables));
            match directive.name.as_str() {
                "include" => condition == Some(Value::Bool(true)),
                "skip" => condition != Some(Value::Bool(true)),
                _ => true,
            }
        })
    }

    fn selections(&mut self, selections: &'a [Selection], thing: &Thing, data: &mut Map<String, Value>) {
        for selection in selections {
            match selection {
                Selection::Field(field) if self.wanted(&field.directives) => self.field(field, thing, data),
                Selection::Inline { on, directives, selections, .. }
                    if self.wanted(directives) && on.as_deref().is_none_or(|on| schema::applies(on, thing.kind())) =>
                {
                    self.selections(selections, thing, data);
                }
                Selection::Spread { name, directives, .. } if self.wanted(directives) => {
                    let document = self.document;
                    let fragment = document.fragments.get(name);
                    if let Some(fragment) = fragment.filter(|fragment| schema::applies(&fragment.on, thing.kind())) {
                        self.selections(&fragment.selections, thing, data);
                    }
                }
                _ => {}
            }
        }
    }

    fn field(&mut self, field: &'a Field, thing: &Thing, data: &mut Map<String, Value>) {
        self.path.push(field.key().to_owned());
        let arguments: Value =
            field.arguments.iter().map(|(name, input)| (name.clone(), input.value(&self.variables))).collect();
        let value = match self.resolve(thing, field, &arguments) {
            Ok(Resolved::Scalar(value)) => value,
            Ok(Resolved::Nothing) => Value::Null,
            Ok(Resolved::Thing(inner)) => {
                let mut nested = match data.remove(field.key()) {
                    Some(Value::Object(nested)) => nested,
                    _ => Map::new(),
                };
                self.selections(&field.selections, &inner, &mut nested);
                Value::Object(nested)
            }
            Err(fault) => {
                self.faults.push(Fault { path: self.path.clone(), ..fault });
                Value::Null
            }
        };
        data.insert(field.key().to_owned(), value);
        self.path.pop();
    }

    fn resolve(&mut self, thing: &Thing, field: &Field, arguments: &Value) -> Outcome {
        if field.name == "__typename" {
            return Ok(Resolved::Scalar(json!(thing.kind())));
        }
        match thing {
            Thing::Root("Mutation") => self.mutation(field, &arguments["input"]),
            Thing::Root(_) => self.query(field, arguments),
            Thing::User(login) => Ok(Resolved::Scalar(match field.name.as_str() {
                "login" => json!(login),
                _ => json!(node_id("U", user_id(login))),
            })),
            Thing::Repository => self.repository(field, arguments),
            Thing::RateLimit => Ok(Resolved::Scalar(self.rate_limit(&field.name))),
            Thing::Ref(name) => Ok(self.reference(name, &field.name)),
            Thing::Commit(oid) => Ok(Resolved::Scalar(self.commit(*oid, &field.name))),
            Thing::Issue(number) => Ok(self.issue(*number, &field.name)),
            Thing::Pull(number) => Ok(self.pull(*number, &field.name)),
            Thing::Payload { client_id, pull, revert, .. } => Ok(match field.name.as_str() {
                "clientMutationId" => Resolved::Scalar(client_id.clone()),
                "revertPullRequest" => revert.map_or(Resolved::Nothing, |number| Resolved::Thing(Thing::Pull(number))),
                _ => Resolved::Thing(Thing::Pull(*pull)),
            }),
        }
    }

    fn query(&self, field: &Field, arguments: &Value) -> Outcome {
        match field.name.as_str() {
            "viewer" => Ok(Resolved::Thing(Thing::User(API_USER.to_owned()))),
            "rateLimit" => Ok(Resolved::Thing(Thing::RateLimit)),
            "repository" => {
                let (owner, name) = (text(arguments, "owner"), text(arguments, "name"));
                if owner.eq_ignore_ascii_case(OWNER) && name.eq_ignore_ascii_case(NAME) {
                    return Ok(Resolved::Thing(Thing::Repository));
                }
                not_found(format!("Could not resolve to a Repository with the name '{owner}/{name}'."), field)
            }
            _ => {
                let id = text(arguments, "id");
                let found = self.node(id).map(Resolved::Thing);
                found.map_or_else(|| not_found(unknown_node(id), field), Ok)
            }
        }
    }

    /// The thing behind a global id.
    fn node(&self, id: &str) -> Option<Thing> {
        let repo = &self.repo;
        let pull = repo.pulls.values().find(|pull| node_id("PR", pull.id) == id).map(|pull| Thing::Pull(pull.number));
        let issue = || {
            let mut issues = repo.issues.values();
            issues.find(|issue| node_id("I", issue.id) == id).map(|issue| Thing::Issue(issue.number))
        };
        let repository = || (node_id("R", user_id("acme/app")) == id).then_some(Thing::Repository);
        pull.or_else(issue).or_else(repository)
    }

    fn repository(&self, field: &Field, arguments: &Value) -> Outcome {
        let id = user_id("acme/app");
        let number = arguments["number"].as_u64().unwrap_or_default();
        Ok(match field.name.as_str() {
            "id" => Resolved::Scalar(json!(node_id("R", id))),
            "databaseId" => Resolved::Scalar(json!(id)),
            "name" => Resolved::Scalar(json!(NAME)),
            "nameWithOwner" => Resolved::Scalar(json!(format!("{OWNER}/{NAME}"))),
            "url" => Resolved::Scalar(json!(WEB)),
            "isPrivate" => Resolved::Scalar(json!(true)),
            "owner" => Resolved::Thing(Thing::User(OWNER.to_owned())),
            "defaultBranchRef" => Resolved::Thing(Thing::Ref(branch_ref(BRANCH))),
            "ref" => {
                let name = text(arguments, "qualifiedName");
                let full = [name.to_owned(), branch_ref(name), format!("refs/tags/{name}")];
                let full = full.into_iter().find(|full| self.repo.git.reference(full).is_some());
                full.map_or(Resolved::Nothing, |full| Resolved::Thing(Thing::Ref(full)))
            }
            "object" => {
                let name = [text(arguments, "oid"), text(arguments, "expression")].concat();
                let branch = self.repo.git.reference(&branch_ref(&name));
                let oid = branch.or_else(|| self.repo.git.commit_by_prefix(&name));
                oid.map_or(Resolved::Nothing, |oid| Resolved::Thing(Thing::Commit(oid)))
            }
            "issue" if self.repo.issues.contains_key(&number) => Resolved::Thing(Thing::Issue(number)),
            "issue" => return not_found(format!("Could not resolve to an Issue with the number of {number}."), field),
            _ if self.repo.pulls.contains_key(&number) => Resolved::Thing(Thing::Pull(number)),
            _ => return not_found(format!("Could not resolve to a PullRequest with the number of {number}."), field),
        })
    }

    fn rate_limit(&self, field: &str) -> Value {
        let limits = &self.repo.limits;
        match field {
            "limit" => json!(limits.limit()),
            "cost" => json!(1),
            "remaining" => json!(limits.remaining()),
            "used" => json!(limits.used()),
            _ => json!(stamp(limits.reset_ms())),
        }
    }

    fn reference(&self, full: &str, field: &str) -> Resolved {
        let at = full.match_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
        let (prefix, name) = full.split_at(at);
        match field {
            "id" => Resolved::Scalar(json!(node_id("REF", full))),
            "name" => Resolved::Scalar(json!(name)),
            "prefix" => Resolved::Scalar(json!(prefix)),
            _ => self.repo.git.reference(full).map_or(Resolved::Nothing, |oid| Resolved::Thing(Thing::Commit(oid))),
        }
    }

    fn commit(&self, oid: Oid, field: &str) -> Value {
        let Some(commit) = self.repo.git.commit(oid) else { return Value::Null };
        match field {
            "id" => json!(node_id("C", oid)),
            "oid" => json!(oid.to_string()),
            "abbreviatedOid" => json!(oid.to_string()[..7]),
            "message" => json!(commit.message),
            "messageHeadline" => json!(commit.message.lines().next()),
            "committedDate" => json!(stamp(commit.committer.at_ms)),
            _ => json!(format!("{WEB}/commit/{oid}")),
        }
    }

    fn issue(&self, number: u64, field: &str) -> Resolved {
        let Some(issue) = self.repo.issues.get(&number) else { return Resolved::Nothing };
        Resolved::Scalar(match field {
            "author" => return Resolved::Thing(Thing::User(issue.author.clone())),
            "id" => json!(node_id("I", issue.id)),
            "number" => json!(number),
            "title" => json!(issue.title),
            "body" => json!(issue.body.as_deref().unwrap_or_default()),
            "state" => json!(if issue.closed_ms.is_some() { "CLOSED" } else { "OPEN" }),
            "createdAt" => json!(stamp(issue.created_ms)),
            _ => json!(format!("{WEB}/issues/{number}")),
        })
    }

    fn pull(&mut self, number: u64, field: &str) -> Resolved {
        let Some(pull) = self.repo.pulls.get(&number).cloned() else { return Resolved::Nothing };
        let user = |login: &str| Resolved::Thing(Thing::User(login.to_owned()));
        match (field, &pull.state) {
            ("author", _) => return user(&pull.author),
            ("mergedBy", PullState::Merged { by, .. }) => return user(by),
            ("mergeCommit", PullState::Merged { commit, .. }) => return Resolved::Thing(Thing::Commit(*commit)),
            ("mergedBy" | "mergeCommit", _) => return Resolved::Nothing,
            _ => {}
        }
        if field == "mergeable" {
            let word = match pull.is_open().then(|| self.repo.merge_preview(&pull).is_ok()) {
                None => "UNKNOWN",
                Some(true) => "MERGEABLE",
                Some(false) => "CONFLICTING",
            };
            return Resolved::Scalar(json!(word));
        }
        Resolved::Scalar(pull_scalar(&pull, field))
    }

    fn mutation(&mut self, field: &Field, input: &Value) -> Outcome {
        let id = text(input, "pullRequestId");
        let Some(Thing::Pull(number)) = self.node(id) else { return not_found(unknown_node(id), field) };
        let client_id = input["clientMutationId"].clone();
        let own = |name: &str| input[name].as_str().map(str::to_owned);
        let refused = |message: String| Fault { class: Some("UNPROCESSABLE"), ..Fault::new(message, field.at) };
        if field.name == "revertPullRequest" {
            let draft = input["draft"].as_bool().unwrap_or(false);
            let order = RevertOrder { title: own("title"), body: own("body"), draft };
            let revert = self.repo.revert_pull(number, order).map_err(|error| refused(error.to_string()))?;
            let kind = "RevertPullRequestPayload";
            return Ok(Resolved::Thing(Thing::Payload { kind, client_id, pull: number, revert: Some(revert) }));
        }
        let order = MergeOrder {
            expected_head: own("expectedHeadOid"),
            squash: text(input, "mergeMethod") == "SQUASH",
            title: own("commitHeadline"),
            message: own("commitBody"),
        };
        let (_, undone) = self.repo.merge_pull(number, &order).map_err(|error| refused(error.to_string()))?;
        self.call.landed.extend(undone.into_iter().map(|change| Landed { change, action: "github.revert_pr" }));
        let kind = "MergePullRequestPayload";
        Ok(Resolved::Thing(Thing::Payload { kind, client_id, pull: number, revert: None }))
    }
}

fn pull_scalar(pull: &Pull, field: &str) -> Value {
    match field {
        "id" => json!(node_id("PR", pull.id)),
        "databaseId" => json!(pull.id),
        "fullDatabaseId" => json!(pull.id.to_string()),
        "number" => json!(pull.number),
        "title" => json!(pull.title),
        "body" => json!(pull.body.as_deref().unwrap_or_default()),
        "closed" => json!(!pull.is_open()),
        "merged" => json!(pull.merge_commit().is_some()),
        "isDraft" => json!(pull.draft),
        "createdAt" => json!(stamp(pull.created_ms)),
        "updatedAt" => json!(stamp(pull.updated_ms)),
        "closedAt" => json!(pull.closed_ms().map(stamp)),
        "mergedAt" => json!(pull.merge_commit().and(pull.closed_ms()).map(stamp)),
        "headRefName" => json!(pull.head_branch),
        "headRefOid" => json!(pull.head.to_string()),
        "baseRefName" => json!(pull.base_branch),
        "baseRefOid" => json!(pull.base.to_string()),
        "url" => json!(format!("{WEB}/pull/{}", pull.number)),
        _ => json!(match pull.state {
            PullState::Open => "OPEN",
            PullState::Closed { .. } => "CLOSED",
            PullState::Merged { .. } => "MERGED",
        }),
    }
}

fn unknown_node(id: &str) -> String {
    format!("Could not resolve to a node with the global id of '{id}'")
}

fn not_found(message: String, field: &Field) -> Outcome {
    Err(Fault { class: Some("NOT_FOUND"), ..Fault::new(message, field.at) })
}
