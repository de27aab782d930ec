//! One feature flag that keeps count of its edits.

use std::sync::{Mutex, MutexGuard};

use futures::future::BoxFuture;
use wakeman_gateway::ports::{FlagFacts, FlagHands, HandsError, LastEdit};

use super::fault::{Fault, Script};

pub struct FakeFlags {
    flag: Mutex<FlagFacts>,
    late: Mutex<Vec<(u64, bool)>>,
    /// Who edited it last.
    pub edit: Mutex<LastEdit>,
    effects: Mutex<Vec<String>>,
    script: Script,
}

impl FakeFlags {
    /// `checkout-fast`, on for everyone, at version 12.
    pub fn new() -> Self {
        let flag = FlagFacts { id: 7, key: "checkout-fast".to_owned(), version: 12, active: true, rollout: Some(1.0) };
        Self {
            flag: Mutex::new(flag),
            late: Mutex::default(),
            edit: Mutex::default(),
            effects: Mutex::default(),
            script: Script::default(),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, FlagFacts> {
        self.flag.lock().unwrap()
    }

    pub fn fail(&self, call: &'static str, faults: &[Fault]) {
        self.script.add(call, faults);
    }

    /// Returns once a call was reached at which the process dies.
    pub async fn died(&self) {
        self.script.died().await;
    }

    pub fn effects(&self) -> Vec<String> {
        self.effects.lock().unwrap().clone()
    }

    pub fn land_late(&self) {
        for (version, active) in std::mem::take(&mut *self.late.lock().unwrap()) {
            let _ = self.apply(version, active);
        }
    }

    fn apply(&self, version: u64, active: bool) -> Result<FlagFacts, HandsError> {
        let mut flag = self.state();
        if flag.version != version {
            let reason = format!("the flag changed since you approved (version {version} → {})", flag.version);
            return Err(HandsError::Precondition { reason });
        }
        (flag.version, flag.active) = (version + 1, active);
        self.effects.lock().unwrap().push(format!("{} {}", flag.key, if active { "on" } else { "off" }));
        Ok(flag.clone())
    }
}

impl FlagHands for FakeFlags {
    fn project(&self) -> &str {
        "1"
    }

    fn flag<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<FlagFacts, HandsError>> {
        Box::pin(async move {
            self.script.read("flag").await?;
            let flag = self.state().clone();
            if flag.key == key { Ok(flag) } else { Err(HandsError::Permanent { reason: format!("no flag {key}") }) }
        })
    }

    fn last_edit(&self, _: u64) -> BoxFuture<'_, LastEdit> {
        Box::pin(async { self.edit.lock().unwrap().clone() })
    }

    fn set_flag<'a>(
        &'a self,
        _: u64,
        version: u64,
        active: bool,
        _: Option<f64>,
    ) -> BoxFuture<'a, Result<FlagFacts, HandsError>> {
        Box::pin(async move {
            let Some(fault) = self.script.next("set_flag") else { return self.apply(version, active) };
            if fault == Fault::Overtaken {
                self.land_late();
                return self.apply(version, active);
            }
            if fault.applies() {
                self.apply(version, active)?;
            }
            if fault == Fault::Late {
                self.late.lock().unwrap().push((version, active));
            }
            if fault.dies() { self.script.die().await } else { Err(fault.error()) }
        })
    }
}
