//! Feature flags: their edits, scheduled by the scenario or made over the API, and whom they reach when.

use crate::scenario::Scenario;
use crate::time::DAY_MS;
use crate::world::Dice;

/// Channel of hostile texts that stand as a flag's name.
const FLAG_NAME_CHANNEL: &str = "feature_flag_name";
/// First id; PostHog's are small whole numbers.
const FIRST_ID: u64 = 4_101;

/// What a flag does: on or off, and for which share of the users.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Whether it is on at all.
    pub active: bool,
    /// Share of the users it reaches when on, 0–1.
    pub rollout: f64,
}

impl Setting {
    /// The share of the users that have the flag.
    pub fn reach(self) -> f64 {
        if self.active { self.rollout } else { 0.0 }
    }
}

/// One edit of a flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// What it set.
    pub setting: Setting,
    /// Login of who made it.
    pub by: String,
}

/// One feature flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// Its number.
    pub id: u64,
    /// Its key.
    pub key: String,
    /// Its description.
    pub name: String,
    /// When it was created.
    pub created_ms: i64,
    /// By whom.
    pub created_by: String,
    /// What it was created with.
    pub first: Setting,
    /// Its edits in order of time, future ones of the scenario included.
    pub edits: Vec<Edit>,
}

impl Flag {
    /// The edits made by then.
    pub fn edits_until(&self, at_ms: i64) -> &[Edit] {
        &self.edits[..self.edits.partition_point(|edit| edit.at_ms <= at_ms)]
    }

    /// What it does at an instant.
    pub fn setting(&self, at_ms: i64) -> Setting {
        self.edits_until(at_ms).last().map_or(self.first, |edit| edit.setting)
    }

    /// Its version at an instant: 1 when created, one more with each edit.
    pub fn version(&self, at_ms: i64) -> u64 {
        self.edits_until(at_ms).len() as u64 + 1
    }

    /// Mean share of the users it reaches over `[from, to)`.
    fn mean_rollout(&self, from: i64, to: i64) -> f64 {
        let mut at = from;
        let mut sum = 0.0;
        for edit in self.edits.iter().filter(|edit| (from + 1..to).contains(&edit.at_ms)) {
            sum += self.setting(at).reach() * (edit.at_ms - at) as f64;
            at = edit.at_ms;
        }
        (sum + self.setting(at).reach() * (to - at) as f64) / (to - from).max(1) as f64
    }
}

/// Every flag of the project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    list: Vec<Flag>,
}

impl Flags {
    /// The flags a scenario names, with the edits it schedules.
    pub(crate) fn new(scenario: &Scenario) -> Flags {
        let mut flags = Flags::default();
        for change in &scenario.changes {
            let Some(key) = &change.flag else { continue };
            let edit = change.flag_edit();
            let flag = flags.named_or_new(key, scenario, edit.map_or(0.0, |(_, rollout)| rollout), edit.is_some());
            if let Some((_, rollout)) = edit {
                let setting = Setting { active: rollout > 0.0, rollout };
                flag.edits.push(Edit { at_ms: change.at_ms, setting, by: change.author.clone() });
            } else {
                flag.name.clone_from(&change.title);
            }
        }
        for text in scenario.untrusted.iter().filter(|text| text.channel == FLAG_NAME_CHANNEL) {
            let flag = flags.named_or_new(&text.text, scenario, 1.0, false);
            flag.created_ms = text.at_ms;
            flag.first = Setting { active: true, rollout: 0.5 };
        }
        flags
    }

    /// A flag starts off; one whose first edit turns it off must have been on.
    fn named_or_new(&mut self, key: &str, scenario: &Scenario, rollout: f64, edited: bool) -> &mut Flag {
        if let Some(place) = self.list.iter().position(|flag| flag.key == key) {
            return &mut self.list[place];
        }
        let on = edited && rollout <= 0.0;
        let dice = Dice::new(scenario.seed, key);
        self.list.push(Flag {
            id: FIRST_ID + self.list.len() as u64,
            key: key.to_owned(),
            name: String::new(),
            created_ms: scenario.history_start_ms() - DAY_MS * (1 + dice.below(0, 0, 90) as i64),
            created_by: "ada".to_owned(),
            first: Setting { active: on, rollout: if on { 1.0 } else { 0.0 } },
            edits: Vec::new(),
        });
        self.list.last_mut().expect("invariant: one was just pushed")
    }

    /// The flags that exist at an instant, in order of creation in the list.
    pub fn existing(&self, at_ms: i64) -> impl Iterator<Item = &Flag> {
        self.list.iter().filter(move |flag| flag.created_ms <= at_ms)
    }

    /// The flag with this key.
    pub fn named(&self, key: &str) -> Option<&Flag> {
        self.list.iter().find(|flag| flag.key == key)
    }

    /// The flag with this number.
    pub fn numbered(&self, id: u64) -> Option<&Flag> {
        self.list.iter().find(|flag| flag.id == id)
    }

    /// Edits a flag now; edits the scenario has in store later still happen.
    pub(crate) fn edit(&mut self, id: u64, edit: Edit) {
        if let Some(flag) = self.list.iter_mut().find(|flag| flag.id == id) {
            let place = flag.edits_until(edit.at_ms).len();
            flag.edits.insert(place, edit);
        }
    }

    /// Describes a flag anew.
    pub(crate) fn rename(&mut self, id: u64, name: &str) {
        if let Some(flag) = self.list.iter_mut().find(|flag| flag.id == id) {
            name.clone_into(&mut flag.name);
        }
    }

    /// Mean share of the users that a flag reaches over `[from, to)`; 0 for a flag that does not exist.
    pub fn mean_rollout(&self, key: &str, from: i64, to: i64) -> f64 {
        self.named(key).map_or(0.0, |flag| flag.mean_rollout(from, to))
    }

    /// The share of the users that a flag reaches at an instant; `None` for a flag that does not exist.
    pub fn reach(&self, key: &str, at_ms: i64) -> Option<f64> {
        self.named(key).map(|flag| flag.setting(at_ms).reach())
    }
}
