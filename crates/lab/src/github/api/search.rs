//! Search: words and the common qualifiers.

use serde_json::{Value, json};

use super::super::git::Node;
use super::super::pulls::Pull;
use super::super::{NAME, OWNER, Repo};
use super::issues::Topic;
use super::{Answer, Call, Refusal};

/// A query taken apart: `key:value` qualifiers, and words or quoted phrases in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
struct Terms {
    qualifiers: Vec<(String, String)>,
    words: Vec<String>,
}

fn parse(query: &str) -> Terms {
    let (mut terms, mut rest) = (Terms::default(), query.trim_start());
    while !rest.is_empty() {
        let plain_end = rest.find([' ', '"', ':']).unwrap_or(rest.len());
        let key = rest[..plain_end].to_owned();
        let value_at = if rest[plain_end..].starts_with(':') && !key.is_empty() { plain_end + 1 } else { 0 };
        let (value, after) = match rest[value_at..].strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => {
                let value = &rest[value_at..];
                let end = value.find([' ', '"']).filter(|end| *end > 0).unwrap_or(value.len());
                value.split_at(end)
            }
        };
        if value_at > 0 {
            terms.qualifiers.push((key.to_lowercase(), value.to_owned()));
        } else if !value.is_empty() {
            terms.words.push(value.to_lowercase());
        }
        rest = after.trim_start();
    }
    terms
}

fn required_terms(call: &Call) -> Result<Terms, Refusal> {
    let query = call.param("q").filter(|query| !query.trim().is_empty());
    query.map(parse).ok_or_else(|| Refusal::field("Search", "q", "missing"))
}

fn page(call: &Call, found: Vec<Value>) -> Answer {
    let shape = |shown, total| json!({"total_count": total, "incomplete_results": false, "items": shown});
    Ok(call.page(found, |item| item, shape))
}

/// `GET /search/issues`.
pub(super) fn issues(repo: &Repo, call: &Call) -> Answer {
    let terms = required_terms(call)?;
    let mut found: Vec<Topic<'_>> = Topic::all(repo).into_iter().filter(|topic| matches(*topic, &terms)).collect();
    found.sort_by_key(|topic| std::cmp::Reverse((topic.times().0, topic.number())));
    if call.param("order") == Some("asc") {
        found.reverse();
    }
    let view = call.view(repo);
    let scored = |topic: Topic<'_>| {
        let mut item = topic.render(view);
        item["score"] = json!(1.0);
        item
    };
    page(call, found.into_iter().map(scored).collect())
}

fn matches(topic: Topic<'_>, terms: &Terms) -> bool {
    let (title, body, _, _) = topic.words();
    let within = terms.qualifiers.iter().find(|(key, _)| key == "in").map(|(_, place)| place.as_str());
    let text = match within {
        Some("title") => title.to_lowercase(),
        Some("body") => body.to_lowercase(),
        _ => format!("{title}\n{body}").to_lowercase(),
    };
    terms.words.iter().all(|word| text.contains(word)) && terms.qualifiers.iter().all(|pair| qualifies(topic, pair))
}

fn qualifies(topic: Topic<'_>, (key, value): &(String, String)) -> bool {
    let (_, _, author, labels) = topic.words();
    let pull: Option<&Pull> = match topic {
        Topic::Pull(pull) => Some(pull),
        Topic::Issue(_) => None,
    };
    match (key.as_str(), value.as_str()) {
        ("repo", name) => name.eq_ignore_ascii_case(&format!("{OWNER}/{NAME}")),
        ("org" | "user", name) => name.eq_ignore_ascii_case(OWNER),
        ("is" | "type", "issue") => pull.is_none(),
        ("is" | "type", "pr" | "pull-request") => pull.is_some(),
        ("is" | "state", "open") => topic.is_open(),
        ("is" | "state", "closed") => !topic.is_open(),
        ("is", "merged") => pull.is_some_and(|pull| pull.merge_commit().is_some()),
        ("is", "unmerged") => pull.is_some_and(|pull| pull.merge_commit().is_none()),
        ("author", login) => login.eq_ignore_ascii_case(author) || login == "@me" && author == super::super::API_USER,
        ("label", name) => labels.iter().any(|label| label.eq_ignore_ascii_case(name)),
        ("head", branch) => pull.is_some_and(|pull| pull.head_branch == branch),
        ("base", branch) => pull.is_some_and(|pull| pull.base_branch == branch),
        _ => true,
    }
}

/// `GET /search/code`: the default branch, by words.
pub(super) fn code(repo: &Repo, call: &Call) -> Answer {
    let terms = required_terms(call)?;
    let head = repo.main_head();
    let view = call.view(repo);
    let wanted = |path: &str, text: &str| {
        let qualifies = |(key, value): &(String, String)| match key.as_str() {
            "repo" => value.eq_ignore_ascii_case(&format!("{OWNER}/{NAME}")),
            "path" => path.contains(value.as_str()),
            "extension" => path.rsplit_once('.').is_some_and(|(_, end)| end == value),
            "filename" => path.rsplit('/').next() == Some(value.as_str()),
            _ => true,
        };
        terms.words.iter().all(|word| text.contains(word)) && terms.qualifiers.iter().all(qualifies)
    };
    let mut found = Vec::new();
    for (path, leaf) in repo.git.files_of(head) {
        let text = String::from_utf8_lossy(&repo.git.bytes(Some(leaf))).to_lowercase();
        if wanted(&path, &format!("{path}\n{text}")) {
            let mut item = view.content(&path, Node::File(leaf), head, false);
            item["repository"] = view.repository_brief();
            item["score"] = json!(1.0);
            found.push(item);
        }
    }
    page(call, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_words_phrases_and_qualifiers() {
        let terms = parse("repo:acme/app  is:open \"two Words\" label:\"good first\" Plain a\"b");
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(terms.qualifiers, [pair("repo", "acme/app"), pair("is", "open"), pair("label", "good first")]);
        assert_eq!(terms.words, ["two words", "plain", "a", "b"]);
    }

    proptest::proptest! {
        #[test]
        fn parsing_ends(query in "\\PC{0,60}") {
            parse(&query);
        }
    }
}
