//! How the instance stands now.

use wakeman_store::{EntityRef, ListQuery, StoreError, Version};
use wakeman_types::{Control, ControlView, Entity, ExecutionMode, HaltSet, HeldView, Mute};

use crate::core::Core;

/// What holds now, and the version of the row that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What people set over the settings.
    pub control: Control,
    /// Its version; [`Version::ABSENT`] while nobody set anything.
    pub version: Version,
    /// The mode that holds.
    pub mode: ExecutionMode,
}

impl Standing {
    /// The halt, while there is one.
    pub fn halted(&self) -> Option<&HaltSet> {
        self.control.halt.as_ref()
    }

    /// Whether anything outside may be changed: not during a halt, not in mode `observe`.
    pub fn may_call(&self) -> bool {
        self.control.halt.is_none() && self.mode != ExecutionMode::Observe
    }

    /// The row that an intent depends on: `commit.expect(&row, standing.version)` lets it land only if nothing was set meanwhile.
    pub fn row() -> EntityRef {
        EntityRef::of(&Control::default())
    }
}

/// Reads what holds now.
///
/// # Errors
/// [`StoreError`] if the row could not be read; nothing may be called then.
pub async fn standing(core: &Core) -> Result<Standing, StoreError> {
    let id = Control::default().entity_id();
    let found = core.store.get::<Control>(&id).await?;
    let (control, version) = found.map_or_else(|| (Control::default(), Version::ABSENT), |f| (f.value, f.version));
    let set = control.mode.as_ref().map(|set| set.mode);
    core.overlay.set(set);
    let standing = Standing { control, version, mode: set.unwrap_or(core.settings.runtime.execution_mode) };
    core.hands.gate.set(version.0, !standing.may_call());
    Ok(standing)
}

/// The mute of `fingerprint` that holds now.
///
/// # Errors
/// [`StoreError`] if it could not be read.
pub async fn muted(core: &Core, fingerprint: &str) -> Result<Option<Mute>, StoreError> {
    let found = core.store.get::<Mute>(fingerprint).await?;
    Ok(found.map(|found| found.value).filter(|mute| mute.holds(core.now())))
}

/// How it stands, for people.
///
/// # Errors
/// [`StoreError`] if it could not be read.
pub async fn view(core: &Core) -> Result<ControlView, StoreError> {
    let Standing { control, mode, .. } = standing(core).await?;
    let now = core.now();
    let mutes = core.store.list::<Mute>(&ListQuery::newest(200)).await?.items;
    Ok(ControlView {
        mode,
        configured: core.settings.runtime.execution_mode,
        set: control.mode,
        halt: control.halt,
        classes: core.settings.execute.classes.clone(),
        per_hour: core.settings.execute.per_hour,
        mutes: mutes.into_iter().map(|found| found.value).filter(|mute| mute.holds(now)).collect(),
        owners: core.owners(),
    })
}

/// What holds an approved proposal back now; `None`: nothing does.
///
/// # Errors
/// [`StoreError`] if it could not be read.
pub async fn held(core: &Core) -> Result<Option<HeldView>, StoreError> {
    Ok(view(core).await?.held())
}
