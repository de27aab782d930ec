//! `prompts list|show|check`: what a model would be told, from the files alone; no daemon and no model is asked. `prompts stats`: what
//! each version brought, by the log.

use serde_json::{Value, json};
use wakeman_gateway::brain::prompts::{Prompt, PromptProblem, PromptRegistry, offered};
use wakeman_present::{Align, Block, Column, Doc, Line, Table, prompt_stats_doc};

use super::show::with_gateway;
use crate::{
    args::PromptsCommand,
    attach::{Attached, attach},
    compose,
    failure::{DONE, Failure},
    global::Global,
};

/// Runs the subcommand. Without an instance there are the shipped prompts alone.
pub async fn run(global: &Global, command: &PromptsCommand) -> Result<u8, Failure> {
    let (registry, problems) = load(global)?;
    match command {
        PromptsCommand::List => list(global, &registry, &problems),
        PromptsCommand::Show(args) => show(global, &registry, &args.id),
        PromptsCommand::Check => check(global, &registry, &problems),
        PromptsCommand::Stats => stats(global).await,
    }
}

fn load(global: &Global) -> Result<(PromptRegistry, Vec<PromptProblem>), Failure> {
    let dir = global.dir()?;
    if !dir.exists() {
        return Ok(PromptRegistry::load(&[]));
    }
    let config = compose::load(&dir)?;
    Ok((config.prompts, config.prompt_problems))
}

fn summary(prompt: &Prompt) -> Value {
    json!({
        "id": prompt.id, "version": prompt.version, "alias": prompt.alias, "temperature": prompt.temperature,
        "variables": prompt.variables, "output": prompt.output, "origin": prompt.origin, "file": prompt.file,
    })
}

fn list(global: &Global, registry: &PromptRegistry, problems: &[PromptProblem]) -> Result<u8, Failure> {
    for problem in problems {
        global.complain(&problem.to_string());
    }
    let rows = registry.list().map(|prompt| {
        let file = Line::new().dim(prompt.file.as_str());
        vec![Line::new().strong(prompt.label()), prompt.alias.name().into(), file]
    });
    let columns = vec![
        Column::new("PROMPT", Align::Left),
        Column::new("ALIAS", Align::Left),
        Column::new("FILE", Align::Left).growing(),
    ];
    let table = Table { columns, rows: rows.collect() };
    let all: Vec<Value> = registry.list().map(summary).collect();
    global.answer(&all, &Doc::bare().block(Block::Table(table)))?;
    Ok(DONE)
}

/// `chat`, its newest versions and all; or `chat/v1` alone. Rendered with samples in the place of what code fills in.
fn show(global: &Global, registry: &PromptRegistry, wanted: &str) -> Result<u8, Failure> {
    let found: Vec<&Prompt> =
        registry.list().filter(|prompt| prompt.id == wanted || prompt.label() == wanted).collect();
    if found.is_empty() {
        let known: Vec<String> = registry.list().map(Prompt::label).collect();
        return Err(Failure::usage(format!("there is no prompt \"{wanted}\"; there are {}", known.join(", "))));
    }
    for prompt in found {
        let rendered = offered(&prompt.id).and_then(|samples| prompt.render(&samples).ok());
        if global.json {
            let mut all = summary(prompt);
            all["template"] = prompt.template.clone().into();
            all["rendered"] = rendered.into();
            global.print_json(&all)?;
        } else {
            let text = rendered.unwrap_or_else(|| prompt.template.clone());
            let head = format!("{} · {} · {}", prompt.label(), prompt.alias.name(), prompt.file);
            let text: Vec<Line> = text.lines().map(Line::from).collect();
            let doc = Doc::bare().text(Line::new().strong(head)).gap();
            let doc = text.into_iter().fold(doc, |doc, line| match line.is_empty() {
                true => doc.gap(),
                false => doc.text(line),
            });
            global.print(&format!("{}\n", wakeman_cli::render(&doc, &global.style)))?;
        }
    }
    Ok(DONE)
}

fn check(global: &Global, registry: &PromptRegistry, problems: &[PromptProblem]) -> Result<u8, Failure> {
    let count = registry.list().count();
    if global.json {
        global.print_json(&json!({"prompts": count, "problems": problems}))?;
    } else {
        for problem in problems {
            global.print(&format!("✗ {problem}\n"))?;
        }
    }
    if problems.is_empty() {
        if !global.json {
            global.print(&format!("✓ {count} prompts\n"))?;
        }
        return Ok(DONE);
    }
    let (number, s) = (problems.len(), if problems.len() == 1 { "" } else { "s" });
    Err(Failure::failed(format!("{number} problem{s} in prompt files; the shipped ones are used in their place")))
}

/// What each version's tips and notes were worth to people.
async fn stats(global: &Global) -> Result<u8, Failure> {
    let by = global.principal();
    let view = with_gateway!(global, |gateway| gateway.prompt_stats(&by));
    global.answer(&view, &prompt_stats_doc(&view))?;
    Ok(DONE)
}
