//! The tools of one turn: those that this instance has, for the one who asks, in the thread where they ask.

use futures::future::BoxFuture;
use wakeman_types::{Identity, ThreadId};

use super::tool_loop::ToolRunner;
use crate::{
    core::Core,
    ports::ToolSpec,
    tools::{Effect, Tool, ToolAnswer, ToolContext, ToolError, Toolbox},
};

pub(super) struct TurnTools<'a> {
    pub core: &'a Core,
    pub toolbox: &'a Toolbox,
    /// What is available here; made once, as it does not change while the process runs.
    pub specs: &'a [ToolSpec],
    pub by: &'a Identity,
    pub thread: &'a ThreadId,
    pub zone: chrono_tz::Tz,
}

impl ToolRunner for TurnTools<'_> {
    fn specs(&self) -> Vec<ToolSpec> {
        self.specs.to_vec()
    }

    fn effect(&self, name: &str) -> Option<Effect> {
        self.toolbox.find(self.core, name).map(Tool::effect)
    }

    fn doing(&self, name: &str) -> &'static str {
        self.toolbox.find(self.core, name).map_or("looking for a tool", Tool::doing)
    }

    fn run<'a>(&'a self, name: &'a str, arguments: &'a str) -> BoxFuture<'a, Result<ToolAnswer, ToolError>> {
        let context = ToolContext { core: self.core, by: self.by, thread: self.thread, zone: self.zone };
        Box::pin(self.toolbox.run(context, name, arguments))
    }
}
