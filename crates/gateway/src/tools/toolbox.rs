//! All tools: which of them this instance has, and how one is run.

use serde_json::Value;

use super::{
    Effect, Tool, ToolAnswer, ToolContext, ToolError, github, note::NoteTool, output::whole, own, posthog,
    propose::Propose, vercel::VercelDeployments, workspace,
};
use crate::{config::nearest, core::Core, ports::ToolSpec};

/// Longest arguments that are read, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 512 * 1024;

/// Every tool there is. Holds no state.
pub struct Toolbox {
    tools: Vec<Box<dyn Tool>>,
}

impl Default for Toolbox {
    fn default() -> Self {
        let tools: Vec<Box<dyn Tool>> = vec![
            Box::new(posthog::Query),
            Box::new(posthog::Trends),
            Box::new(posthog::Funnel),
            Box::new(posthog::Errors),
            Box::new(posthog::Flags),
            Box::new(posthog::Annotations),
            Box::new(github::List),
            Box::new(github::Read),
            Box::new(VercelDeployments),
            Box::new(own::Findings),
            Box::new(own::Records),
            Box::new(own::ChartTool),
            Box::new(Propose),
            Box::new(NoteTool),
            Box::new(workspace::Read),
            Box::new(workspace::Write),
        ];
        Self { tools }
    }
}

impl Toolbox {
    /// A box of these tools alone.
    pub fn of(tools: Vec<Box<dyn Tool>>) -> Self {
        Self { tools }
    }

    /// Every tool, whether this instance has it or not.
    pub fn all(&self) -> impl Iterator<Item = &dyn Tool> {
        self.tools.iter().map(AsRef::as_ref)
    }

    /// The tools this instance has.
    pub fn available<'a>(&'a self, core: &'a Core) -> impl Iterator<Item = &'a dyn Tool> {
        self.all().filter(|tool| tool.available(core))
    }

    /// What the model is told of them.
    pub fn specs(&self, core: &Core) -> Vec<ToolSpec> {
        let spec = |tool: &dyn Tool| ToolSpec {
            name: tool.name().to_owned(),
            description: tool.description().to_owned(),
            parameters: tool.parameters(),
        };
        self.available(core).map(spec).collect()
    }

    /// The tool of this name, if this instance has it.
    pub fn find<'a>(&'a self, core: &'a Core, name: &str) -> Option<&'a dyn Tool> {
        self.available(core).find(|tool| tool.name() == name)
    }

    /// What the tool can change; one that is not there changes nothing.
    pub fn effect(&self, core: &Core, name: &str) -> Effect {
        self.find(core, name).map_or(Effect::Read, Tool::effect)
    }

    /// Runs a tool by the name and the arguments that the model wrote. What comes back is safe to show and at most
    /// [`RESULT_BYTES_MAX`](super::RESULT_BYTES_MAX) long.
    ///
    /// # Errors
    /// [`ToolError`]: no such tool, arguments that cannot be read, a source that does not answer, or a refusal.
    pub async fn run(&self, context: ToolContext<'_>, name: &str, arguments: &str) -> Result<ToolAnswer, ToolError> {
        let Some(tool) = self.find(context.core, name) else { return Err(self.unknown(context.core, name)) };
        let arguments = parse(arguments)?;
        let answer = tool.run(context, arguments).await?;
        Ok(ToolAnswer { content: whole(&answer.content), ..answer })
    }

    fn unknown(&self, core: &Core, name: &str) -> ToolError {
        let shown = wakeman_present::sanitize(name, 60);
        if let Some(off) = self.all().find(|tool| tool.name() == name) {
            return ToolError::Refused(format!(
                "{} is not available here: its source is not configured, or it is switched off in tools.json",
                off.name()
            ));
        }
        let names: Vec<&str> = self.available(core).map(Tool::name).collect();
        ToolError::Refused(match nearest(name, names.iter().copied()) {
            Some(near) => format!("there is no tool {shown}; did you mean {near}?"),
            None => format!("there is no tool {shown}; there are {}", names.join(", ")),
        })
    }
}

/// The arguments as one object. Nothing at all counts as an empty one: models leave it out where nothing is required.
fn parse(text: &str) -> Result<Value, ToolError> {
    let text = text.trim();
    if text.len() > ARGUMENTS_BYTES_MAX {
        let message = format!("the arguments have {} bytes; at most {ARGUMENTS_BYTES_MAX} are read", text.len());
        return Err(ToolError::Arguments(message));
    }
    if text.is_empty() || text == "null" {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_str(text) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) => Err(ToolError::Arguments("the arguments must be one JSON object".to_owned())),
        Err(error) => Err(ToolError::Arguments(format!("the arguments are not JSON: {error}; write one object"))),
    }
}
