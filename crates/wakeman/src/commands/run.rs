//! `run`: the daemon.

use std::{net::SocketAddr, panic::AssertUnwindSafe, pin::pin, sync::Arc};

use futures::{
    FutureExt,
    future::{self, Either, FusedFuture},
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use wakeman_gateway::{
    Core, Desk, Inbox,
    act::Executor,
    audit::Seal,
    brain::Brain,
    calendar,
    config::Secrets,
    instance::{InstanceDir, InstanceLock},
    modes, notify,
    ports::{Clock, SystemClock},
    retention,
    wake::Wake,
    watch::Watch,
};
use wakeman_server::{ApiToken, Limits, TcpOptions, TokenHash};
use wakeman_types::{Channel, FrontendHealth, Gateway, HOUR_MS, MINUTE_MS, Principal, Role};

use crate::{
    args::RunArgs,
    attach::Patience,
    compose,
    console::Printer,
    failure::{DONE, Failure},
    frontends::{self, Chats},
    global::Global,
    logging,
    supervise::{Part, Start, supervise},
};

pub mod project;
mod safe;

/// How often the executor looks by itself; a decision rings it at once.
const WORK_MS: i64 = 1_000;
/// How often new findings are looked for that want a model's note.
const EXPLAIN_MS: i64 = 2_000;
/// The wakeups are looked at at least so often, because the clock may be put forward while they wait.
const WAKE_MS: i64 = 30_000;
/// How often the journal's head is signed, if it moved.
const SEAL_MS: i64 = MINUTE_MS;
/// How often it is looked whether a digest is due or nobody reacted.
const NOTIFY_MS: i64 = 15_000;
/// How often what is past its time is removed.
const RETAIN_MS: i64 = HOUR_MS;
/// How long the answers under way may take to be stored once the daemon stops.
const CLOSE_MS: i64 = 5_000;
/// How long each step of the end may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// How long a call to the outside that was begun may take to be recorded: longer than any adapter waits for an answer.
const CALL_PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// How long the terminal has for what it is printing when all else has ended.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(1);
/// How long a process that serves a chat may take to connect.
const APART_MS: i64 = 30_000;
/// How often the terminal looks for what is owed to it.
const CONSOLE_MS: u64 = 500;

/// Runs until SIGTERM or SIGINT, or with `--once` for one look.
pub async fn run(global: &Global, args: RunArgs) -> Result<u8, Failure> {
    let dir = global.existing_dir()?;
    let patience = Patience::new();
    let _lock = loop {
        if let Some(lock) = patience.taken(dir.lock(std::process::id())).await? {
            break lock;
        }
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (_, session) = dir.open_session_log(clock.now()).map_err(Failure::failed)?;
    logging::start(global.verbosity, global.errors_in_color(), Some(session));
    if let Some(problem) = dir.check_modes().into_iter().next() {
        return Err(Failure::usage(format!("{}: {}; {}", problem.path.display(), problem.what, problem.remedy)));
    }
    let config = compose::load(&dir)?;
    for warning in &config.warnings {
        global.complain(warning);
        // For the session log: stderr has it already.
        tracing::info!(warning, "config.unknown");
    }
    let address = global.listen.unwrap_or_else(|| ([127, 0, 0, 1], config.settings.runtime.port).into());
    let tokens = tokens(&config);
    let secrets = config.secrets.clone();
    let chats = frontends::chosen(args.frontends.as_deref(), &args.apart, &secrets)?;
    let _serving = if args.once { Vec::new() } else { alone(&dir, &chats.here)? };
    let compose::Adapters { sources, hands, readers } = compose::adapters(&config, &clock)?;
    let (store, safe_mode) = compose::open_or_safe(&dir).await?;
    let mut core = compose::core(&dir, store, config, (hands, readers))?;
    if let Some(safe_mode) = safe_mode {
        let core = Arc::new(Core { safe_mode: Some(safe_mode.clone()), ..core });
        return safe::run(global, (dir, core, safe_mode), (address, tokens), args.once).await;
    }
    core.served.extend(chats.here.iter().chain(&chats.apart));
    core.served
        .iter()
        .filter(|channel| **channel != Channel::Cli)
        .for_each(|channel| core.health.starting(channel.name()));
    let core = Arc::new(core);
    let watch = Watch::new(Arc::clone(&core), sources.product, sources.code)
        .map_err(|reason| Failure::usage(format!("read-only/settings.json: {reason}")))?;
    let standing = modes::standing(&core).await.map_err(Failure::failed)?;
    calendar::recall(&core).await.map_err(Failure::failed)?;
    greet(global, &core);
    if let Some(halt) = standing.halted() {
        global.note(&format!("halted by {}: nothing is run until an owner says `wakeman resume`", halt.by));
    }
    let brain = Brain::new(Arc::clone(&core));
    let ended = brain.recover().await.map_err(Failure::failed)?;
    if ended > 0 {
        global.note(&format!("{ended} messages were left without an answer by the last run; their askers are told"));
    }
    let signer = wakeman_store::Signer::open(&dir.journal_key()).map_err(Failure::failed)?;
    let seal = Seal::new(Arc::clone(&core), signer);
    let daemon = Daemon { global, dir, core, brain, watch, seal };
    if args.once { daemon.once().await } else { daemon.serve(address, tokens, (chats, secrets)).await }
}

fn tokens(config: &compose::Config) -> Vec<ApiToken> {
    use secrecy::ExposeSecret;
    let principal = Principal::new(Channel::Api, "0");
    let token = |token: &secrecy::SecretString| ApiToken {
        hash: TokenHash::of(token.expose_secret()),
        role: Role::Owner,
        principal: principal.clone(),
    };
    config.secrets.api_token.iter().map(token).collect()
}

/// Proof that nobody else serves these chats of the instance.
fn alone(dir: &InstanceDir, chats: &[Channel]) -> Result<Vec<InstanceLock>, Failure> {
    chats.iter().map(|channel| dir.lock_frontend(*channel, std::process::id()).map_err(Failure::usage)).collect()
}

/// What is known of an adapter in a process of its own before it reports.
fn unconnected(channel: Channel) -> FrontendHealth {
    let detail = format!("its process has not connected; start it with `wakeman frontend {channel}`");
    FrontendHealth { ok: false, detail, within_ms: APART_MS }
}

/// The inbox, begun anew if it ever ends.
fn answering(inbox: &Arc<Inbox>, stopped: &watch::Receiver<bool>) -> Part {
    let (inbox, stopped) = (Arc::clone(inbox), stopped.clone());
    let start: Start = Box::new(move || {
        let (inbox, mut stopped) = (Arc::clone(&inbox), stopped.clone());
        Box::pin(async move {
            inbox.run(async move { drop(stopped.wait_for(|stopped| *stopped).await) }).await;
            Ok(())
        })
    });
    Part { name: "inbox", start }
}

/// A part that may fail without ending the daemon; its component says so.
async fn kept(part: Part, core: Arc<Core>, stopped: watch::Receiver<bool>) {
    let tell = |name: &str, why: String| core.part_ended(name, why);
    supervise(part, &*core.clock, &*core.random, tell, stopped).await;
}

/// Says what is watched and what is not configured, once, on stderr.
fn greet(global: &Global, core: &Core) {
    global.note(&format!("watching {} · mode {}", core.watching(), core.mode()));
    for component in core.health.components() {
        let state = if component.configured { "configured" } else { "not configured" };
        let remedy = if component.configured { String::new() } else { format!(": {}", component.detail) };
        global.note(&format!("{} {state}{remedy}", component.name));
        tracing::info!(component = component.name, configured = component.configured, "run.component");
    }
}

/// Listens for SIGTERM and SIGINT from now on, not only once the answer is awaited: who reads that a process is ready may
/// stop it at once. What it returns ends with the first of them.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

struct Daemon<'a> {
    global: &'a Global,
    dir: InstanceDir,
    core: Arc<Core>,
    brain: Arc<Brain>,
    watch: Watch,
    seal: Seal,
}

impl Daemon<'_> {
    async fn once(mut self) -> Result<u8, Failure> {
        let progress = self.global.progress("looking once");
        calendar::pass(&self.core).await;
        self.watch.tick().await.map_err(Failure::failed)?;
        Executor::new(Arc::clone(&self.core)).pass().await.map_err(Failure::failed)?;
        Wake::thinking(Arc::clone(&self.core), Arc::clone(&self.brain)).pass().await.map_err(Failure::failed)?;
        let desk = Desk::with_brain(Arc::clone(&self.core), Arc::clone(&self.brain));
        let zone = self.core.zone().name().to_owned();
        drop(progress);
        Printer::new(self.global, zone).drain(&desk, self.core.now()).await?;
        project::Projection::new(self.dir, Arc::clone(&self.core), Arc::clone(&self.brain)).pass().await;
        let status = desk.status_now().await?;
        let context = self.global.context(status.as_of, &status.timezone);
        // After the lines of what was told, so each says what it is.
        let line = serde_json::json!({"type": "status", "status": status});
        self.global.answer(&line, &wakeman_present::status_doc(&status, &context))?;
        if let Err(error) = self.seal.pass().await {
            tracing::error!(%error, "audit.seal");
        }
        let failed = status.components.iter().find(|component| component.configured && !component.ok);
        let answer = match failed {
            Some(component) => Err(Failure::unavailable(format!("{}: {}", component.name, component.detail))),
            None => Ok(DONE),
        };
        self.core.store.close().await;
        answer
    }

    async fn serve(
        self,
        address: SocketAddr,
        tokens: Vec<ApiToken>,
        (chats, secrets): (Chats, Secrets),
    ) -> Result<u8, Failure> {
        let Self { global, dir, core, brain, watch, seal } = self;
        let told_to_stop = stop_signal()?;
        let desk = Arc::new(Desk::with_brain(Arc::clone(&core), Arc::clone(&brain)));
        let inbox = Inbox::new(Arc::clone(&core), Arc::clone(&desk));
        inbox.recover().await.map_err(Failure::failed)?;
        let gateway: Arc<dyn Gateway> = desk;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        answer(global, &dir, (address, tokens), (&gateway, &stopped), &mut tasks).await?;
        tasks.spawn(watching(watch, Arc::clone(&core), stopped.clone()));
        tasks.spawn(explaining(Arc::clone(&brain), Arc::clone(&core), stopped.clone()));
        let executor = Arc::new(Executor::new(Arc::clone(&core)));
        let acting = tokio::spawn(executing(Arc::clone(&executor), Arc::clone(&core), stopped.clone()));
        tasks.spawn(waking(Wake::thinking(Arc::clone(&core), Arc::clone(&brain)), Arc::clone(&core), stopped.clone()));
        tasks.spawn(notifying(Arc::clone(&core), stopped.clone()));
        tasks.spawn(retaining(Arc::clone(&core), stopped.clone()));
        tasks.spawn(looking_at_calendars(Arc::clone(&core), stopped.clone()));
        for channel in &chats.apart {
            gateway.report_health(*channel, unconnected(*channel)).await?;
        }
        for channel in &chats.here {
            // Its lock is ours: whoever was sending there is gone.
            core.store.lapse_claims(channel.name(), core.now()).await.map_err(Failure::failed)?;
        }
        let adapters = frontends::parts(&chats.here, &secrets, &gateway, (&core.clock, core.zone()), &stopped);
        for part in adapters.into_iter().chain([answering(&inbox, &stopped)]) {
            tasks.spawn(kept(part, Arc::clone(&core), stopped.clone()));
        }
        let sealing = tokio::spawn(sealing(seal, Arc::clone(&core), stopped.clone()));
        tasks.spawn(project::Projection::new(dir, Arc::clone(&core), Arc::clone(&brain)).run(stopped.clone()));
        let printing = printing(global, gateway, &core, stopped).fuse();
        tokio::pin!(printing);
        let ended = tokio::select! {
            () = told_to_stop => Ok(DONE),
            failed = &mut printing => failed.map(|()| DONE),
            Some(died) = tasks.join_next() => Err(part_ended(died)),
        };
        global.note("stopping");
        let closing = close((executor, acting), (brain, inbox), (stop, tasks), sealing);
        // The printing is polled to its end beside it: one that is left standing may have been handed a reader of the
        // store that everybody else then waits for.
        let printed = async {
            if !printing.is_terminated() {
                drop(printing.await);
            }
        };
        match future::select(pin!(closing), pin!(printed)).await {
            // Who does not read what we write does not keep us either.
            Either::Left(((), printed)) => drop(timeout(LAST_WORDS, printed).await),
            Either::Right(((), closing)) => closing.await,
        }
        core.store.close().await;
        ended
    }
}

/// A part ended that only ends with the daemon. What it was is for the session's log.
fn part_ended(died: Result<(), tokio::task::JoinError>) -> Failure {
    tracing::error!(?died, "run.part_ended");
    Failure::failed(
        "a part of the daemon stopped unexpectedly; the newest storage/sessions/*/system.log says which. \
         Start `wakeman run` again",
    )
}

/// Begins to answer on the socket and on TCP, until stopped.
async fn answer(
    global: &Global,
    dir: &InstanceDir,
    (address, tokens): (SocketAddr, Vec<ApiToken>),
    (gateway, stopped): (&Arc<dyn Gateway>, &watch::Receiver<bool>),
    tasks: &mut JoinSet<()>,
) -> Result<(), Failure> {
    let socket = wakeman_server::bind_socket(&dir.socket()).map_err(Failure::failed)?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(format!(
            "{address}: cannot listen there ({error}); choose another with --listen or runtime.port in \
             read-only/settings.json"
        ))
    })?;
    global.note(&format!("listening on {}", listener.local_addr()?));
    let until = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let options = TcpOptions { tokens, ..TcpOptions::default() };
    let (tcp, stop) = (Arc::clone(gateway), until(stopped.clone()));
    tasks.spawn(async move { wakeman_server::serve_tcp(listener, tcp, options, stop).await });
    let (local, stop) = (Arc::clone(gateway), until(stopped.clone()));
    tasks.spawn(async move { wakeman_server::serve_socket(socket, local, Limits::default(), stop).await });
    Ok(())
}

/// The watch, round after round. A round that fails is logged and the next one comes.
async fn watching(mut watch: Watch, core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        let next = core.now().plus_ms(core.interval_ms());
        tokio::select! {
            result = watch.tick() => if let Err(error) = result {
                tracing::error!(%error, "watch.tick");
            },
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        tokio::select! {
            () = core.clock.sleep_until(next) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// A model's note for what interrupted somebody, where a model is configured. It never delays the watch, and nobody waits for it:
/// one that panics is logged like one that fails.
async fn explaining(brain: Arc<Brain>, core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            result = AssertUnwindSafe(brain.explain_news()).catch_unwind() => match result {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::error!(%error, "brain.explain"),
                Err(_) => tracing::error!("brain.explain_panicked"),
            },
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        tokio::select! {
            () = core.clock.sleep_until(core.now().plus_ms(EXPLAIN_MS)) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// The executor. Once it is told to close it begins nothing more; what was begun has longer than one call to be recorded.
async fn executing(executor: Arc<Executor>, core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    if let Err(error) = wakeman_gateway::act::announce_waiting(&core).await {
        tracing::error!(%error, "act.announce_waiting");
    }
    loop {
        if let Err(error) = executor.pass().await {
            tracing::error!(%error, "act.pass");
        }
        tokio::select! {
            () = core.work.notified() => {}
            () = core.clock.sleep_until(core.now().plus_ms(WORK_MS)) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Ends every part, each within its time: whatever is left is durable, and the next start takes it up.
async fn close(
    (executor, acting): (Arc<Executor>, JoinHandle<()>),
    (brain, inbox): (Arc<Brain>, Arc<Inbox>),
    (stop, mut tasks): (watch::Sender<bool>, JoinSet<()>),
    sealing: JoinHandle<Seal>,
) {
    executor.close();
    if timeout(PATIENCE, brain.close()).await.is_err() {
        tracing::error!("run.turns_left_open");
    }
    let _ = stop.send(true);
    let rest = async { while tasks.join_next().await.is_some() {} };
    if timeout(PATIENCE, rest).await.is_err() {
        tracing::error!("run.parts_left_running");
        tasks.abort_all();
    }
    inbox.rest(CLOSE_MS).await;
    if timeout(CALL_PATIENCE, acting).await.is_err() {
        tracing::error!("run.call_left_running");
    }
    last_seal(sealing).await;
}

/// The last signature: it covers what the others left behind.
async fn last_seal(sealing: JoinHandle<Seal>) {
    let pass = async {
        let Ok(mut seal) = sealing.await else { return };
        if let Err(error) = seal.pass().await {
            tracing::error!(%error, "audit.seal");
        }
    };
    if timeout(PATIENCE, pass).await.is_err() {
        tracing::error!("run.left_unsealed");
    }
}

/// Signs the journal's head, round after round; gives the seal back for the last time.
async fn sealing(mut seal: Seal, core: Arc<Core>, mut stopped: watch::Receiver<bool>) -> Seal {
    loop {
        if let Err(error) = seal.pass().await {
            tracing::error!(%error, "audit.seal");
        }
        tokio::select! {
            () = core.clock.sleep_until(core.now().plus_ms(SEAL_MS)) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return seal,
        }
    }
}

/// Digests that are due, what nobody reacted to, storms that are over.
async fn notifying(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            result = notify::pass(&core) => if let Err(error) = result {
                tracing::error!(%error, "notify.pass");
            },
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        tokio::select! {
            () = core.clock.sleep_until(core.now().plus_ms(NOTIFY_MS)) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// When operators are away or busy, by their calendars.
async fn looking_at_calendars(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        let again = tokio::select! {
            again = calendar::pass(&core) => again,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        tokio::select! {
            () = core.clock.sleep_until(again) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// What is past its time goes, hour by hour.
async fn retaining(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = core.clock.sleep_until(core.now().plus_ms(RETAIN_MS)) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        if let Err(error) = retention::pass(&core).await {
            tracing::error!(%error, "retention.pass");
        }
    }
}

/// The wakeups. A run that is cut by the end of the process is repeated once by the next start.
async fn waking(wake: Wake, core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            result = wake.pass() => if let Err(error) = result {
                tracing::error!(%error, "wake.pass");
            },
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        tokio::select! {
            () = core.clock.sleep_until(wake.wait_until(WAKE_MS)) => {}
            () = core.alarm.notified() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// What is owed to the terminal goes to stdout, if somebody reads it.
async fn printing(
    global: &Global,
    gateway: Arc<dyn Gateway>,
    core: &Core,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let mut printer = Printer::new(global, core.zone().name().to_owned());
    loop {
        // Somebody who talks to it reads it there.
        let attended = core.surfaces.is_attended(Channel::Cli);
        if !attended && let Err(error) = printer.drain(&*gateway, core.now()).await {
            tracing::error!(%error, "console.drain");
        }
        tokio::select! {
            () = tokio::time::sleep(std::time::Duration::from_millis(CONSOLE_MS)) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {
                // A stream without an end would keep its connection for the whole grace time.
                core.surfaces.hush();
                return Ok(());
            }
        }
    }
}
