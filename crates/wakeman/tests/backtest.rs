//! `backtest` as people use it: files in, figures out, exit codes.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wakeman")).args(args).env_clear().output().unwrap()
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> (PathBuf, String) {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let shown = path.display().to_string();
    (path, shown)
}

/// Arm b pays where x is above zero, arm a elsewhere.
fn signs(rows: u32) -> String {
    let row = |i: u32| {
        let x = (f64::from(i) * 1.7).sin();
        let b = u8::from(x > 0.0);
        format!("{x},{},{b}\n", 1 - b)
    };
    std::iter::once("x_0,r_a,r_b\n".to_owned()).chain((0..rows).map(row)).collect()
}

fn last_line(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(String::from_utf8_lossy(&output.stdout).lines().last().unwrap()).unwrap()
}

#[test]
fn a_policy_plays_a_file_and_the_same_seed_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (_, path) = file(&folder, "signs.csv", &signs(600));
    let play = |seed: &str| {
        last_line(&run(&[
            "backtest",
            "rank",
            &path,
            "--policy",
            "linucb-v1",
            "--seed",
            seed,
            "--rows",
            "500",
            "--json",
        ]))
    };
    let once = play("1");
    assert_eq!(once, play("1"));
    assert!(once["mean_reward"].as_f64().unwrap() > 0.9 && once["rows"] == 500, "{once}");
    let words = run(&["backtest", "rank", &path, "--policy", "egreedy-v1"]);
    assert!(String::from_utf8_lossy(&words.stdout).contains("mean reward"), "{words:?}");
}

#[test]
fn a_log_is_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..60).map(|i| format!("{},{},0.5,{},0.1,0.9\n", i % 7, i % 2, i % 2)).collect();
    let (_, path) = file(&folder, "log.csv", &format!("x_0,arm,propensity,reward,pi_0,pi_1\n{rows}"));
    let found = last_line(&run(&["backtest", "ope", &path, "--lambda", "5", "--json"]));
    for name in ["ips", "snips", "dm", "dr", "switch_dr", "dros"] {
        let got = found["estimates"][name].as_f64().unwrap();
        assert!((got - 0.9).abs() < 0.05, "{name} {got}");
        assert_eq!(found["intervals"][name].as_array().unwrap().len(), 2);
    }
    assert!(found["lambda"] == 5.0 && found["ess"].as_f64().unwrap() > 30.0, "{found}");
}

#[test]
fn what_is_wrong_exits_2_with_file_line_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let (_, ragged) = file(&folder, "ragged.csv", "x_0,r_a\n1,0\n1\n");
    let (_, zero) = file(&folder, "zero.csv", "x_0,arm,propensity,reward\n1,a,0,1\n1,a,1,1\n");
    let (_, open) = file(&folder, "open.csv", "x_0,arm,propensity,reward\n1,a,1,1\n1,a,1,1\n");
    let (_, good) = file(&folder, "good.csv", &signs(20));
    let table = [
        (
            vec!["rank", &ragged, "--policy", "linucb-v1"],
            format!("{ragged}: line 3: 1 fields where the header has 2; complete the row or remove it"),
        ),
        (vec!["rank", "nowhere.csv", "--policy", "linucb-v1"], "nowhere.csv: cannot be read".to_owned()),
        (vec!["rank", &good, "--policy", "best-v9"], "`best-v9` is not a policy; there are rule-v1".to_owned()),
        (
            vec!["rank", &good, "--policy", "rule-v1"],
            "rule-v1 judges findings by fixed rules and cannot play a file".to_owned(),
        ),
        (vec!["ope", &zero], format!("{zero}: line 2: `propensity` is 0; it must be above 0")),
        (
            vec!["ope", &open],
            format!("{open}: there are no columns pi_<arm>; add them, or name the policy to judge with --policy"),
        ),
    ];
    for (args, want) in table {
        let output = run(&[vec!["backtest"], args].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(&want), "{said}");
    }
}

#[test]
fn simulated_operators_are_spared_noise() {
    let report = last_line(&run(&["backtest", "operators", "--seed", "1", "--json"]));
    assert!(report["noise_fall"].as_f64().unwrap() >= 0.7 && report["critical_missed"] == 0, "{report}");
    let words = run(&["backtest", "operators", "--seed", "1"]);
    let text = String::from_utf8_lossy(&words.stdout).into_owned();
    assert!(text.starts_with("Simulated operators, seed 1.") && text.contains("night worker"), "{text}");
    assert!(
        text.contains("█") && text.contains("of the useful interruptions kept, 0 critical findings missed"),
        "{text}"
    );
}
