//! The operator's words.

use proptest::prelude::*;
use wakeman_present::{Part, RankingWord, Verb, parse_duration, parse_verb};
use wakeman_types::*;

fn f(number: u64) -> FindingId {
    FindingId::new(number)
}

fn p(number: u64) -> ProposalId {
    ProposalId::new(number)
}

fn approve(digest: &str, part: Part) -> Verb {
    Verb::Approve { id: p(1), digest: Some(digest.to_owned()), part }
}

fn rules(only: Option<&str>, jitter: Option<&str>, late: Option<&str>) -> WakeupRules {
    WakeupRules { only: only.map(Into::into), jitter: jitter.map(Into::into), late: late.map(Into::into) }
}

#[test]
fn every_word_is_read() {
    let reason = |text: &str| Some(text.to_owned());
    let table = [
        ("status", Verb::Status),
        ("  /Status@wakeman_bot ", Verb::Status),
        ("findings", Verb::Findings(None)),
        ("findings open", Verb::Findings(Some("open".into()))),
        ("findings --state Open", Verb::Findings(Some("open".into()))),
        ("finding F-1", Verb::Finding(f(1))),
        ("/why@wakeman_bot f12", Verb::Why(f(12))),
        ("proposals pending", Verb::Proposals(Some("pending".into()))),
        ("proposal P-3", Verb::Proposal(p(3))),
        ("approve P-1", Verb::Approve { id: p(1), digest: None, part: Part::All }),
        ("approve p1 4F9A1C22E07B", approve("4f9a1c22e07b", Part::All)),
        ("approve P-1 --digest 4f9a1c22e07b", approve("4f9a1c22e07b", Part::All)),
        ("approve P-1 step", Verb::Approve { id: p(1), digest: None, part: Part::Next }),
        ("approve P-1 Step 4f9a1c22e07b", approve("4f9a1c22e07b", Part::Next)),
        ("approve P-1 step 2 4f9a1c22e07b", approve("4f9a1c22e07b", Part::Step(2))),
        ("approve P-1 --step 2 --digest 123456789012", approve("123456789012", Part::Step(2))),
        ("approve P-1 step 123456789012", approve("123456789012", Part::Next)),
        ("reject P-1", Verb::Reject { id: p(1), reason: None }),
        ("reject P-1 we roll  forward", Verb::Reject { id: p(1), reason: reason("we roll  forward") }),
        ("ack F-1", Verb::Acknowledge(f(1))),
        ("snooze F-1 2h", Verb::Snooze { id: f(1), duration_ms: 2 * HOUR_MS }),
        ("resolve F-1", Verb::Resolve(f(1))),
        ("mute F-1", Verb::Mute { id: f(1), duration_ms: None }),
        ("mute F-1 --for 2h", Verb::Mute { id: f(1), duration_ms: Some(2 * HOUR_MS) }),
        ("mute F-1 2h", Verb::Mute { id: f(1), duration_ms: Some(2 * HOUR_MS) }),
        ("/unmute F-1", Verb::Unmute(f(1))),
        ("/tip", Verb::Tip),
        ("feedback T-7 useful", Verb::TipFeedback { id: TipId::new(7), useful: true }),
        ("feedback t7 Noise", Verb::TipFeedback { id: TipId::new(7), useful: false }),
        ("why T-7", Verb::WhyTip(TipId::new(7))),
        ("ranking", Verb::Ranking(RankingWord::Status)),
        ("/ranking status", Verb::Ranking(RankingWord::Status)),
        ("ranking promote lints-v1", Verb::Ranking(RankingWord::Promote("lints-v1".into()))),
        ("ranking Rollback", Verb::Ranking(RankingWord::Rollback)),
        ("ranking reset", Verb::Ranking(RankingWord::Reset(None))),
        ("ranking reset --operator lin", Verb::Ranking(RankingWord::Reset(Some(OperatorId::new("lin"))))),
        ("ranking reset lin", Verb::Ranking(RankingWord::Reset(Some(OperatorId::new("lin"))))),
        ("forget lin", Verb::Forget(OperatorId::new("lin"))),
        ("mode", Verb::Mode(None)),
        ("mode Execute", Verb::Mode(Some(ExecutionMode::Execute))),
        ("halt", Verb::Halt(None)),
        ("/halt@wakeman_bot the wrong flag", Verb::Halt(reason("the wrong flag"))),
        ("resume", Verb::Resume),
        ("threads", Verb::Threads),
        ("wakeups", Verb::Wakeups(None)),
        ("/wakeups pause morning-1a2b3c", Verb::Wakeups(Some(WakeupOrder::Pause { id: "morning-1a2b3c".into() }))),
        (
            "wakeups add weekdays 09:00 Europe/Berlin: morning-brief",
            Verb::Wakeups(Some(WakeupOrder::Add {
                when: "weekdays 09:00 Europe/Berlin".into(),
                what: "morning-brief".into(),
                rules: WakeupRules::default(),
            })),
        ),
        ("threads thread_7f00", Verb::Thread(ThreadId::new("thread_7f00"))),
        ("whoami", Verb::Whoami),
        ("help", Verb::Help),
    ];
    for (text, want) in table {
        assert_eq!(parse_verb(text), Ok(want), "{text}");
    }
}

#[test]
fn a_wakeup_takes_its_rules_after_its_time() {
    let table = [
        (
            "wakeups add mon,thu 17:30 only changed jitter 5m: How are sign-ups?",
            Verb::Wakeups(Some(WakeupOrder::Add {
                when: "mon,thu 17:30".into(),
                what: "How are sign-ups?".into(),
                rules: rules(Some("changed"), Some("5m"), None),
            })),
        ),
        (
            "/wakeups edit morning-1a2b3c daily 10:00 late within:30m",
            Verb::Wakeups(Some(WakeupOrder::Edit {
                id: "morning-1a2b3c".into(),
                when: Some("daily 10:00".into()),
                rules: rules(None, None, Some("within:30m")),
            })),
        ),
        (
            "wakeups edit morning-1a2b3c only always",
            Verb::Wakeups(Some(WakeupOrder::Edit {
                id: "morning-1a2b3c".into(),
                when: None,
                rules: rules(Some("always"), None, None),
            })),
        ),
        ("wakeups history", Verb::WakeupHistory(None)),
        ("wakeups history skipped", Verb::WakeupHistory(Some("skipped".into()))),
    ];
    for (text, want) in table {
        let verb = parse_verb(text).unwrap();
        assert_eq!(verb, want, "{text}");
        assert_eq!(parse_verb(&verb.to_string()), Ok(verb), "{text}");
    }
}

#[test]
fn every_mistake_says_what_to_write() {
    let table = [
        ("", "nothing to do; \"help\" lists the commands"),
        ("/", "nothing to do; \"help\" lists the commands"),
        ("aprove P-1", "\"aprove\" is not a command; did you mean \"approve\"?"),
        ("bananas", "\"bananas\" is not a command; \"help\" lists them"),
        ("why", "why needs more; write it like \"why F-12\""),
        ("why P-3", "\"P-3\" is not a finding id; write it like F-12"),
        ("approve F-3", "\"F-3\" is not a proposal id; write it like P-12"),
        ("snooze F-1", "snooze needs more; write it like \"snooze F-12 2h\""),
        ("snooze F-1 soon", "\"soon\" is not a duration between 1m and 30d; write it like 30m, 2h or 1d"),
        ("mode fast", "\"fast\" is not a mode; write observe, propose or execute"),
        ("mute F-1 soon", "\"soon\" is not a duration between 1m and 30d; write it like 30m, 2h or 1d"),
        ("status now", "\"now\" does not belong there; write it like \"status\""),
        (
            "ranking weekly",
            "\"weekly\" does not belong there; write it like \"ranking [status | promote POLICY | rollback | reset \
             OPERATOR]\"",
        ),
        ("ack F-1 F-2", "\"F-2\" does not belong there; write it like \"ack F-12\""),
        ("why \u{1b}[2JF-1", "\"␛[2JF-1\" is not a finding id; write it like F-12"),
    ];
    for (text, want) in table {
        assert_eq!(parse_verb(text).unwrap_err().to_string(), want, "{text:?}");
    }
}

#[test]
fn durations() {
    let table = [
        ("30m", Some(30 * MINUTE_MS)),
        ("2h", Some(2 * HOUR_MS)),
        ("1d", Some(DAY_MS)),
        ("1h30m", Some(90 * MINUTE_MS)),
        ("90s", Some(90_000)),
        ("30D", Some(30 * DAY_MS)),
        ("31d", None),
        ("0m", None),
        ("10s", None),
        ("2", None),
        ("h", None),
        ("2 h", None),
        ("-2h", None),
        ("2é", None),
        ("99999999999999999999h", None),
        ("9223372036854775807d", None),
        ("", None),
    ];
    for (text, want) in table {
        assert_eq!(parse_duration(text).ok(), want, "{text}");
    }
}

fn verb() -> impl Strategy<Value = Verb> {
    let state = prop::option::of("[a-z]{1,12}");
    let digest = prop::option::of("[0-9a-f]{12,64}");
    let part = prop_oneof![Just(Part::All), Just(Part::Next), (1u32..=10).prop_map(Part::Step)];
    let reason = prop::option::of("[a-z]{1,9}( [a-z]{1,9}){0,4}");
    prop_oneof![
        Just(Verb::Status),
        Just(Verb::Threads),
        Just(Verb::Whoami),
        Just(Verb::Help),
        Just(Verb::Ranking(RankingWord::Status)),
        Just(Verb::Ranking(RankingWord::Rollback)),
        "[a-z0-9-]{1,20}".prop_map(|policy| Verb::Ranking(RankingWord::Promote(policy))),
        prop::option::of("[a-z0-9]{1,20}").prop_map(|id| Verb::Ranking(RankingWord::Reset(id.map(OperatorId::new)))),
        "[a-z0-9]{1,20}".prop_map(|id| Verb::Forget(OperatorId::new(id))),
        any::<u64>().prop_map(|n| Verb::WhyTip(TipId::new(n))),
        state.clone().prop_map(Verb::Findings),
        state.prop_map(Verb::Proposals),
        any::<u64>().prop_map(|n| Verb::Finding(f(n))),
        any::<u64>().prop_map(|n| Verb::Why(f(n))),
        any::<u64>().prop_map(|n| Verb::Acknowledge(f(n))),
        any::<u64>().prop_map(|n| Verb::Resolve(f(n))),
        any::<u64>().prop_map(|n| Verb::Proposal(p(n))),
        (any::<u64>(), 60i64..86_400 * 30).prop_map(|(n, s)| Verb::Snooze { id: f(n), duration_ms: s * 1000 }),
        (any::<u64>(), digest, part).prop_map(|(n, digest, part)| Verb::Approve { id: p(n), digest, part }),
        (any::<u64>(), reason).prop_map(|(n, reason)| Verb::Reject { id: p(n), reason }),
        "[a-z0-9_]{1,40}".prop_map(|id| Verb::Thread(ThreadId::new(id))),
    ]
}

proptest! {
    #[test]
    fn what_a_verb_says_is_read_back_as_that_verb(verb in verb()) {
        prop_assert_eq!(parse_verb(&verb.to_string()), Ok(verb));
    }

    #[test]
    fn nothing_typed_panics_or_is_echoed_raw(word in "(status|why|snooze|approve|threads|/|)", rest in "(?s).{0,60}") {
        if let Err(error) = parse_verb(&format!("{word} {rest}")) {
            prop_assert!(!error.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn no_duration_panics(text in "(?s).{0,30}") {
        if let Ok(ms) = parse_duration(&text) {
            prop_assert!((MINUTE_MS..=wakeman_present::DURATION_MS_MAX).contains(&ms));
        }
    }
}
