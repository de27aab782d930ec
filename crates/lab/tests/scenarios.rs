//! Scenario files: the shipped ones, defaults, and what each mistake is told.

use wakeman_lab::scenario::{ChangeKind, Noise, Scenario, shipped};

use crate::support::{HEAD, scenario};

#[test]
fn every_shipped_scenario_parses_and_is_named_as_its_file() {
    assert_eq!(shipped().first().unwrap().0, "bad-merge", "the default comes first");
    for (name, text) in shipped() {
        let scenario = Scenario::shipped(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((&scenario.name.as_str(), &Scenario::parse(text).unwrap()), (name, &scenario));
    }
    let error = Scenario::shipped("bad-merg").unwrap_err().to_string();
    assert!(error.contains("\"bad-merg\"") && error.contains("bad-merge, quiet"), "{error}");
}

#[test]
fn times_defaults_and_order_of_keys_are_resolved() {
    let scenario = scenario(
        r#"
[[metric]]
name = "visits"
kind = "count"
level = 5
noise = "negbin"
segments = { zone = ["b", "a", "c"], browser = ["x", "y"], shares = [0.5, 0.3, 0.2] }
[[change]]
id = "late"
at = "2026-01-05T10:30:00+01:00"
kind = "merge"
title = "late"
author = "lin"
[[change]]
id = "early"
at = -1.5
kind = "flag"
title = "early"
author = "lin"
flag = "f"
"#,
    );
    let visits = scenario.metric("visits").unwrap();
    assert_eq!(visits.noise, Noise::NegBin { size: 20.0 });
    assert_eq!(visits.segments[0].key, "zone", "shares belong to the first key as written");
    assert_eq!(visits.segments[0].shares, [0.5, 0.3, 0.2]);
    assert_eq!(visits.segments[1].shares, [0.5, 0.5]);
    assert_eq!(scenario.metric("latency").unwrap().noise, Noise::Normal { deviation: 0.05 });
    let changes: Vec<_> =
        scenario.changes.iter().map(|change| (change.id.as_str(), change.at_ms - scenario.start_ms)).collect();
    assert_eq!(changes, [("early", -5_400_000), ("late", 5_400_000)], "in order of time");
    assert_eq!(scenario.changes[0].kind, ChangeKind::Flag);
}

#[test]
fn every_mistake_names_its_key_its_line_and_the_remedy() {
    let change = "[[change]]\nid = \"c\"\nat = 1\nkind = \"merge\"\ntitle = \"t\"\nauthor = \"a\"\n";
    let incident = |keys: &str| format!("{change}[[incident]]\nid = \"i\"\nat = 1\ncause = \"c\"\n{keys}");
    let metric = |keys: &str| format!("[[metric]]\nname = \"m\"\n{keys}");
    for (more, path, parts) in [
        ("[[metrics]]\n".to_owned(), "`metrics`", vec!["did you mean `metric`?"]),
        (
            metric("kind = \"counts\"\nlevel = 1\n"),
            "`metric[3].kind`",
            vec!["\"counts\" is not known", "count, ratio, duration"],
        ),
        (metric("kind = \"count\"\n"), "`metric[3].level`", vec!["is missing", "level = 40"]),
        (metric("kind = \"count\"\nlevel = \"many\"\n"), "`metric[3].level`", vec!["\"many\" is not a number"]),
        (metric("kind = \"count\"\nlevel = -1\n"), "`metric[3].level`", vec!["-1 is out of range", "between 0 and"]),
        (
            metric("kind = \"ratio\"\nlevel = 1.2\n"),
            "`metric[3].level`",
            vec!["1.2 is out of range", "between 0 and 1"],
        ),
        (metric("kind = \"count\"\nlevel = 1\nlevl = 2\n"), "`metric[3].levl`", vec!["did you mean `level`?"]),
        (metric("kind = \"ratio\"\nlevel = 0.5\nof = \"gone\"\n"), "`metric[3].of`", vec!["\"gone\" is not a metric"]),
        (
            metric("kind = \"ratio\"\nlevel = 0.5\nof = \"latency\"\n"),
            "`metric[3].of`",
            vec!["is a duration", "kind count"],
        ),
        (
            metric("kind = \"count\"\nlevel = 1\nnoise = \"white\"\n"),
            "`metric[3].noise`",
            vec!["poisson, negbin, normal"],
        ),
        (
            metric("kind = \"count\"\nlevel = 1\ndispersion = 0\nnoise = \"negbin\"\n"),
            "`metric[3].dispersion`",
            vec!["above 0"],
        ),
        (
            metric("kind = \"count\"\nlevel = 1\ndaily_amplitude = 2\n"),
            "`metric[3].daily_amplitude`",
            vec!["between 0 and 1"],
        ),
        (
            metric("kind = \"count\"\nlevel = 1\nsegments = {a = [\"x\", \"y\"], shares = [1.0]}\n"),
            "`metric[3].segments.shares`",
            vec!["1 shares for 2 values"],
        ),
        (
            metric("kind = \"count\"\nlevel = 1\nsegments = {a = [\"x\", \"y\"], shares = [0.5, 0.9]}\n"),
            "`metric[3].segments.shares`",
            vec!["sums to 1.400"],
        ),
        (
            metric("kind = \"count\"\nlevel = 1\nsegments = {a = \"x\"}\n"),
            "`metric[3].segments.a`",
            vec!["not a list of texts"],
        ),
        (
            metric("kind = \"count\"\ncsv = \"gone.csv\"\n"),
            "`metric[3].csv`",
            vec!["gone.csv", "relative to the scenario file"],
        ),
        (
            "[[metric]]\nname = \"paid\"\nkind = \"count\"\nlevel = 1\n".to_owned(),
            "`metric[3].name`",
            vec!["name of another metric"],
        ),
        (
            change.replace("at = 1", "at = \"noon\""),
            "`change[0].at`",
            vec!["\"noon\" is not a time", "hours from the start"],
        ),
        (change.replace("kind = \"merge\"", "kind = \"flag\""), "`change[0].flag`", vec!["is missing"]),
        (change.replace("id = \"c\"", "id = \"none\""), "`change[0].id`", vec!["other than \"none\""]),
        (format!("{change}{change}"), "`change[1].id`", vec!["\"c\" is taken"]),
        (format!("{change}rollout = 20\n"), "`change[0].rollout`", vec!["between 0 and 1"]),
        (format!("{change}files = \"a.ts\"\n"), "`change[0].files`", vec!["[\"a\", \"b\"]"]),
        (format!("{change}files = [\"a.ts\", 3]\n"), "`change[0].files[1]`", vec!["3 is not a text"]),
        (incident("effect = \"drop\"\n"), "`incident[0].metric`", vec!["is missing"]),
        (incident("effect = \"drop\"\nmetric = \"gone\"\n"), "`incident[0].metric`", vec!["signed_up, paid, latency"]),
        (
            incident("effect = \"dip\"\nmetric = \"paid\"\n"),
            "`incident[0].effect`",
            vec!["drop, spike, shift, flatline, new_error, ci_red, deploy_stuck"],
        ),
        (
            incident("effect = \"drop\"\nmetric = \"paid\"\nmagnitude = 1.5\n"),
            "`incident[0].magnitude`",
            vec!["between 0 and 1"],
        ),
        (
            incident("effect = \"drop\"\nmetric = \"signed_up\"\nsegment = \"safari\"\n"),
            "`incident[0].segment`",
            vec!["browser=safari"],
        ),
        (
            incident("effect = \"drop\"\nmetric = \"signed_up\"\nsegment = \"browser=opera\"\n"),
            "`incident[0].segment`",
            vec!["not a segment of metric \"signed_up\""],
        ),
        (
            incident("effect = \"drop\"\nmetric = \"paid\"\nfix = \"revert\"\n"),
            "`incident[0].fix`",
            vec!["github.revert_pr"],
        ),
        (
            incident("effect = \"drop\"\nmetric = \"paid\"\n").replace("cause = \"c\"", "cause = \"d\""),
            "`incident[0].cause`",
            vec!["\"d\" is not a change", "or write \"none\""],
        ),
        (
            "[[outage]]\nat = 1\nminutes = 5\nservice = \"gitlab\"\nmode = \"429\"\n".to_owned(),
            "`outage[0].service`",
            vec!["posthog, github, vercel, model, telegram, discord"],
        ),
        (
            "[[outage]]\nat = 1\nminutes = 5\nservice = \"github\"\nmode = \"slow\"\n".to_owned(),
            "`outage[0].mode`",
            vec!["429, 5xx, timeout, stale"],
        ),
        (
            "[[outage]]\nat = 1\nminutes = 0\nservice = \"github\"\nmode = \"429\"\n".to_owned(),
            "`outage[0].minutes`",
            vec!["out of range"],
        ),
        ("[[untrusted]]\nat = 1\ntext = \"x\"\n".to_owned(), "`untrusted[0].channel`", vec!["is missing"]),
    ] {
        let text = format!("{HEAD}{more}");
        let error = Scenario::parse(&text).expect_err(&more).to_string();
        assert!(error.contains(path), "{path}: {error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
        assert!(error.starts_with("line "), "{error}");
    }
}

#[test]
fn the_head_is_checked_too() {
    for (from, to, path) in [
        ("start = \"2026-01-05T08:00:00Z\"", "start = \"monday\"", "`scenario.start`"),
        ("hours = 12", "hours = 0", "`scenario.hours`"),
        ("step_minutes = 5", "step_minutes = 2.5", "`scenario.step_minutes`"),
        ("seed = 11", "seed = -1", "`scenario.seed`"),
        ("name = \"test\"", "nam = \"test\"", "`scenario.nam`"),
        ("step_minutes = 5", "step_minutes = 1\nwarmup = 3", "`scenario.warmup`"),
    ] {
        let error = Scenario::parse(&HEAD.replacen(from, to, 1)).expect_err(to).to_string();
        assert!(error.contains(path), "{error}");
    }
    let error = Scenario::parse("[scenario\n").unwrap_err().to_string();
    assert!(error.starts_with("line 1: not valid TOML"), "{error}");
    let error = Scenario::parse("").unwrap_err().to_string();
    assert!(error.contains("`scenario` is missing"), "{error}");
}

#[test]
fn a_recorded_series_beside_the_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String =
        (0..100).map(|row| format!("2020-05-01 {:02}:{:02}:00,{}\n", row / 12, row % 12 * 5, row + 1)).collect();
    std::fs::write(folder.path().join("seen.csv"), format!("timestamp,value\n{rows}")).unwrap();
    let path = folder.path().join("scenario.toml");
    std::fs::write(&path, format!("{HEAD}[[metric]]\nname = \"m\"\nkind = \"count\"\ncsv = \"seen.csv\"\n")).unwrap();
    let scenario = Scenario::load(&path).unwrap();
    assert_eq!(scenario.metric("m").unwrap().replay.as_ref().unwrap()[..3], [1.0, 2.0, 3.0]);
    let error = Scenario::load(&folder.path().join("gone.toml")).unwrap_err().to_string();
    assert!(error.contains("gone.toml"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin.toml");
    std::fs::write(&path, b"name = \"caf\xe9\"").unwrap();
    for (path, words) in [(path.as_path(), "save it as UTF-8"), (folder.path(), "it is a directory")] {
        let error = Scenario::load(path).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_hostile_text_stands_somewhere_that_there_is() {
    let text = |channel: &str| format!("{HEAD}[[untrusted]]\nat = 1\nchannel = \"{channel}\"\ntext = \"x\"\n");
    assert!(Scenario::parse(&text("tool_output")).is_ok());
    let error = Scenario::parse(&text("fax")).unwrap_err().to_string();
    assert!(error.contains("`untrusted[0].channel` \"fax\" is not known; write one of commit_message"), "{error}");
}
