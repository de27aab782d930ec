//! `demo`: the whole product against the simulated world, in one process, from the first sign to the verified repair.
//!
//! The world is only reached over HTTP, as `run` would reach the real services. Its truth is read after play, for the summary.

mod clock;
mod play;
mod report;
pub(super) mod stage;
pub(super) mod summary;

use tokio::net::TcpListener;
use wakeman_gateway::config::HttpUrl;
use wakeman_lab::{Lab, LabClient};

use crate::{
    args::{Answer, DemoArgs, Speed},
    failure::{DONE, Failure},
    global::Global,
};

/// The scenario that is played when none is named.
const DEFAULT_SCENARIO: &str = "bad-merge";

/// Plays a scenario to its end.
pub async fn run(global: &Global, args: DemoArgs) -> Result<u8, Failure> {
    if args.answer == Answer::Ask && (!global.interactive || global.json) {
        return Err(Failure::usage("there is no terminal to ask on; use --answer approve or --answer reject"));
    }
    let speed = args.speed.unwrap_or(if global.interactive { Speed::Times(600.0) } else { Speed::Max });
    let interrupted = super::run::stop_signal()?;
    tokio::select! {
        result = start(global, &args, speed) => result.map(|()| DONE),
        () = interrupted => Err(Failure::interrupted()),
    }
}

async fn start(global: &Global, args: &DemoArgs, speed: Speed) -> Result<(), Failure> {
    let Some(url) = &args.lab else {
        let scenario = super::lab::scenario(args.scenario.as_deref().unwrap_or(DEFAULT_SCENARIO), args.seed)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let lab = Lab::hasty(scenario);
        let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = tokio::spawn(wakeman_lab::serve(lab, listener, async move { stopped.await.ok() }));
        let result = play(global, args, speed, &url).await;
        served.abort();
        return result;
    };
    play(global, args, speed, url).await
}

async fn play(global: &Global, args: &DemoArgs, speed: Speed, url: &str) -> Result<(), Failure> {
    if HttpUrl::parse(url).is_none() {
        return Err(Failure::usage(format!("--lab: \"{url}\" is not an address; write it like http://127.0.0.1:6910")));
    }
    let lab = LabClient::new(url).map_err(Failure::unavailable)?;
    let state = lab.state().await.map_err(Failure::unavailable)?;
    if let (Some(_), Some(wanted)) = (&args.lab, &args.scenario) {
        let name = super::lab::scenario(wanted, None).map_or_else(|_| wanted.clone(), |scenario| scenario.name);
        if name != state.scenario {
            return Err(Failure::usage(format!(
                "--scenario: the lab at {url} serves \"{}\", not \"{name}\"; leave out --scenario",
                state.scenario
            )));
        }
    }
    let seed = args.seed.unwrap_or(state.seed);
    let wishes = stage::Wishes { seed, llm: args.llm.as_deref(), alarms_per_week: None };
    let mut stage = stage::Stage::build(&global.principal(), &lab, &state, wishes).await?;
    let result = play::Play::new(global, &lab, &mut stage, args.answer, speed).run(&state).await;
    stage.close().await;
    result
}
