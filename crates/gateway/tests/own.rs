//! What changes Wakeman itself: its mode, a mute, a wakeup, each by an approved card; and what of its own must never leave.

use serde_json::json;
use wakeman_gateway::{
    act::{
        announce_waiting,
        asked::{Asked, Wish, stage},
        catalogue::{ALL, class},
    },
    modes,
    wake::{self, AddedWakeup, WakeupChange, WakeupOverlay},
};
use wakeman_store::Commit;
use wakeman_types::{
    Control, ExecutionMode as M, Finding, Mute, Proposal, ProposalState as S, Verdict::Approve, Wakeups,
};

use crate::support::{CANARY, NOW, World, by, minutes};

const HOUR: i64 = 3_600_000;

async fn ask(world: &World, wish: Wish) -> Asked {
    let thread = world.finding().await.thread;
    let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
    stage(&world.core, &ada, &thread, wish, None).await.unwrap()
}

async fn staged(world: &World, wish: Wish) -> Proposal {
    match ask(world, wish).await {
        Asked::Staged(id) => world.proposal(id).await,
        other => panic!("{other:?}"),
    }
}

async fn run(world: &World, proposal: &Proposal) -> Proposal {
    world.approve(proposal).await;
    world.run_to_end().await;
    world.proposal(proposal.id).await
}

async fn mute_wish(world: &World, hours: i64) -> (Finding, Wish) {
    let finding = world.finding().await;
    (finding.clone(), Wish::Mute { finding: Box::new(finding), for_ms: Some(hours * HOUR) })
}

fn wakeups() -> serde_json::Value {
    json!({"schedule": [{"promptId": "morning-brief", "timeUtc": "09:00"}]})
}

/// A wakeup that somebody wishes for.
pub fn friday() -> AddedWakeup {
    AddedWakeup {
        prompt_id: None,
        title: "Friday look".to_owned(),
        prompt: "What changed this week?".to_owned(),
        time_utc: None,
        cron: Some("0 16 * * 5".to_owned()),
        timezone: Some("Europe/Berlin".to_owned()),
        late: None,
        only: None,
        jitter: None,
    }
}

#[tokio::test]
async fn cards_that_change_wakeman_itself_name_scope_and_end() {
    let mut world = World::new().await;
    world.restart_with_wakeups(&wakeups()).await;
    let id = world.desk.wakeups(&by("telegram:1")).await.unwrap().remove(0).id;
    let (_, mute) = mute_wish(&world, 48).await;
    let mut cards = String::new();
    for wish in
        [Wish::Mode { mode: M::Observe }, mute, Wish::Wakeup { id, paused: true }, Wish::AddWakeup { added: friday() }]
    {
        let card = staged(&world, wish).await.card;
        cards += &format!("{}\n  {} ({})\n  undo: {}\n", card.title, card.steps[0].text, card.steps[0].note, card.undo);
    }
    insta::assert_snapshot!(cards, @r#"
    Set the mode to observe
      set the mode from propose to observe: it reports and proposes nothing (nobody may have set mode or halt since)
      undo: set it back to propose
    Mute Sign-ups for 2 days
      tell nobody of Sign-ups until 2026-04-22 03:00 UTC, not even when it is critical (everything else is told as before; F-1 stays in the lists)
      undo: say `unmute F-1`
    Pause the wakeup Morning brief
      leave its slots out until it is resumed (morning-brief-823939) (read-only/wakeup.json stays as it is)
      undo: resume it
    Add the wakeup Friday look
      ask "What changed this week?" 0 16 * * 5, Europe/Berlin (read-only/wakeup.json stays as it is)
      undo: pause it
    "#);
}

#[tokio::test]
async fn an_approved_mode_mute_or_wakeup_lies_in_the_same_rows_as_the_verbs() {
    let mut world = World::new().await;
    world.restart_with_wakeups(&wakeups()).await;
    let ended = run(&world, &staged(&world, Wish::Mode { mode: M::Execute }).await).await;
    assert_eq!(ended.state, S::Succeeded, "{:?}", ended.note);
    let control: Control = world.get("instance").await;
    let set = control.mode.unwrap();
    assert_eq!((set.mode, set.by.as_str()), (M::Execute, "ada"));
    assert_eq!(world.events_of("instance").await, ["mode.changed"]);

    let (finding, wish) = mute_wish(&world, 48).await;
    let ended = run(&world, &staged(&world, wish).await).await;
    assert_eq!(ended.state, S::Succeeded, "{:?}", ended.note);
    let mute: Mute = world.get(&finding.fingerprint).await;
    assert_eq!(mute.until, Some(ended.created_at.plus_ms(48 * HOUR)));
    assert_eq!(world.events_of(finding.id).await, ["finding.muted"]);
    let lifted =
        run(&world, &staged(&world, Wish::Mute { finding: Box::new(finding.clone()), for_ms: None }).await).await;
    assert_eq!(lifted.state, S::Succeeded, "{:?}", lifted.note);
    assert!(modes::muted(&world.core, &finding.fingerprint).await.unwrap().is_none());

    let shown = world.desk.wakeups(&by("telegram:1")).await.unwrap();
    assert_eq!((shown.len(), shown[0].enabled, shown[0].origin.as_str()), (1, true, "read-only/wakeup.json"));
    run(&world, &staged(&world, Wish::Wakeup { id: shown[0].id.clone(), paused: true }).await).await;
    run(&world, &staged(&world, Wish::AddWakeup { added: friday() }).await).await;
    world.restart().await;
    let shown = world.desk.wakeups(&by("telegram:1")).await.unwrap();
    let each: Vec<_> = shown.iter().map(|view| (view.title.as_str(), view.enabled, view.origin.as_str())).collect();
    let wanted =
        [("Morning brief", false, "read-only/wakeup.json, paused by ada"), ("Friday look", true, "added by ada")];
    assert_eq!(each, wanted);
    assert_eq!(shown[1].next, world.desk.status_now().await.unwrap().next_wakeup, "only what runs is next");
}

#[tokio::test]
async fn nothing_of_it_happens_without_the_right_approval_and_what_changed_meanwhile_is_named() {
    let mut world = World::new().await;
    world.restart_with_wakeups(&wakeups()).await;
    // The mode is an owner's.
    let mode = staged(&world, Wish::Mode { mode: M::Execute }).await;
    for who in ["telegram:2", "telegram:3", "telegram:99"] {
        assert!(world.decide(who, &mode, Approve).await.is_err(), "{who}");
    }
    world.run_to_end().await;
    assert_eq!(modes::standing(&world.core).await.unwrap().mode, M::Propose);
    // Somebody else set it after the card was shown.
    world.approve(&mode).await;
    let lin = world.core.settings.identity(&by("telegram:2")).unwrap();
    modes::halt(&world.core, &lin, None).await.unwrap();
    let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
    modes::resume(&world.core, &ada).await.unwrap();
    world.run_to_end().await;
    let ended = world.proposal(mode.id).await;
    let wanted = "mode or halt was set since it was shown (mode propose → propose)";
    assert_eq!((ended.state, ended.note.as_deref()), (S::Failed, Some(wanted)));
    let (finding, wish) = mute_wish(&world, 2).await;
    let mute = staged(&world, wish).await;
    assert_eq!(
        world.decide("telegram:3", &mute, Approve).await.unwrap_err().to_string(),
        "Only ada, lin or bob can approve P-2. You are grace (viewer)."
    );
    modes::mute(&world.core, &lin, finding.id, None).await.unwrap();
    let ended = run(&world, &mute).await;
    assert!(ended.note.unwrap().starts_with("somebody muted or unmuted Sign-ups since it was shown"));
    let viewer = world.core.settings.identity(&by("telegram:3")).unwrap();
    assert!(wake::set(&world.core, &viewer, &WakeupChange::Add(friday()), None).await.is_err());
    assert!(world.all::<WakeupOverlay>().await.is_empty());
    let refused = ask(&world, Wish::Wakeup { id: "none".into(), paused: true }).await;
    assert!(matches!(refused, Asked::Refused(ref why) if why.contains("there is no such wakeup")), "{refused:?}");
}

#[tokio::test]
async fn after_a_crash_in_between_it_is_done_once_and_said_once() {
    // The row landed and the receipt did not; and: neither did.
    for landed in [true, false] {
        let mut world = World::new().await;
        let proposal = staged(&world, Wish::Mode { mode: M::Execute }).await;
        let mut approved = world.approve(&proposal).await;
        approved.state = S::Executing;
        approved.steps[0].intended_at = Some(world.core.now());
        approved.steps[0].tries = 1;
        world.commit(Commit::durable(world.core.now()).put(&approved)).await;
        if landed {
            let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
            modes::set_mode(&world.core, &ada, M::Execute).await.unwrap();
        }
        world.restart().await;
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, S::Succeeded, "{landed}: {:?}", ended.note);
        assert_eq!(world.events_of("instance").await, ["mode.changed"], "{landed}");
    }
}

#[tokio::test]
async fn what_changes_wakeman_never_runs_unattended_and_can_be_taken_back() {
    for kind in ["wakeman.set_mode", "wakeman.set_mute", "wakeman.set_wakeup", "wakeman.promote_policy"] {
        let settings = json!({"execute": {"classes": [kind]}}).to_string();
        let error = wakeman_gateway::config::parse_settings(&settings, "settings.json").unwrap_err();
        assert!(error.to_string().contains("changes Wakeman itself and always needs an approval"), "{error}");
        assert!(class(kind).unwrap().shows().is_some());
    }
    let world = World::new().await;
    let ended = run(&world, &staged(&world, Wish::Mode { mode: M::Observe }).await).await;
    let Some(wakeman_types::Outcome::Done { output }) = &ended.steps[0].outcome else { panic!("{ended:?}") };
    let undo = class("wakeman.set_mode").unwrap().undo(&ended.action, output).unwrap();
    assert_eq!(undo.arguments, json!({"mode": "propose"}));
    class("wakeman.set_mode").unwrap().check(&undo).unwrap();
    assert_eq!(ALL.len(), 16);
}

#[tokio::test]
async fn a_card_that_waits_is_named_once_after_a_restart_and_not_at_each_of_a_crash_loop() {
    let mut world = World::with(json!({"approvals": {"default": {"expires": "12h"}}}), "{}").await;
    let proposal = staged(&world, Wish::Mode { mode: M::Observe }).await;
    let mut named = Vec::new();
    // Seconds after it was shown; then a crash loop; then hours later, and again, and once too often.
    for wait in [0, 5, 0, 1, 1, 120, 0, 120, 120] {
        world.clock.advance(minutes(wait));
        world.restart().await;
        named.push(announce_waiting(&world.core).await.unwrap());
    }
    assert_eq!(named, [0, 1, 0, 0, 0, 1, 0, 1, 0]);
    let said = world.said(&proposal.thread).await;
    let wanted = "Restarted. P-1 still waits for a decision until 15:00: Set the mode to observe. `approve P-1` or `reject P-1`.";
    assert_eq!(said.iter().filter(|said| said.as_str() == wanted).count(), 3, "{said:#?}");
    world.approve(&world.proposal(proposal.id).await).await;
    world.clock.advance(minutes(600));
    assert_eq!(announce_waiting(&world.core).await.unwrap(), 0, "what is decided is not named");
}

#[tokio::test]
async fn our_own_credentials_are_refused_before_the_card_and_again_before_the_call() {
    let world = World::new().await;
    let encoded = "d2ttLWNhbmFyeS83UXgrMjlmTHFU";
    for form in [CANARY, encoded, "wkm-canary%2F7Qx%2B29fLqT"] {
        let body = format!("look: {form} there");
        let refused = ask(&world, Wish::Issue { title: "Look".into(), body }).await;
        let Asked::Refused(why) = &refused else { panic!("{refused:?}") };
        assert_eq!(why, "arguments.body: holds this instance's own GITHUB_TOKEN; remove it");
    }
    assert!(world.all::<Proposal>().await.is_empty());
    // A later step takes what an earlier one returned: it is looked at when it is there.
    let proposal = world.propose_issue().await;
    let mut tampered = world.approve(&proposal).await;
    tampered.action.arguments["title"] = json!(CANARY);
    tampered.steps[0].action = tampered.action.clone();
    tampered.digest = wakeman_gateway::act::digest("test", &tampered.action);
    world.commit(Commit::new(NOW).put(&tampered)).await;
    world.run_to_end().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!(ended.state, S::Failed);
    assert_eq!(ended.note.as_deref(), Some("arguments.title: holds this instance's own GITHUB_TOKEN; remove it"));
    assert!(world.repo.effects().is_empty() && world.repo.calls() == 0);
    // In threads and deliveries it is taken out.
    let said = world.said(&proposal.thread).await.join("\n");
    assert!(!said.contains(CANARY), "{said}");
    for owed in world.core.store.claim("telegram", "test", 60_000, world.core.now(), 100).await.unwrap() {
        assert!(!owed.body.to_string().contains(CANARY));
    }
}

#[tokio::test]
async fn what_nobody_can_see_is_spelled_out_before_a_card_shows_it() {
    let world = World::new().await;
    let body = "all fine\u{202e}\u{e0041}".to_owned();
    let proposal = staged(&world, Wish::Issue { title: "a\u{200b}b".into(), body }).await;
    let arguments = &proposal.action.arguments;
    assert_eq!(arguments["title"], "a⟨U+200B⟩b");
    assert!(arguments["body"].as_str().unwrap().starts_with("all fine⟨U+202E⟩⟨U+E0041⟩\n"), "{arguments}");
}
