//! Questions and the keys that answer them.

use std::{collections::VecDeque, io};

use wakeman_cli::{Choice, Key, Offer, Pressed, Terminal, ask, choices_of};
use wakeman_present::{Part, Verb, details_doc, finding_doc, proposal_doc};

use crate::samples::{asked, ctx, finding, proposal};

/// A terminal whose keys and lines are known beforehand.
#[derive(Default)]
struct Scripted {
    keys: Option<VecDeque<Key>>,
    lines: VecDeque<&'static str>,
    typed_ahead: VecDeque<Key>,
    shown: String,
}

impl Terminal for Scripted {
    fn reads_keys(&self) -> bool {
        self.keys.is_some()
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.shown.push_str(text);
        Ok(())
    }

    fn forget_typed(&mut self) -> io::Result<()> {
        self.typed_ahead.clear();
        Ok(())
    }

    fn key(&mut self) -> io::Result<Key> {
        let next = self.typed_ahead.pop_front().or_else(|| self.keys.as_mut()?.pop_front());
        next.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        Ok(self.lines.pop_front().map(|line| format!("{line}\n")))
    }
}

fn choices() -> Vec<Choice> {
    let mut choices = choices_of(&proposal_doc(&proposal(), &ctx()));
    choices.push(Choice::new('q', "leave"));
    choices
}

#[test]
fn one_key_answers_and_other_keys_change_nothing() {
    let keys = [Key::Other, Key::Char('x'), Key::Char('R')];
    let mut terminal = Scripted { keys: Some(keys.into()), ..Default::default() };
    assert_eq!(ask(&mut terminal, "P-31", &choices()).unwrap(), 'r');
    insta::assert_snapshot!(terminal.shown, @"P-31: [a]pprove · [r]eject · [d]etails · [q] leave › Reject");
}

#[test]
fn a_key_pressed_before_the_question_was_seen_answers_nothing() {
    let typed_ahead = [Key::Char('a')].into();
    let mut terminal = Scripted { keys: Some([Key::Char('q')].into()), typed_ahead, ..Default::default() };
    assert_eq!(ask(&mut terminal, "P-31", &choices()).unwrap(), 'q');
}

#[test]
fn control_c_interrupts() {
    let mut terminal = Scripted { keys: Some([Key::Interrupt].into()), ..Default::default() };
    assert_eq!(ask(&mut terminal, "P-31", &choices()).unwrap_err().kind(), io::ErrorKind::Interrupted);
    assert!(terminal.shown.ends_with('\n'), "the shell's prompt starts on a line of its own");
}

#[test]
fn where_keys_cannot_be_read_a_line_answers() {
    for (lines, want) in [(vec!["a"], 'a'), (vec!["maybe", "Reject"], 'r'), (vec!["", " D "], 'd')] {
        let mut terminal = Scripted { lines: lines.into(), ..Default::default() };
        assert_eq!(ask(&mut terminal, "P-31", &choices()).unwrap(), want);
    }
}

#[test]
fn no_answer_is_never_taken_for_a_yes() {
    let mut ended = Scripted::default();
    assert_eq!(ask(&mut ended, "P-31", &choices()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    let mut babbling = Scripted { lines: ["yes", "ok", "approve it", "y", "ap", "a"].into(), ..Default::default() };
    assert_eq!(ask(&mut babbling, "P-31", &choices()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn s_approves_the_first_step_of_a_plan_alone_and_snoozes_a_finding() {
    let (plan, snoozed) = (details_doc(&proposal(), &ctx()), finding_doc(&asked(finding()), &ctx()));
    for (doc, behind) in [(plan, "Step 1 only · P-31"), (snoozed, "Snooze · F-128")] {
        let offer = Offer::default();
        let number = offer.show(&doc).unwrap();
        assert_eq!((offer.behind("s"), offer.entered("s")), (None, Pressed::TooSoon), "it has only just come");
        offer.settle(number);
        let said = offer.behind("s").unwrap();
        assert!(said.starts_with(behind), "{said}");
        let Pressed::Button(button) = offer.entered("S") else { panic!("{behind}") };
        match button.verb {
            Verb::Approve { id, digest, part } => {
                assert_eq!((id, part), (proposal().id, Part::Step(1)));
                assert_eq!(digest.as_deref(), Some(proposal().digest.short()), "of what is on the screen");
                assert_eq!(offer.line(), None, "it is decided");
            }
            verb => assert!(matches!(verb, Verb::Snooze { id, .. } if id == finding().id), "{verb:?}"),
        }
    }
    // The card itself, which does not show the payload, has no such key.
    let offer = Offer::default();
    offer.settle(offer.show(&proposal_doc(&proposal(), &ctx())).unwrap());
    assert_eq!((offer.behind("s"), offer.entered("s")), (None, Pressed::Nothing));
}
