//! Nothing from outside gets through as anything but text.

use proptest::prelude::*;
use wakeman_present::{Block, Doc, exact, plain, sanitize, sanitize_lines};
use wakeman_types::*;

use crate::{samples::*, text};

#[test]
fn what_is_hidden_is_made_visible() {
    let table = [
        ("fix: typo\r\n\r\nApproved-by: ada", "fix: typo ⏎ ⏎ Approved-by: ada"),
        ("Error: \u{1b}[1A\u{1b}[2K[audit] approved", "Error: ␛[1A␛[2K[audit] approved"),
        ("\u{1b}]8;;http://evil.example\u{7}click\u{1b}]8;;\u{7}", "␛]8;;http[:]//evil.example␇click␛]8;;␇"),
        ("safe\u{2028}\u{2029} change\u{0}hidden", "safe⟨U+2028⟩⟨U+2029⟩ change␀hidden"),
        ("abc\u{202e}cba\u{2066}x\u{2069}", "abc⟨U+202E⟩cba⟨U+2066⟩x⟨U+2069⟩"),
        ("pay\u{200b}pal \u{feff}x", "pay⟨U+200B⟩pal ⟨U+FEFF⟩x"),
        ("hi\u{e0041}\u{e0042}\u{e0043}\u{e0044}\u{e0045}", "hi⟨5 hidden characters⟩"),
        ("csi \u{9b}31m del \u{7f}", "csi ⟨U+009B⟩31m del ␡"),
        ("![ok](https://collect.example/b.png?s=1)", "![ok](https[:]//collect.example/b.png?s=1)"),
        ("x → 🟢 recovered", "x → ⟨U+1F7E2⟩ recovered"),
        ("we \u{2764}\u{fe0f} 日本語 naïve", "we \u{2764} 日本語 naïve"),
        ("a\tb\u{a0}\u{3000}  c", "a b c"),
        ("z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}", "z\u{301}\u{301}\u{301}"),
        ("private \u{e000} none \u{ffff}", "private ⟨U+E000⟩ none ⟨U+FFFF⟩"),
        // Persian, Hindi, Sinhala and families are written with joiners; everything else only hides behind them.
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ("क्\u{200d}ष", "क्\u{200d}ष"),
        ("ක්\u{200d}ෂ", "ක්\u{200d}ෂ"),
        ("👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥 👩🏽\u{200d}💻", "👩\u{200d}👧 ❤\u{200d}🔥 👩🏽\u{200d}💻"),
        ("pay\u{200d}pal pay\u{200c}pal", "pay⟨U+200D⟩pal pay⟨U+200C⟩pal"),
        ("م\u{200d} \u{200d}م م\u{200c}\u{200c}م", "م⟨U+200D⟩ ⟨U+200D⟩م م⟨U+200C⟩⟨U+200C⟩م"),
        ("مa\u{200c}م م\u{200c}क", "مa⟨U+200C⟩م م⟨U+200C⟩क"),
        ("👩\u{200d}🟢 👩\u{200c}👧", "👩⟨U+200D⟩⟨U+1F7E2⟩ 👩⟨U+200C⟩👧"),
        ("م\u{202e}\u{200c}م", "م⟨U+202E⟩⟨U+200C⟩م"),
        ("", ""),
    ];
    for (raw, want) in table {
        assert_eq!(sanitize(raw, 200), want, "{raw:?}");
    }
}

#[test]
fn long_text_is_cut_and_says_so() {
    assert_eq!(sanitize("0123456789", 10), "0123456789");
    assert_eq!(sanitize("01234567 9x", 10), "01234567…");
    assert_eq!(sanitize("012345م\u{200c}م890", 9), "012345م…");
    assert_eq!(sanitize_lines("a\nb\r\nc\n", 2, 10), ["a", "b", "… 1 more lines"]);
}

/// A text made of everything that has ever fooled a terminal, and of ordinary letters.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        any::<char>().prop_map(String::from),
        "[\\x00-\\x1f\\x7f-\\x9f\\u{200b}-\\u{200f}\\u{2028}-\\u{202e}\\u{2060}-\\u{206f}\\u{fe00}-\\u{fe0f}]{1,4}",
        "[\\u{e0000}-\\u{e007f}]{1,9}",
        "[\\u{626}-\\u{64a}\\u{915}-\\u{94d}\\u{200c}\\u{200d}👩❤👧🟢]{1,9}",
        prop_oneof![Just("://"), Just(":/"), Just("/"), Just("\r\n"), Just("\u{1b}[2J"), Just("🟢"), Just("e\u{301}")]
            .prop_map(String::from),
        "[a-z \"'`*_\\[\\]<>]{0,6}",
    ];
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

/// The text without the joiners that people write.
fn without_joiners(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let writes = |c: Option<&char>| c.is_some_and(|c| !c.is_ascii() && !c.is_whitespace());
    let lone = |at: usize| !(at > 0 && writes(chars.get(at - 1)) && writes(chars.get(at + 1)));
    let kept = chars.iter().enumerate().filter(|(at, c)| !matches!(c, '\u{200c}' | '\u{200d}') || lone(*at));
    kept.map(|(_, c)| *c).collect()
}

fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
        || "🔴🟠🟢⚪⏳".contains(c)
}

proptest! {
    #[test]
    fn sanitize_leaves_nothing_to_act_on(text in nasty(), max in 1usize..200) {
        let safe = sanitize(&text, max);
        prop_assert!(!without_joiners(&safe).contains(is_forbidden), "{safe:?}");
        prop_assert!(!safe.contains("://"));
        prop_assert!(safe.chars().count() <= max);
        prop_assert_eq!(sanitize(&safe, max), safe);
    }

    #[test]
    fn no_field_from_outside_breaks_a_message(evil in nasty()) {
        for view in poisoned(&evil) {
            let text = text(view);
            prop_assert!(!text.contains(|c: char| c != '\n' && c.is_control()), "{text:?}");
            let reorders = text.contains(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
            prop_assert!(!reorders, "{text:?}");
            prop_assert!(!text.contains("://"), "{text}");
        }
    }
}

/// Views in which every field that can come from outside is `evil`.
fn poisoned(evil: &str) -> Vec<View> {
    let evil = evil.to_owned();
    let all = || vec![evil.clone(); 5];
    let mut finding = finding();
    finding.scope = Some(evil.clone());
    finding.state = FindingState::Acknowledged { by: evil.clone(), at: ago(1) };
    finding.subject =
        Subject::Metric { metric: MetricId::new("m"), name: evil.clone(), kind: MetricKind::Count, event: None };
    let change = &mut finding.causes[0];
    (change.change.title, change.change.author) = (evil.clone(), Some(evil.clone()));
    change.reasons.push(Reason::FilesInErrors { files: all(), errors: 2 });
    change.reasons.push(Reason::NamesSubject { words: all() });
    change.reasons.push(Reason::Carries { changes: all() });
    finding.causes[1].change.reference = ChangeRef::Flag { id: 1, key: evil.clone(), active: None, rollout: None };
    let mut proposal = proposal_in(ProposalState::Rejected);
    proposal.card.title.clone_from(&evil);
    proposal.card.steps[0].text.clone_from(&evil);
    proposal.card.steps[0].note.clone_from(&evil);
    proposal.decisions[0].reason = Some(evil.clone());
    let mut failed = proposal_in(ProposalState::Failed);
    failed.note = Some(evil.clone());
    failed.steps[1].outcome = Some(Outcome::Failed { reason: evil.clone() });
    let error = Subject::Error {
        issue: evil.clone(),
        name: evil.clone(),
        description: evil.clone(),
        source: Some(evil.clone()),
        function: Some(evil.clone()),
    };
    finding.also = vec![Related {
        fingerprint: evil.clone(),
        subject: error.clone(),
        severity: Severity::Info,
        since: ago(1),
        measure: None,
        occurrences: 1,
    }];
    let run = Subject::Run { workflow: evil.clone(), run: 1, sha: evil.clone(), url: Some(evil.clone()) };
    let deployment = Subject::Deployment { id: 1, sha: evil.clone(), environment: evil.clone(), status: evil.clone() };
    let digest =
        DigestView { lines: vec![DigestLine { finding: finding.clone(), reason: evil.clone() }], since: ago(9) };
    let settled =
        |proposal: Proposal| SettledView { proposal, finding: Some(finding.clone()), verification: None, held: None };
    let mut views = vec![
        View::Settled(Box::new(settled(proposal.clone()))),
        View::Settled(Box::new(settled(failed))),
        View::Proposal(Box::new(ProposalView { proposal })),
        View::Source(SourceNotice { source: evil.clone(), reason: evil.clone(), ..silent() }),
        View::Digest(digest),
        View::Notice(NoticeView { text: evil.clone() }),
    ];
    let findings = [error, run, deployment].map(about);
    views.extend(findings.into_iter().chain([finding]).map(|finding| View::Finding(Box::new(asked(finding)))));
    views
}

#[test]
fn a_title_cannot_close_its_quotation() {
    let mut finding = finding();
    finding.causes[0].change.title = "x\", merged 14:04 by ada. Likely cause: \"y".into();
    let text = text(View::Finding(Box::new(asked(finding))));
    assert!(text.contains("#482 \"x', merged 14:04 by ada. Likely cause: 'y\", merged 14:04 by lin"), "{text}");
}

#[test]
fn a_message_has_no_line_breaks_inside_its_lines() {
    let view = View::Finding(Box::new(asked(Finding { scope: Some("a\nb".into()), ..finding() })));
    let Doc { blocks, .. } = wakeman_present::doc(&view, &ctx());
    for block in blocks {
        if let Block::Text(line) | Block::Bullet(line) | Block::Headline(line) = block {
            assert!(!line.text().contains('\n'));
        }
    }
    assert!(plain(&wakeman_present::doc(&view, &ctx())).contains("only a ⏎ b"));
}

proptest! {
    #[test]
    fn what_is_written_out_exactly_means_the_same_and_hides_nothing(text in "\\PC{0,60}", odd in proptest::collection::vec(odd(), 0..6)) {
        let value = serde_json::json!({"text": format!("{text}{}", odd.concat())});
        let written = exact(&value.to_string());
        prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&written).unwrap(), &value);
        let unseen = ["://", "\u{202e}", "\u{e0041}"];
        prop_assert!(!unseen.iter().any(|odd| written.contains(odd)), "{written}");
    }
}

fn odd() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("://"),
        Just("a    b"),
        Just("\n\t"),
        Just("\u{202e}"),
        Just("\u{e0041}\u{e0042}\u{e0043}\u{e0044}"),
        Just("🟢"),
        Just("e\u{301}\u{301}\u{301}\u{301}\u{301}"),
        Just("❤\u{fe0f}"),
        Just("\\u202e"),
        Just("[:]//"),
    ]
}
