//! A GitHub that holds fixed answers by path, with ETags.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::support::*;

/// Answers by path without query; `&page=2` and so on stay.
pub type Shelf = Arc<Mutex<BTreeMap<String, Value>>>;

pub fn shelf(answers: &[(&str, Value)]) -> Shelf {
    Arc::new(Mutex::new(answers.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect()))
}

pub fn put(shelf: &Shelf, path: &str, value: Value) {
    shelf.lock().expect("the shelf").insert(path.to_owned(), value);
}

/// A GitHub that answers reads from the shelf, conditionally.
pub async fn reading(shelf: &Shelf) -> Fake {
    let shelf = Arc::clone(shelf);
    Fake::start(move |seen, _| answer(&shelf, seen)).await
}

pub fn answer(shelf: &Shelf, seen: &Seen) -> Say {
    let page = seen.target.split(['?', '&']).find(|part| part.starts_with("page=") && *part != "page=1");
    let path = seen.path().strip_prefix("/repos/acme/app").unwrap_or(seen.path());
    let key = page.map_or_else(|| path.to_owned(), |page| format!("{path}?{page}"));
    let Some(value) = shelf.lock().expect("the shelf").get(&key).cloned() else {
        return Say::Json(404, json!({"message": format!("Not Found: {key}")}));
    };
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    let tag = format!("W/\"{:x}\"", hasher.finish());
    let known = seen.header("if-none-match") == Some(tag.as_str());
    Say::Tagged(if known { 304 } else { 200 }, value, vec![("etag", tag)])
}

/// Calls since the last look: method and path, in order.
pub fn calls_since(fake: &Fake, before: usize) -> Vec<String> {
    fake.seen()[before..]
        .iter()
        .map(|seen| seen.path().strip_prefix("/repos/acme/app").unwrap_or(seen.path()).to_owned())
        .collect()
}

/// An instant of the morning of the tests' day.
pub fn at(time: &str) -> String {
    format!("2026-01-05T{time}:00Z")
}

pub fn listed_pull(number: u64, merged: &str) -> Value {
    json!({
        "number": number, "title": format!("change {number}"), "state": "closed", "updated_at": at(merged),
        "created_at": at("01:00"), "merged_at": at(merged), "merge_commit_sha": format!("m{number}"),
        "user": {"login": "lin"}, "html_url": format!("https://github.com/acme/app/pull/{number}"),
        "head": {"ref": "x", "sha": "h"}, "base": {"ref": "main", "sha": "b"}
    })
}

pub fn commit(sha: &str, parents: &[&str], when: &str) -> Value {
    let person = json!({"name": "Lin", "email": "l@x", "date": at(when)});
    json!({
        "sha": sha, "commit": {"author": person, "committer": person, "message": format!("commit {sha}\n\nmore")},
        "author": {"login": "lin"}, "html_url": format!("https://github.com/acme/app/commit/{sha}"),
        "parents": parents.iter().map(|sha| json!({"sha": sha})).collect::<Vec<_>>()
    })
}
