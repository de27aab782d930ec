//! Health: "last success", per source and component.

use std::{collections::BTreeMap, sync::Mutex};

use wakeman_types::{ComponentView, Timestamp};

/// What is said of a component that this process did not ask yet.
pub const STARTING: &str = "starting";

/// The components' last known state. Locked for moments only.
#[derive(Debug, Default)]
pub struct HealthBoard {
    board: Mutex<BTreeMap<String, ComponentView>>,
    /// The last successes that the process before this one had.
    before: BTreeMap<String, Timestamp>,
}

impl HealthBoard {
    /// A board that knows when each component last answered an earlier process.
    pub fn after(before: impl IntoIterator<Item = (String, Timestamp)>) -> Self {
        Self { before: before.into_iter().collect(), ..Self::default() }
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut BTreeMap<String, ComponentView>) -> T) -> T {
        use_it(&mut self.board.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Records that `name` is not set up, and what would set it up.
    pub fn not_configured(&self, name: &str, remedy: impl Into<String>) {
        self.set(name, false, true, None, remedy.into());
    }

    /// Records a component that is set up but was not asked yet; the last success of an earlier process stays.
    pub fn starting(&self, name: &str) {
        self.set(name, true, true, self.last_success(name), STARTING.to_owned());
    }

    /// Records a component that is set up and only asked when somebody wants something of it.
    pub fn on_demand(&self, name: &str, detail: impl Into<String>) {
        self.set(name, true, true, None, detail.into());
    }

    /// Records a success.
    pub fn succeeded(&self, name: &str, at: Timestamp, detail: impl Into<String>) {
        self.set(name, true, true, Some(at), detail.into());
    }

    /// Records a failure; the last success stays.
    pub fn failed(&self, name: &str, detail: impl Into<String>) {
        self.set(name, true, false, self.last_success(name), detail.into());
    }

    /// Records that somebody should look at it although the instance does all it is for; the last success stays.
    pub fn wants_attention(&self, name: &str, detail: impl Into<String>) {
        let (name, last_success) = (name.to_owned(), self.last_success(name));
        let view =
            ComponentView { name, configured: true, ok: true, attention: true, last_success, detail: detail.into() };
        self.with(|board| board.insert(view.name.clone(), view));
    }

    fn last_success(&self, name: &str) -> Option<Timestamp> {
        let known = self.with(|board| board.get(name).and_then(|component| component.last_success));
        known.or_else(|| self.before.get(name).copied())
    }

    /// All components by name.
    pub fn components(&self) -> Vec<ComponentView> {
        self.with(|board| board.values().cloned().collect())
    }

    fn set(&self, name: &str, configured: bool, ok: bool, last_success: Option<Timestamp>, detail: String) {
        let view = ComponentView { name: name.to_owned(), configured, ok, attention: false, last_success, detail };
        self.with(|board| board.insert(name.to_owned(), view));
    }
}
