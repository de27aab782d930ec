//! The demo against a lab that is a process of its own: every shipped scenario, answers that get lost, a model behind a key in a file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use serde_json::{Value, json};
use wakeman_lab::client::{EffectRecord, FaultRequest};

use crate::{
    asking::{Lab, wait},
    daemon::{Home, said},
};

/// Plays what the lab serves; the summary.
fn played(home: &Home, lab: &Lab, more: &[&str]) -> Value {
    let output = home.run(&[&["demo", "--lab", lab.url(), "--answer", "approve", "--json"], more].concat());
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn effects(lab: &Lab) -> Vec<EffectRecord> {
    wait(lab.client().effects()).unwrap()
}

/// A shipped scenario, played to its end with every card approved against a lab that is a process of its own.
pub struct Play {
    /// What the demo said.
    pub text: String,
    /// What the lab says was done.
    applied: usize,
}

impl Play {
    pub fn lines(&self) -> Vec<Value> {
        self.text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    pub fn summary(&self) -> Value {
        self.lines().pop().unwrap()
    }
}

/// The play of that scenario; it is played once, however many look at it.
pub fn play(name: &str) -> Arc<Play> {
    static PLAYS: Mutex<BTreeMap<String, Arc<OnceLock<Arc<Play>>>>> = Mutex::new(BTreeMap::new());
    let one = Arc::clone(PLAYS.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default());
    let made = one.get_or_init(|| {
        let home = Home::bare();
        let lab = Lab::serve(&home, name);
        let output = home.run(&["demo", "--lab", lab.url(), "--answer", "approve", "--json"]);
        assert!(output.status.success(), "{}", said(&output));
        let applied = effects(&lab).iter().filter(|effect| effect.applied).count();
        Arc::new(Play { text: String::from_utf8(output.stdout).unwrap(), applied })
    });
    Arc::clone(made)
}

#[test]
fn every_shipped_scenario_plays_to_its_end_in_a_lab_of_its_own() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/scenarios");
    let names: BTreeSet<String> = std::fs::read_dir(shipped)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        let play = play(&name);
        let summary = play.summary();
        assert_eq!((&summary["type"], &summary["scenario"]), (&json!("summary"), &json!(name)));
        assert_eq!(summary["untrusted_effects"], 0, "{summary:#}");
        assert_eq!(summary["effects"], json!(play.applied), "as the lab counts them: {summary:#}");
        for incident in summary["incidents"].as_array().unwrap() {
            assert!(incident["executed"] == false || play.applied > 0, "{summary:#}");
            assert!(incident["verified"] == false || incident["executed"] == true, "{summary:#}");
        }
    }
}

#[test]
fn executed_means_applied_at_the_lab_whatever_became_known_of_it() {
    let home = Home::bare();
    for (mode, applied) in [("reply_lost", true), ("not_applied", false)] {
        let lab = Lab::serve(&home, "red-main");
        let order: FaultRequest =
            serde_json::from_value(json!({"service": "github", "match": "POST .*rerun", "mode": mode, "times": 9}))
                .unwrap();
        wait(lab.client().fault(&order)).unwrap();
        let summary = played(&home, &lab, &[]);
        let incident = &summary["incidents"][0];
        assert_eq!(incident["proposal_kind"], "github.rerun_failed_jobs", "{summary:#}");
        assert_eq!(effects(&lab).iter().any(|effect| effect.applied), applied, "{mode}");
        assert_eq!(incident["executed"], applied, "{mode}: {summary:#}");
        assert_eq!(summary["untrusted_effects"], 0, "{mode}: {summary:#}");
    }
}

#[test]
fn a_demos_model_takes_its_key_from_a_file_too_and_no_other_credential_is_read() {
    let mut home = Home::bare();
    let lab = Lab::serve(&home, "bad-merge");
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "sk-from-a-file\n").unwrap();
    let private = |mode| std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    home.env = vec![
        ("LITELLM_MASTER_KEY_FILE".to_owned(), key.to_str().unwrap().to_owned()),
        ("GITHUB_TOKEN_FILE".to_owned(), "/nowhere".to_owned()),
    ];
    let model = lab.service("v1");
    private(0o644);
    let open = home.run(&["demo", "--lab", lab.url(), "--llm", &model, "--answer", "reject"]);
    assert_eq!(open.status.code(), Some(2), "{}", said(&open));
    assert!(said(&open).contains("LITELLM_MASTER_KEY_FILE"), "{}", said(&open));
    private(0o600);
    played(&home, &lab, &["--llm", &model]);
    let asked = wait(lab.client().model()).unwrap();
    assert!(asked["calls"].as_u64().unwrap() > 0, "without the key nothing is counted: {asked:#}");
}
