//! The verbs' way to the brain: the running daemon through its socket, or, when none runs, the brain in this process.

use std::sync::Arc;

use wakeman_client::SocketClient;
use wakeman_gateway::{
    Core, Desk,
    act::Executor,
    brain::Brain,
    calendar,
    instance::{InstanceDir, InstanceError, InstanceLock},
    modes,
    ports::{Clock, SystemClock},
};
use wakeman_types::{Gateway, Timestamp};

use crate::{commands::run::project::Projection, compose, failure::Failure, global::Global};

/// A gateway to talk to.
pub struct Attached {
    /// The gateway.
    pub gateway: Arc<dyn Gateway>,
    /// Set when it lives in this process.
    pub embedded: Option<Embedded>,
}

/// The brain in this process. The lock keeps a daemon from starting beside it.
pub struct Embedded {
    core: Arc<Core>,
    brain: Arc<Brain>,
    dir: InstanceDir,
    _lock: InstanceLock,
}

/// How long an embedded process works on what was approved before it leaves the rest to the daemon.
const WORK_MS: i64 = 120_000;
/// Between two looks at it.
const PAUSE_MS: i64 = 500;

/// How long what wants an instance waits for a command that has it.
const PATIENCE_MS: i64 = 10_000;
/// Between two tries.
const RETRY_MS: i64 = 50;

/// Waits for what lets go of an instance soon, and for nothing else.
pub struct Patience {
    until: Timestamp,
}

impl Patience {
    /// From now on.
    pub fn new() -> Self {
        Self { until: SystemClock.now().plus_ms(PATIENCE_MS) }
    }

    /// The lock; nothing, after a while, when a command has it and it is worth another try.
    ///
    /// # Errors
    /// A daemon has it, or a command still has it after ten seconds, or the disk failed.
    pub async fn taken(&self, tried: Result<InstanceLock, InstanceError>) -> Result<Option<InstanceLock>, Failure> {
        match tried {
            Ok(lock) => Ok(Some(lock)),
            // Without a pid it was taken this moment, and what for is not yet known.
            Err(InstanceError::Locked { holder })
                if (holder.passing || holder.pid.is_none()) && SystemClock.now() < self.until =>
            {
                SystemClock.sleep_until(SystemClock.now().plus_ms(RETRY_MS)).await;
                Ok(None)
            }
            Err(error) => Err(Failure::failed(error)),
        }
    }
}

impl Embedded {
    /// Runs what was approved as far as it goes. Returns how many proposals are still under way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn work(&self) -> Result<usize, Failure> {
        let executor = Executor::new(Arc::clone(&self.core));
        let until = self.core.now().plus_ms(WORK_MS);
        loop {
            let left = executor.pass().await.map_err(Failure::failed)?;
            let standing = modes::standing(&self.core).await.map_err(Failure::failed)?;
            if left == 0 || !standing.may_call() || self.core.now() >= until {
                return Ok(left);
            }
            self.core.clock.sleep_until(self.core.now().plus_ms(PAUSE_MS)).await;
        }
    }

    /// Ends what is under way, writes the files, lets go of the database.
    pub async fn close(self) {
        if self.core.safe_mode.is_some() {
            return self.core.store.close().await;
        }
        self.brain.close().await;
        Projection::new(self.dir, Arc::clone(&self.core), self.brain).without_status().pass().await;
        self.core.store.close().await;
    }
}

/// Attaches to the daemon, or embeds the brain when none runs; never both.
///
/// # Errors
/// No such instance, a daemon that does not answer, configuration that cannot be used.
pub async fn attach(global: &Global) -> Result<Attached, Failure> {
    let dir = global.existing_dir()?;
    let patience = Patience::new();
    let lock = loop {
        match SocketClient::connect(&dir.socket()).await {
            Ok(client) => return Ok(Attached { gateway: Arc::new(client), embedded: None }),
            Err(error) if error.is_no_daemon() => {}
            Err(error) => return Err(Failure::unavailable(error)),
        }
        if let Some(lock) = patience.taken(dir.lock_for_command(std::process::id())).await? {
            break lock;
        }
    };
    let config = compose::load(&dir)?;
    match config.warnings.as_slice() {
        [] => {}
        [one] => global.complain(one),
        many => global.complain(&format!("{} settings to look at; `wakeman doctor` names them", many.len())),
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let compose::Adapters { sources, hands, readers } = compose::adapters(&config, &clock)?;
    let hosting = readers.deploys.is_some();
    let (store, safe_mode) = compose::open_or_safe(&dir).await?;
    let safe = safe_mode.is_some();
    let core = Arc::new(Core { safe_mode, ..compose::core(&dir, store, config, (hands, readers))? });
    let remedy = |set: bool, name: &str| match set {
        true => core.health.starting(name),
        false => core.health.not_configured(name, "not configured"),
    };
    remedy(sources.product.is_some(), "posthog");
    remedy(sources.code.is_some(), "github");
    remedy(hosting, "vercel");
    let brain = Brain::new(Arc::clone(&core));
    if !safe {
        calendar::recall(&core).await.map_err(Failure::failed)?;
        brain.recover().await.map_err(Failure::failed)?;
    }
    let gateway = Arc::new(Desk::with_brain(Arc::clone(&core), Arc::clone(&brain)));
    Ok(Attached { gateway, embedded: Some(Embedded { core, brain, dir, _lock: lock }) })
}
