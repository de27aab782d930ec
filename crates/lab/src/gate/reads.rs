//! Which requests can change nothing.

use axum::http::Method;
use serde_json::Value as Json;

use crate::scenario::Service;

/// Whether a request is a pure read: by its method, a PostHog query, or a GraphQL query.
pub(super) fn is_read(service: Service, method: &Method, path: &str, body: &[u8]) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    match service {
        Service::Posthog => path.split('/').any(|part| part == "query"),
        Service::Github => {
            // A token for an app changes nothing but who may ask.
            path.ends_with("/access_tokens") || (path.ends_with("/graphql") && !has_mutation(body))
        }
        // Being typed at leaves nothing behind.
        Service::Telegram => crate::telegram::changes_nothing(path),
        // Nothing in the world depends on what a model was asked.
        Service::Model => true,
        // Whoever is seen typing has said nothing yet.
        Service::Discord => path.ends_with("/typing"),
        _ => false,
    }
}

fn has_mutation(body: &[u8]) -> bool {
    let document = serde_json::from_slice::<Json>(body).ok();
    let text = document.as_ref().and_then(|document| document.get("query")?.as_str());
    // A body that cannot be read might have changed something.
    text.is_none_or(names_mutation)
}

/// Whether a GraphQL document defines a mutation: the word outside braces, parentheses, texts and comments.
fn names_mutation(document: &str) -> bool {
    let mut depth = 0i32;
    let mut word = String::new();
    let mut letters = document.chars();
    let mut after_keyword = false;
    while let Some(letter) = letters.next() {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        if depth == 0 && !after_keyword && word == "mutation" {
            return true;
        }
        if !word.is_empty() {
            // `query mutation {…}` is a query by that name.
            after_keyword = depth == 0 && matches!(word.as_str(), "query" | "subscription" | "fragment" | "on");
            word.clear();
        }
        match letter {
            '{' | '(' => depth += 1,
            '}' | ')' => depth -= 1,
            '#' => drop(letters.by_ref().find(|end| *end == '\n')),
            '"' => drop(letters.by_ref().find(|end| *end == '"')),
            _ => {}
        }
    }
    depth == 0 && word == "mutation"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mutations_and_writes_can_change_something() {
        let graphql = |query: &str| serde_json::json!({ "query": query }).to_string();
        for (service, method, path, body, read) in [
            (Service::Posthog, Method::POST, "/api/projects/1/query/", String::new(), true),
            (Service::Posthog, Method::PATCH, "/api/projects/1/feature_flags/1/", String::new(), false),
            (Service::Github, Method::GET, "/repos/acme/app", String::new(), true),
            (Service::Github, Method::POST, "/graphql", graphql("query { viewer { login } }"), true),
            (Service::Github, Method::POST, "/graphql", graphql("{ mutation { x } }"), true),
            (
                Service::Github,
                Method::POST,
                "/graphql",
                graphql("# a comment\nmutation M { revertPullRequest(input: {}) { x } }"),
                false,
            ),
            (Service::Github, Method::POST, "/graphql", graphql("query mutation { x }"), true),
            (Service::Github, Method::POST, "/graphql", "not json".to_owned(), false),
            (Service::Vercel, Method::POST, "/v1/projects/p/rollback/d", String::new(), false),
        ] {
            assert_eq!(is_read(service, &method, path, body.as_bytes()), read, "{method} {path} {body}");
        }
    }
}
