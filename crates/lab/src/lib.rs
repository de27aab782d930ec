//! The simulated world: a small product, the PostHog, GitHub and Vercel it runs on, a model proxy, a Telegram and a Discord.
//!
//! Owns: scenarios, the world's clock and numbers, what each service answers over HTTP, the log of effects.
//! Must not: know Wakeman's other crates, or recognise a query, a digest or an id by literal.
//! One lock, [`Lab::world`], guards everything; handlers take it briefly and never across an `await`.
//! Start at [`Lab::new`], then [`scenario`] for what a world is made of and [`world`] for how it moves.

pub mod client;
mod control;
mod discord;
mod gate;
pub mod github;
mod model;
pub mod posthog;
pub mod scenario;
mod serve;
mod telegram;
pub mod time;
pub mod vercel;
pub mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;

pub use client::LabClient;
pub use scenario::{Scenario, ScenarioError};
pub use serve::serve;
pub use world::World;

/// One running world and everything that answers for it; the state of every router.
pub struct Lab {
    world: Mutex<World>,
    faults: Mutex<gate::Faults>,
    model: Mutex<model::ModelDesk>,
    discord: Mutex<discord::Desk>,
    telegram: Mutex<telegram::Desk>,
    /// Rung when there may be something for a poll of Telegram's.
    telegram_bell: tokio::sync::Notify,
    /// How long who gets no answer is kept waiting for it.
    silence: std::time::Duration,
}

impl Lab {
    /// Builds the world of a scenario; its clock stands at the scenario's start.
    pub fn new(scenario: Scenario) -> Arc<Lab> {
        Lab::keeping_silent(scenario, gate::SILENCE)
    }

    /// The same for a play that must not wait in real time: a request that gets no answer loses its connection at once.
    pub fn hasty(scenario: Scenario) -> Arc<Lab> {
        Lab::keeping_silent(scenario, gate::SHORT_SILENCE)
    }

    fn keeping_silent(scenario: Scenario, silence: std::time::Duration) -> Arc<Lab> {
        let discord = Mutex::new(discord::Desk::new(&scenario));
        let telegram = Mutex::new(telegram::Desk::new(scenario.seed));
        Arc::new(Lab {
            world: Mutex::new(World::new(scenario)),
            faults: Mutex::default(),
            model: Mutex::default(),
            discord,
            telegram,
            telegram_bell: tokio::sync::Notify::new(),
            silence,
        })
    }

    /// Every service under its prefix: `/posthog`, `/github`, `/vercel`, `/telegram`, the model proxy under `/v1` and `/health`, and the
    /// control plane `/_lab`. Serve it with [`serve`]: other servers send an empty 504 where a connection should close without a reply.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .nest("/posthog", gate::guarded(posthog::router(), scenario::Service::Posthog, self))
            .nest("/github", gate::guarded(github::router(), scenario::Service::Github, self))
            .nest("/vercel", gate::guarded(vercel::router(), scenario::Service::Vercel, self))
            .nest("/telegram", gate::guarded(telegram::router(), scenario::Service::Telegram, self))
            .nest("/v1", gate::guarded(model::router(), scenario::Service::Model, self))
            .merge(gate::guarded(model::health(), scenario::Service::Model, self))
            .nest("/discord", gate::guarded(discord::router(), scenario::Service::Discord, self))
            .merge(discord::gateway())
            .nest("/_lab", control::router())
            .with_state(Arc::clone(self))
    }

    /// The world, locked. Hold it briefly, never across an `await`.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the model proxy was told and asked, locked; as briefly as the world.
    fn model(&self) -> MutexGuard<'_, model::ModelDesk> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What Discord knows, locked; as briefly as the world, and after it where both are needed.
    fn discord(&self) -> MutexGuard<'_, discord::Desk> {
        self.discord.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the sockets die that outlive their requests.
    fn hang_up(&self) {
        self.discord().hang_up();
    }

    /// Telegram, locked; as briefly as the world, and never while it is taken.
    fn telegram(&self) -> MutexGuard<'_, telegram::Desk> {
        self.telegram.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults in force, locked; as briefly as the world.
    fn faults(&self) -> MutexGuard<'_, gate::Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
