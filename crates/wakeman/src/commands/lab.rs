//! `lab serve`: the simulated world alone.

use std::path::Path;

use serde_json::json;
use tokio::net::TcpListener;
use wakeman_lab::{Lab, Scenario, scenario::ScenarioError};

use crate::{
    args::{LabCommand, LabServeArgs},
    failure::{DONE, Failure},
    global::Global,
};

/// Serves until interrupted.
pub async fn run(global: &Global, command: LabCommand) -> Result<u8, Failure> {
    let LabCommand::Serve(args) = command;
    serve(global, args).await
}

async fn serve(global: &Global, args: LabServeArgs) -> Result<u8, Failure> {
    let scenario = scenario(&args.scenario, args.seed)?;
    let address = global.listen.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(format!("{address}: cannot listen there ({error}); choose another with --listen"))
    })?;
    let told_to_stop = super::run::stop_signal()?;
    let url = format!("http://{}", listener.local_addr()?);
    let name = scenario.name.clone();
    if global.json {
        global.print_json(&json!({"url": url, "scenario": name}))?;
    } else {
        global.print(&format!(
            "{name} at {url}\n  POSTHOG_HOST={url}/posthog\n  GITHUB_API_URL={url}/github\n  VERCEL_API_URL={url}/vercel\n  TELEGRAM_API_URL={url}/telegram\n  DISCORD_API_URL={url}/discord\n  LITELLM_URL={url}/v1\n  control: {url}/_lab/state\n"
        ))?;
    }
    wakeman_lab::serve(Lab::new(scenario), listener, told_to_stop).await.map_err(Failure::failed)?;
    Ok(DONE)
}

/// A shipped scenario by name, else a file.
///
/// # Errors
/// A usage failure: no such scenario, or the key in the file that is wrong.
pub fn scenario(name_or_file: &str, seed: Option<u64>) -> Result<Scenario, Failure> {
    let path = Path::new(name_or_file);
    let names: Vec<&str> = wakeman_lab::scenario::shipped().iter().map(|(name, _)| *name).collect();
    let scenario = if names.contains(&name_or_file) {
        Scenario::shipped(name_or_file).map_err(Failure::usage)
    } else if path.exists() {
        let in_file = |error| match error {
            known @ (ScenarioError::Read { .. } | ScenarioError::NoSuch { .. }) => Failure::usage(known),
            wrong => Failure::usage(format!("{name_or_file}: {wrong}")),
        };
        Scenario::load(path).map_err(in_file)
    } else {
        let known = names.join(", ");
        return Err(Failure::usage(format!("there is no scenario or file \"{name_or_file}\"; shipped are {known}")));
    };
    let mut scenario = scenario?;
    if let Some(seed) = seed {
        scenario.seed = seed;
    }
    Ok(scenario)
}
