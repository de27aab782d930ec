//! What a telephone shows, and that nothing in it acts.

use insta::assert_snapshot;
use proptest::prelude::*;
use wakeman_present::telegram::{CAPTION_LEN_MAX, EntityKind, TEXT_LEN_MAX, TelegramText, caption, message, text};
use wakeman_present::{Doc, Line, Style, doc, sanitize, utf16_len};
use wakeman_types::{ModelNoteView, NoticeView, ProposalState, ProposalView, RecoveryView, View};

use crate::samples;

/// The text with its entities made visible.
fn shown(message: &TelegramText) -> String {
    let units: Vec<u16> = message.text.encode_utf16().collect();
    let mut out = String::new();
    let mut at = 0;
    for entity in &message.entities {
        let (from, to) = (entity.offset_utf16, entity.offset_utf16 + entity.length_utf16);
        let mark = match &entity.kind {
            EntityKind::Bold => "*",
            EntityKind::Italic => "_",
            EntityKind::Pre => "`",
            EntityKind::Code { .. } => "```",
        };
        out += &String::from_utf16_lossy(&units[at..from]);
        out += &format!("{mark}{}{mark}", String::from_utf16_lossy(&units[from..to]));
        at = to;
    }
    (out + &String::from_utf16_lossy(&units[at..])).replace('\u{2060}', "")
}

fn sent(view: View) -> String {
    message(&doc(&view, &samples::ctx())).iter().map(shown).collect::<Vec<_>>().join("\n=====\n")
}

/// Entities in order, none in another, inside the text and on the borders of characters.
fn check_entities(message: &TelegramText) {
    let mut borders = vec![0];
    borders.extend(message.text.chars().scan(0, |at, c| {
        *at += c.len_utf16();
        Some(*at)
    }));
    let length = utf16_len(&message.text);
    let mut last = 0;
    for entity in &message.entities {
        let end = entity.offset_utf16 + entity.length_utf16;
        assert!(entity.length_utf16 > 0 && entity.offset_utf16 >= last && end <= length, "{entity:?} in {length}");
        let on_border = |at: usize| borders.binary_search(&at).is_ok();
        assert!(on_border(entity.offset_utf16) && on_border(end), "{entity:?}");
        last = end;
    }
}

/// What Telegram would make live, by the expressions that its matchers are written down with.
fn live(text: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let ascii_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| chars[i]);
        let next: String = chars[i + 1..].iter().take(12).collect();
        let word = |at: usize| next.chars().nth(at).is_some_and(ascii_word);
        let hit = match c {
            '@' => word(0) && word(1) || word(0) && before.is_some_and(is_word),
            '/' => word(0) && !before.is_some_and(|c| is_word(c) || matches!(c, '/' | '<' | '>')),
            '#' => next.chars().take_while(|c| is_word(*c)).any(|c| !c.is_ascii_digit()),
            ':' => next.starts_with("//") && next.chars().nth(2).is_some_and(is_word),
            '.' => {
                before.is_some_and(|c| is_word(c) || matches!(c, '\u{200c}' | '\u{200d}' | '-'))
                    && next
                        .chars()
                        .take(2)
                        .filter(|c| c.is_alphabetic() || matches!(c, '\u{200c}' | '\u{200d}'))
                        .count()
                        == 2
            }
            _ => false,
        };
        if hit {
            found.push(format!("{}{c}{next}", before.map(String::from).unwrap_or_default()));
        }
    }
    found
}

#[test]
fn every_kind_of_message_is_read_on_a_telephone() {
    let views = [
        View::Finding(Box::new(samples::asked(samples::finding()))),
        View::Recovery(Box::new(RecoveryView { finding: samples::recovered(), proposal: None })),
        View::Proposal(Box::new(ProposalView { proposal: samples::proposal() })),
        View::Settled(Box::new(samples::settled(ProposalState::Verified))),
        View::Source(samples::silent()),
        View::Digest(samples::digest()),
        View::Notice(NoticeView { text: "Telegram answers again.".to_owned() }),
        View::ModelNote(ModelNoteView {
            finding: samples::finding().id,
            text: "The new form drops @ada's field, see evil.example.".to_owned(),
            prompt_version: "explain-finding/v1".to_owned(),
        }),
    ];
    let all: Vec<String> = views.into_iter().map(sent).collect();
    assert_snapshot!(all.join("\n-----\n"), @r#"
    🔴 *Sign-ups down 62 % since 14:10 (25 min ago)*
    36 where 95 were expected (80–112) · still falling
    `▇█▇▆▇▇▅▆▇▅▆▆▆▅▆▇▅▆▆▇▆▇█▇▇▃▃▄▄▄`

    *Likely cause, 87 %: *#482 "signup: new form", merged 14:04 by lin
      · 6 min before the drop; went live 14:08
      · touches web/signup/form.ts, named in 31 new errors
    Less likely: flag checkout-fast 5 % (its users are no worse off) · none of these 6 %

    _F-128_
    -----
    🟢 *Sign-ups recovered 15:02, 94 where 93 expected*
    Lasted 52 min, from 14:10; ended after P-31 ran.
    `▇█▇▆▇▇▅▆▇▅▆▆▆▅▆▇▅▆▆▇▆▇█▇▇▃▃▄▄▄`
    _F-128_
    -----
    ⏳ *Revert #482 on acme/app, then merge the revert*
    1. open PR on wakeman/P-31 restoring 3 files to 9c1e0d4 (_nothing touched them since_)
    2. merge it when its checks pass (_head must still be the PR's_)
    Undo: revert the revert. Checks afterwards: sign-ups back in 80–112 within 40 min.
    Needs 1 of: ada, lin · expires 15:05 · digest *4f9a1c22e07b*
    _P-31 for F-128_
    -----
    Approved by ada 14:41 → merged 14:44 (PR #483) → 🟢 sign-ups recovered 15:02, 94 where 93 expected
    _P-31 for F-128 · Revert #482 on acme/app, then merge the revert_
    -----
    *PostHog has not answered for 9 min (429, next try 14:58).* Its 14 metrics are unknown, not fine.
    -----
    ⚪ *2 findings since yesterday 09:00 that could wait*
    1. Invites down 26 % since 12:15 (2 h 20 min ago) · few users hit_ · F-130_
    2. Exports down 19 % since 12:15 (2 h 20 min ago) · inside alarm budget_ · F-131_
    -----
    Telegram answers again.
    -----
    _Model's note on F-128:_
    _The new form drops @ada's field, see evil.example._
    _explain-finding/v1_
    "#);
}

#[test]
fn what_was_asked_for_is_read_on_a_telephone() {
    assert_snapshot!(samples::answers().into_iter().map(sent).collect::<Vec<_>>().join("\n-----\n"), @r#"
    *Watching acme/app* · mode propose · 0 open*, 1 awaiting you*
    PostHog ok 40 s ago (14 metrics, 8 % of the hourly budget) · GitHub ok 12 s · _Vercel not configured_
    Interruptions this week 1 of 2 · next wakeup tomorrow 09:00
    _default · wakeman 0.1.0 · 14:35 Europe/Berlin_
    -----
    🔴 *F-128* · Sign-ups down 62 % · 14:10 · _▇█████▇▆▆▅▅▅▅▅▃_ · open · P-31
    -----
    ⏳ *P-31* · Revert #482 on acme/app, then merge the revert · F-128 · waits until 15:05 · _4f9a1c22e07b_
    -----
    ⏳ *Revert #482 on acme/app, then merge the revert*
    1. open PR on wakeman/P-31 restoring 3 files to 9c1e0d4 (_nothing touched them since_)
    2. merge it when its checks pass (_head must still be the PR's_)
    Undo: revert the revert. Checks afterwards: sign-ups back in 80–112 within 40 min.
    Needs 1 of: ada, lin · expires 15:05 · digest *4f9a1c22e07b*

    _What the digest covers_
      _kind _plan
      _target _{"repository":"acme/app"}
      _arguments _{"steps":[]}
      _revision _{"merge_sha":"9c1e0d4aa"}
      _digest _4f9a1c22e07b0000000000000000000000000000000000000000000000000000
    _P-31 for F-128_
    -----
    🔴 *Sign-ups down 62 % since 14:10 (25 min ago)*

    _Evidence_
    36 where 95 were expected (80–112) · still falling
    Measured over 25 min. Chance of this without any change: 1 in 40,000.
    `▇█▇▆▇▇▅▆▇▅▆▆▆▅▆▇▅▆▆▇▆▇█▇▇▃▃▄▄▄`

    _Causes_
    *87 %* #482 "signup: new form", merged 14:04 by lin
      · 6 min before the drop; went live 14:08
      · touches web/signup/form.ts, named in 31 new errors
    *5 %* flag checkout-fast, edited 13:00 by alan to 50 % of users
      · its users are no worse off than the others
    6 % none of the known changes

    _How it was told_
    At once: critical. Chosen by rule-v1 (probability 1).
    _It saw: severity 2 · p 2.5e-5 · hour 14_
    Proposals: P-31
    _F-128 · opened 14:30 · thread thread_7f00_
    -----
    *Sign-ups down 62 %*

    _14:30_ *wakeman*
      🔴 Sign-ups down 62 % since 14:10 (20 min ago)
      · 6 min before the drop
      F-128

    _14:31_ *operator*
      why F-128␛[2J

    _14:33_ _Model's note:_
      _The form's e-mail field was renamed; see https[:]//evil.example/x_

    _thread_7f00 · cli_
    -----
    Sign-ups fell because of #482 [^1].
    ```select 1```
    Ask @everyone.
    "#);
}

#[test]
fn what_is_looked_at_is_read_on_a_telephone() {
    assert_snapshot!(samples::looks().into_iter().map(sent).collect::<Vec<_>>().join("\n-----\n"), @r#"
    *Morning brief*_ · since yesterday 20:00_
    🔴 *F-128 *Sign-ups down 62 % since 14:10 (25 min ago)

    _Model's note:_
      _Look at @ada's form, see https[:]//evil.example._
    -----
    🔴 *200 findings at once* since 14:31 (4 min ago)
    The worst: Sign-ups down 62 % since 14:10 (25 min ago)_ · F-128_
    They are told in this one message; `findings` lists them all.
    -----
    *Tip: *#471 "retry⟨U+202E⟩ uploads" has stood still for 12 days
    An open pull request, last changed 22 Oct 09:00. Merge it, close it, or ask lin what it waits for.
    _T-7 · 14:35 · egreedy-v1_
    -----
    *Tip: *#471 "retry⟨U+202E⟩ uploads" has stood still for 12 days
    Chosen by egreedy-v1 for its score (probability 0.96); one of 2 items.
    _Its score against the others: priority +0.212_
    _The others: F-3_
    _ada: noise_
    _T-7 · shown to ada 14:35_
    -----
    P-31 is rejected. Why? Answer this message, and the reason is kept with it.
    -----
    Halted by ada 14:30 (wrong *flag*): nothing is run until an owner says "resume".
    *Mode execute* (set by ada 13:35; the settings say propose)
    Unattended: github.rerun_failed_jobs, each at most 4 times an hour.
    -----
    *rule-v1* (interrupt, active 90 %): reward 0.640 ▆▇▇▇██ · regret 0.260 · agrees in 78 % · 311 reactions
    *lints-v1* (interrupt, active 10 %): reward 0.710 ▆▇▇▇██ · regret 0.190 · agrees in 78 % · 311 reactions
    *egreedy-v1* (tip, active): nothing is known yet
    *egreedy-v2* (tip, shadow): reward 0.500 ▆▆▇▇██ · agrees in 78 % · 311 reactions
    *linrff-v1* (replay, available): nothing is known yet
    lints-v1 against rule-v1: +0.061, 95 % between +0.012 and +0.110 (540 decisions)
    Learnt from: ada 250 (lints-v1) · lin 61 (lints-v1)
    2 logged decisions cannot be used; the session log names them
    -----
    _morning-brief-1a2b3c_ · *Morning brief* · 0 9 * * 1-5 Europe/Berlin · late within:30m · tomorrow 09:00 · _skipped_ 09:00
    -----
    09:00 · *morning-brief* · _skipped_ · nothing changed
    -----
    *thread_7f00* · Sign-ups down 62 % · cli · _1 min ago_
    -----
    You are *ada* (owner), as telegram:42.
    -----
    *status* · _one look at everything_
    *findings* [STATE] · _what is wrong: open, acknowledged, snoozed, resolved_
    *finding* F-12 · _one finding_
    *why* F-12 · _everything behind a finding, or a tip like T-1_
    *proposals* [STATE] · _repairs, the ones that wait for you first_
    *proposal* P-3 · _one proposal with the exact payload behind its card_
    *approve* P-3 [step [N]] [DIGEST] · _run exactly what the card shows, or only the next step of its plan_
    *reject* P-3 [REASON] · _do not run it_
    *renew* P-3 · _the same again as a fresh card, where it expired or was not run_
    *ack* F-12 · _it is mine_
    *snooze* F-12 2h · _quiet for that long, then again if it still holds_
    *resolve* F-12 | P-3 done|failed · _it is over; or what became of a step in doubt_
    *mute* F-12 [2h] · _tell nobody of it for that long, or for a week_
    *unmute* F-12 · _tell of it again_
    *mode* [MODE] · _what it may do by itself: observe, propose, execute_
    *halt* [REASON] · _stop all execution at once_
    *resume* · _go on after a halt_
    *tip* · _the one thing worth doing next, or that there is none_
    *feedback* F-12 useful|noise · _whether that, or a tip like T-1, was worth telling you; what you are told is learnt from it_
    *wakeups* [history | pause|resume|run|skip ID | add WHEN: WHAT | edit ID WHEN] · _what is told at which hours; WHEN like weekdays 09:00 only changed, WHAT a prompt or your words_
    *ranking* [status | promote POLICY | rollback | reset OPERATOR] · _which policies decide what interrupts you, how well they do, and which one shall_
    *forget* OPERATOR · _erase what was learnt of somebody, and their reactions_
    *threads* [ID] · _conversations, or one of them_
    *whoami* · _who you are taken for_
    *help* · _these words_
    "#);
}

#[test]
fn a_picture_has_the_text_without_the_bars() {
    let told = doc(&View::Finding(Box::new(samples::asked(samples::finding()))), &samples::ctx());
    let (under, all) = caption(&told);
    assert!(all && !under.text.contains('█') && message(&told)[0].text.contains('█'));
    let long = Doc::bare().text("word ".repeat(500));
    let (under, all) = caption(&long);
    assert!(!all && under.text.ends_with('…') && utf16_len(&under.text) <= CAPTION_LEN_MAX);
}

const TRAPS: &[&str] = &[
    "@everyone",
    "@ada_l look",
    "x@evil.example",
    "/approve P-1",
    "see /stop@bot now",
    "#now",
    "#1a",
    "$USD",
    "https://evil.example/x?y=1",
    "evil.example",
    "EVIL.COM/path",
    "tg://resolve?domain=x",
    "t.me/evil",
    "пример.рф",
    "evil\u{200d}.com",
    "evil.\u{200c}com",
    "1.2.3.4",
    "+49 170 1234567",
    "a/b /c",
    "://x",
    "mail: a.b@c.de.",
    "<b>x</b> [a](b.c)",
];

#[test]
fn nothing_in_a_text_is_live() {
    for trap in TRAPS {
        for (i, whole) in [trap.to_string(), format!("({trap})"), format!("before {trap}\n{trap}")].iter().enumerate() {
            let told = text(whole).remove(0).text;
            assert_eq!(live(&told), Vec::<String>::new(), "{i}: {trap:?} became {told:?}");
            let line = Line::new().plain("by ").outside(sanitize(whole, 200)).plain("@").outside(sanitize(whole, 200));
            let told = message(&Doc::bare().text(line)).remove(0).text;
            assert_eq!(live(&told), Vec::<String>::new(), "{i}: {trap:?} became {told:?}");
        }
    }
}

#[test]
fn what_is_not_live_stays_as_it_is() {
    for plain in [
        "41 where 96 were expected (80–112)",
        "#482 merged 14:04",
        "acme/app#482",
        "$0.41 of $5.00",
        "v1.2.3, 8 %.",
        "web/signup",
    ] {
        assert_eq!(text(plain)[0].text, plain);
    }
}

#[test]
fn long_texts_are_cut_where_no_command_begins() {
    let path = "a".repeat(TEXT_LEN_MAX - 1) + "/stop/everything";
    let told = text(&path);
    assert_eq!(told.iter().map(|part| part.text.as_str()).collect::<String>(), path);
    assert!(told.iter().all(|part| live(&part.text).is_empty()), "{:?}", told[1]);
}

fn lines() -> impl Strategy<Value = Vec<(String, u8)>> {
    let trap = proptest::sample::select(TRAPS).prop_map(str::to_owned);
    let text = prop_oneof![3 => "[a-z 🔴é.@/#:\u{200d}]{0,30}", 2 => trap, 1 => "[a-zé🟢]{200,1500}"];
    proptest::collection::vec((text, 0u8..6), 0..24)
}

#[test]
fn a_block_of_code_is_one_in_every_part_it_is_cut_into() {
    let code: String = (0..400).map(|i| format!("select a.b{i} from c.d\n")).collect();
    let parts = text(&format!("So:\n```sql\n{code}```\nThat is a.b."));
    assert!(parts.len() > 1);
    let sql = EntityKind::Code { language: "sql".to_owned() };
    for part in &parts {
        check_entities(part);
        assert_eq!(part.entities.iter().map(|entity| &entity.kind).collect::<Vec<_>>(), [&sql]);
    }
    let whole: String = parts.iter().map(|part| part.text.as_str()).collect();
    assert_eq!(whole, format!("So:\n{code}That is a.\u{2060}b."), "what is copied from there is what was written");
    let open = text("```\nlet x = 1;");
    assert_eq!((open[0].text.as_str(), open[0].entities[0].length_utf16), ("let x = 1;", 10), "while it grows");
    let outside = message(&Doc::bare().text(Line::new().outside("```")).text("and so on"));
    assert!(outside[0].entities.is_empty() && outside[0].text.starts_with("```"));
}

/// Words and blocks of code, as a model writes them, each with what is read of it.
fn answers() -> impl Strategy<Value = Vec<(String, bool)>> {
    let words = "[a-z é🔴.@/`]{0,60}".prop_map(|words| (format!("{}\n", words.trim_start_matches('`')), false));
    let code =
        proptest::collection::vec("[a-z {}=;.🔴]{0,50}", 1..60).prop_map(|lines| (lines.join("\n") + "\n", true));
    proptest::collection::vec(prop_oneof![words, code], 0..12)
}

proptest! {
    #[test]
    fn parts_with_code_are_the_source_one_after_the_other(blocks in answers()) {
        let wrap = |(block, code): &(String, bool)| if *code { format!("```rust\n{block}```\n") } else { block.clone() };
        let source: String = blocks.iter().map(wrap).collect();
        let parts = text(&source);
        let whole: String = parts.iter().map(|part| part.text.replace('\u{2060}', "")).collect();
        prop_assert_eq!(whole, blocks.iter().map(|(block, _)| block.as_str()).collect::<String>());
        for part in &parts {
            check_entities(part);
            prop_assert!(utf16_len(&part.text) <= TEXT_LEN_MAX);
        }
    }

    #[test]
    fn parts_fit_and_entities_lie_on_characters(lines in lines()) {
        let styles = [Style::Plain, Style::Strong, Style::Dim, Style::Outside, Style::Model, Style::Good];
        let mut doc = Doc::bare();
        let mut line = Line::new();
        for (i, (text, style)) in lines.iter().enumerate() {
            line.push(sanitize(text, 2_000), styles[usize::from(*style)]);
            if i % 3 == 2 {
                doc = doc.text(std::mem::take(&mut line));
            }
        }
        let parts = message(&doc);
        for part in &parts {
            check_entities(part);
            prop_assert!((1..=TEXT_LEN_MAX).contains(&utf16_len(&part.text)));
            prop_assert_eq!(live(&part.text), Vec::<String>::new());
        }
        let whole: String = parts.iter().map(|part| part.text.replace('\u{2060}', "")).collect();
        let plain = wakeman_present::plain(&doc);
        prop_assert_eq!(whole.trim(), plain.trim());
        let (caption, all) = caption(&doc);
        check_entities(&caption);
        prop_assert!(utf16_len(&caption.text) <= CAPTION_LEN_MAX);
        prop_assert_eq!(all, parts.iter().map(|part| utf16_len(&part.text)).sum::<usize>() <= CAPTION_LEN_MAX);
    }
}
