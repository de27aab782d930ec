//! Pull requests and issues, in lists and by themselves.

use serde::Deserialize;
use serde_json::Value;
use wakeman_gateway::ports::{Openness, TopicCard};
use wakeman_types::Timestamp;

use crate::{
    github::{
        answers::{Account, BranchEnd},
        client::Wire,
    },
    http::{At, Failure},
};

/// Comments that are read of one.
const COMMENTS_MAX: usize = 30;

#[derive(Debug, Deserialize)]
struct Topic {
    number: u64,
    title: String,
    state: String,
    #[serde(default)]
    user: Option<Account>,
    created_at: At,
    updated_at: At,
    #[serde(default)]
    merged_at: Option<At>,
    #[serde(default)]
    head: Option<BranchEnd>,
    #[serde(default)]
    base: Option<BranchEnd>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    /// In a list of issues: this one is a pull request.
    #[serde(default)]
    pull_request: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Label {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Comment {
    #[serde(default)]
    user: Option<Account>,
    created_at: At,
    #[serde(default)]
    body: Option<String>,
}

const fn word(state: Openness) -> &'static str {
    match state {
        Openness::Open => "open",
        Openness::Closed => "closed",
        Openness::All => "all",
    }
}

pub(super) async fn pulls(wire: &Wire, state: Openness, limit: usize) -> Result<Vec<TopicCard>, Failure> {
    let path = format!("/pulls?state={}&sort=updated&direction=desc&per_page={limit}", word(state));
    let listed: Vec<Topic> = wire.ask("pull request list", &path).await?;
    Ok(listed.into_iter().map(|topic| card(topic, false)).collect())
}

pub(super) async fn pull(wire: &Wire, number: u64) -> Result<TopicCard, Failure> {
    let topic: Topic = wire.ask("pull request", &format!("/pulls/{number}")).await?;
    with_comments(wire, topic).await
}

/// GitHub lists pull requests among issues, so more are asked for than are wanted.
pub(super) async fn issues(wire: &Wire, state: Openness, limit: usize) -> Result<Vec<TopicCard>, Failure> {
    let path = format!("/issues?state={}&sort=updated&direction=desc&per_page=100", word(state));
    let listed: Vec<Topic> = wire.ask("issue list", &path).await?;
    let issues = listed.into_iter().filter(|topic| topic.pull_request.is_none());
    Ok(issues.take(limit).map(|topic| card(topic, false)).collect())
}

pub(super) async fn issue(wire: &Wire, number: u64) -> Result<TopicCard, Failure> {
    let topic: Topic = wire.ask("issue", &format!("/issues/{number}")).await?;
    with_comments(wire, topic).await
}

async fn with_comments(wire: &Wire, topic: Topic) -> Result<TopicCard, Failure> {
    let path = format!("/issues/{}/comments?per_page={COMMENTS_MAX}", topic.number);
    let comments: Vec<Comment> = wire.ask("comments", &path).await?;
    let told = |comment: Comment| -> (Timestamp, Option<String>, String) {
        (comment.created_at.0, comment.user.map(|user| user.login), comment.body.unwrap_or_default())
    };
    Ok(TopicCard { comments: comments.into_iter().map(told).collect(), ..card(topic, true) })
}

fn card(topic: Topic, whole: bool) -> TopicCard {
    let state = match (topic.merged_at, topic.state.as_str()) {
        (Some(_), _) => "merged",
        (None, "open") => "open",
        (None, _) => "closed",
    };
    TopicCard {
        number: topic.number,
        title: topic.title,
        state,
        author: topic.user.map(|user| user.login),
        created_at: topic.created_at.0,
        updated_at: topic.updated_at.0,
        merged_at: topic.merged_at.map(|at| at.0),
        branches: topic.head.zip(topic.base).map(|(head, base)| (head.name, base.name)),
        labels: topic.labels.into_iter().map(|label| label.name).collect(),
        body: topic.body.filter(|_| whole),
        comments: Vec::new(),
        url: topic.html_url,
    }
}
