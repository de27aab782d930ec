//! The tools as the loop calls them: what they answer, what they refuse, and that none of them does anything.

mod arguments;
mod own;
mod propose;
mod sources;
mod visibility;
mod workspace;

use std::sync::Arc;

use serde_json::{Value, json};
use wakeman_gateway::tools::{ToolAnswer, ToolContext, ToolError, Toolbox};
use wakeman_types::{Channel, ConversationId, Thread, ThreadId};

use crate::support::{FakeReaders, NOW, World, by};

/// An instance with every source, and a conversation in it.
pub struct Room {
    pub world: World,
    pub readers: Arc<FakeReaders>,
    pub toolbox: Toolbox,
    pub thread: ThreadId,
}

impl Room {
    pub async fn new() -> Self {
        Self::with(json!({}), "{}").await
    }

    pub async fn with(settings: Value, tools: &str) -> Self {
        let readers = Arc::new(FakeReaders::default());
        let world = World::equipped(settings, tools, readers.all()).await;
        let thread = ThreadId::new("thread_chat");
        let row = Thread {
            conversation_id: ConversationId::new("conversation-chat"),
            thread_id: thread.clone(),
            channel: Channel::Telegram,
            title: "Sign-ups?".to_owned(),
            created_at: NOW,
            updated_at: NOW,
        };
        world.commit(wakeman_store::Commit::new(NOW).insert(&row)).await;
        std::fs::create_dir(world.folder().join("workspace")).unwrap();
        Self { world, readers, toolbox: Toolbox::default(), thread }
    }

    /// Calls a tool as ada, with the arguments as text.
    pub async fn call(&self, name: &str, arguments: &str) -> Result<ToolAnswer, ToolError> {
        let ada = self.world.core.settings.identity(&by("telegram:1")).unwrap();
        let zone = self.world.core.settings.timezone_of(&ada.operator);
        let context = ToolContext { core: &self.world.core, by: &ada, thread: &self.thread, zone };
        self.toolbox.run(context, name, arguments).await
    }

    pub async fn ask(&self, name: &str, arguments: Value) -> ToolAnswer {
        self.call(name, &arguments.to_string()).await.unwrap()
    }

    /// What a call that must fail says.
    pub async fn refused(&self, name: &str, arguments: Value) -> String {
        self.call(name, &arguments.to_string()).await.unwrap_err().to_string()
    }

    /// Nothing outside was changed.
    pub fn nothing_was_done(&self) {
        assert_eq!((self.world.repo.effects(), self.world.repo.calls()), (Vec::new(), 0));
        assert_eq!(self.world.flags.effects(), Vec::<String>::new());
    }
}

/// One call of every tool and of every use of one that would go well.
pub fn every_call() -> Vec<(&'static str, Value)> {
    let list = |what: &str| ("github_list", json!({"what": what, "run": 1}));
    let read = |what: &str| ("github_read", json!({"what": what, "number": 482, "path": "a.ts", "job": 7}));
    vec![
        ("posthog_query", json!({"sql": "SELECT event, count() FROM events GROUP BY event"})),
        ("posthog_trends", json!({"events": ["signed_up"], "days": 1})),
        ("posthog_funnel", json!({"steps": ["$pageview", "signed_up"]})),
        ("posthog_errors", json!({"search": "form"})),
        ("posthog_flags", json!({})),
        ("posthog_annotations", json!({"days": 7})),
        list("commits"),
        list("pulls"),
        list("issues"),
        list("runs"),
        list("jobs"),
        list("deployments"),
        read("pull"),
        read("issue"),
        read("diff"),
        read("file"),
        read("log"),
        ("vercel_deployments", json!({"state": "READY"})),
        ("findings", json!({"state": "open"})),
        ("records", json!({"what": "proposals"})),
        ("records", json!({"what": "threads", "id": "thread_chat"})),
        ("records", json!({"what": "journal"})),
        ("chart", json!({"metric": "signed_up"})),
        ("propose", json!({"action": "revert_pr", "number": 482})),
        ("note", json!({"text": "lin looks into it"})),
        ("workspace_write", json!({"path": "notes/today.md", "text": "one\n"})),
        ("workspace_read", json!({"path": "notes"})),
    ]
}
