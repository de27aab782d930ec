//! What holds for every message, every text and every width.

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;
use wakeman_cli::{ColorChoice, TermStyle, WIDTH_MAX, WIDTH_MIN, render};
use wakeman_present::*;
use wakeman_types::*;

use crate::samples::*;

/// Messages of every kind with `outside` in the fields that come from outside.
fn documents(outside: &str) -> Vec<Doc> {
    let mut finding = finding();
    finding.scope = Some(outside.to_owned());
    finding.causes[0].change.title = outside.to_owned();
    let mut proposal = proposal();
    proposal.card.steps[0].text = outside.to_owned();
    let proposal = Proposal { note: Some(outside.to_owned()), ..proposal };
    let error = Subject::Error {
        issue: String::new(),
        name: outside.to_owned(),
        description: outside.to_owned(),
        source: None,
        function: None,
    };
    vec![
        doc(&View::Finding(Box::new(asked(about(error)))), &ctx()),
        why_doc(&WhyView { finding: finding.clone(), ..why() }, &ctx()),
        details_doc(&proposal, &ctx()),
        findings_table(&[finding, about(run())], &ctx()),
        proposals_table(&ProposalState::ALL.map(proposal_in), &ctx()),
        threads_table(&[Thread { title: outside.to_owned(), ..thread().thread }], &ctx()),
        thread_doc(&thread(), &ctx()),
        status_doc(&status(), &ctx()),
        help_doc(),
        // Nobody made this one safe: the terminal must not rely on that.
        Doc::card(Tone::Warning).headline(outside).text(outside).bullet(outside).footer(outside),
    ]
}

/// Without colour codes, which are the only control sequences there may be.
fn without_color(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |all, piece| {
        let (code, rest) = piece.split_once('m').expect("a colour code ends in m");
        assert!(code.chars().all(|c| c.is_ascii_digit() || c == ';'), "{code:?} is no colour");
        all + rest
    })
}

/// The letters alone: what must survive any layout.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

proptest! {
    #[test]
    fn every_line_fits_and_color_adds_nothing_but_color(outside in "(?s).{0,80}", width in 0usize..140) {
        for doc in documents(&outside) {
            let plain = render(&doc, &TermStyle::plain(width));
            for line in plain.lines() {
                prop_assert!(line.width() <= width.clamp(WIDTH_MIN, WIDTH_MAX), "{} > {width}: {line:?}", line.width());
                prop_assert!(!line.ends_with(' '), "{line:?}");
            }
            prop_assert!(!plain.contains(|c: char| c != '\n' && c.is_control()));
            let colored = render(&doc, &TermStyle { color: true, ..TermStyle::plain(width) });
            prop_assert_eq!(without_color(&colored), plain);
        }
    }

    #[test]
    fn ascii_means_ascii(outside in "(?s).{0,60}", width in 24usize..120) {
        for doc in documents(&outside) {
            let text = render(&doc, &TermStyle::plain(width).ascii());
            prop_assert!(text.is_ascii(), "{text}");
            prop_assert!(text.lines().all(|line| line.len() <= width), "{text}");
        }
    }

    #[test]
    fn wrapping_loses_no_letter(words in prop::collection::vec("[a-z0-9·→%]{1,30}", 0..30), width in 24usize..100) {
        let text = words.join(" ");
        let doc = Doc::card(Tone::Plain).text(text.as_str()).bullet(text.as_str());
        let shown = render(&doc, &TermStyle::plain(width));
        prop_assert_eq!(letters(&shown), letters(&text).repeat(2));
    }
}

#[test]
fn colors_follow_the_flag_then_no_color_then_the_terminal() {
    use ColorChoice::{Always, Auto, Never};
    let table = [
        (Auto, false, true, true),
        (Auto, true, true, false),
        (Auto, false, false, false),
        (Always, true, false, true),
        (Never, false, true, false),
    ];
    for (choice, no_color, is_tty, want) in table {
        assert_eq!(TermStyle::detect(choice, no_color, is_tty, Some(80)).color, want, "{choice:?} {no_color} {is_tty}");
    }
    assert_eq!("always".parse(), Ok(Always));
    assert_eq!("sometimes".parse::<ColorChoice>().unwrap_err().to_string(), "write auto, always or never");
}

#[test]
fn widths_are_kept_in_bounds() {
    for (given, want) in [(Some(80), 80), (Some(500), WIDTH_MAX), (Some(3), WIDTH_MIN), (None, 100)] {
        assert_eq!(TermStyle::detect(ColorChoice::Auto, false, true, given).width, want, "{given:?}");
    }
}
