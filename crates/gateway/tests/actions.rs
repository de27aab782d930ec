//! Every action of the catalogue: its card, what it refuses, what must not have changed, its way back; and plans made of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wakeman_gateway::{
    act::{
        asked::{Asked, Wish, stage},
        catalogue::{self, ALL, PLAN, plan_steps},
        decide, digest,
    },
    ports::RunStatus,
};
use wakeman_store::Commit;
use wakeman_types::{
    Action, DecisionRequest, ErrorKind, ExecutionMode, GatewayError, HOUR_MS, Proposal, ProposalState as S, Verdict,
};

use crate::{
    own::friday,
    support::{MERGE_SHA, World, by},
};

const TOOLS: &str = r#"{"vercel": {"triggerDeploys": true}}"#;

fn action(kind: &str, target: Value, arguments: Value, revision: Value) -> Action {
    Action { kind: kind.to_owned(), target, arguments, revision }
}

/// A right action for each call of the test's own remotes that is not made by a draft.
pub fn sample(call: &str) -> Option<Action> {
    let repository = json!({"repository": "acme/app"});
    let production = |live: &str, target: &str| {
        let sha = |id: &str| id.trim_start_matches("dpl_").repeat(40);
        json!({"production": live, "production_sha": sha(live), "target_sha": sha(target)})
    };
    let mark = "wakeman-proposal: test/x/1";
    Some(match call {
        "open_patch" => action(
            "github.open_pr",
            repository,
            json!({
                "base": "main", "branch": "wakeman/P-1", "title": "Raise the limit", "body": format!("So.\n<!-- {mark} -->"),
                "marker": mark, "files": [{"path": "web/limit.ts", "text": "export const LIMIT = 2;\n"}],
            }),
            json!({"files": [["web/limit.ts", "blob-web/limit.ts"]]}),
        ),
        "comment" => action(
            "github.comment",
            repository,
            json!({"number": 482, "body": format!("It broke sign-ups.\n<!-- {mark} -->"), "marker": mark}),
            Value::Null,
        ),
        "rerun" => action(
            "github.rerun_failed_jobs",
            repository,
            json!({"run": 71}),
            json!({"workflow": "CI", "sha": MERGE_SHA, "attempt": 1}),
        ),
        "annotate" => action(
            "posthog.annotate",
            json!({}),
            json!({"content": format!("flag off ({mark})"), "at": 1_776_654_000_000_i64, "marker": mark}),
            Value::Null,
        ),
        "set_error_status" => action(
            "posthog.update_error_issue",
            json!({}),
            json!({"issue": "e1", "status": "resolved"}),
            json!({"name": "TypeError", "status": "active"}),
        ),
        "rollback" => {
            action("vercel.rollback", json!({}), json!({"deployment": "dpl_1"}), production("dpl_2", "dpl_1"))
        }
        "promote" => action("vercel.promote", json!({}), json!({"deployment": "dpl_3"}), production("dpl_2", "dpl_3")),
        "post" => action(
            "webhook.post",
            json!({}),
            json!({"name": "ops", "payload": {"text": "sign-ups are back", "level": 2}}),
            json!({"target": "https://ops.example.com"}),
        ),
        _ => return None,
    })
}

const SAMPLES: [&str; 8] =
    ["open_patch", "comment", "rerun", "annotate", "set_error_status", "rollback", "promote", "post"];

async fn world() -> World {
    World::with(json!({}), TOOLS).await
}

#[test]
fn every_action_has_a_card_a_schema_and_returns_what_plans_may_refer_to() {
    let mut cards = String::new();
    for call in SAMPLES {
        let sample = sample(call).unwrap();
        let class = catalogue::class(&sample.kind).unwrap();
        class.check(&sample).unwrap_or_else(|error| panic!("{call}: {error}"));
        let card = class.card(&sample, String::new());
        cards += &format!("{}\n", card.title);
        for step in &card.steps {
            cards += &format!("  {} ({})\n", step.text, step.note);
        }
        cards += &format!("  undo: {}\n", card.undo);
    }
    insta::assert_snapshot!(cards, @r#"
    Open a pull request on acme/app: Raise the limit
      open PR on wakeman/P-1: write web/limit.ts (nobody may have changed these files since)
      undo: close the pull request
    Comment on #482 of acme/app
      comment on #482: "It broke sign-ups." (54 bytes in all)
      undo: delete the comment
    Rerun the failed jobs of CI on acme/app
      start the failed jobs of CI at 9c1e0d4 again (attempt 1 must still be its newest)
      undo: none is needed, a run changes nothing by itself
    Annotate the time in PostHog
      annotate "flag off" (nothing else is changed)
      undo: delete the annotation
    Mark error TypeError as resolved
      set TypeError from active to resolved (it must still be active)
      undo: set it back to active
    Roll production back from 2222222 to 1111111
      point production at 1111111 (dpl_1) (production must still show 2222222)
      undo: promote 2222222; until something is promoted, new deployments do not go live by themselves
    Promote 3333333 to production, in place of 2222222
      point production at 3333333 (dpl_3) (production must still show 2222222)
      undo: roll back to 2222222
    Post to ops
      post 38 bytes to ops at https://ops.example.com (the address is the one in settings; what it makes of it cannot be checked)
      undo: none; it was said
    "#);
    for class in ALL {
        assert!(class.schema()["properties"].is_object(), "{}", class.kind());
        assert!(class.returns().is_object(), "{}", class.kind());
    }
}

/// Every leaf of a JSON value, as a path of keys and positions.
fn leaves(value: &Value, path: Vec<String>, found: &mut Vec<Vec<String>>) {
    let below = |key: String| path.iter().cloned().chain([key]).collect::<Vec<_>>();
    match value {
        Value::Object(object) => object.iter().for_each(|(key, inner)| leaves(inner, below(key.clone()), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| leaves(inner, below(at.to_string()), found))
        }
        _ => found.push(path),
    }
}

fn at<'a>(value: &'a mut Value, path: &[String]) -> &'a mut Value {
    path.iter().fold(value, |value, key| match key.parse::<usize>() {
        Ok(index) if value.is_array() => &mut value[index],
        _ => &mut value[key],
    })
}

fn mutated(value: &Value) -> Value {
    match value {
        Value::Bool(on) => json!(!on),
        Value::Number(number) => json!(number.as_f64().unwrap() + 1.0),
        Value::String(text) => json!(format!("{text}x")),
        _ => json!("x"),
    }
}

/// What changes Wakeman itself, each asked for and shown.
async fn of_its_own(world: &World) -> Vec<Proposal> {
    let finding = world.finding().await;
    let mut shown = Vec::new();
    for wish in [
        Wish::Mode { mode: ExecutionMode::Execute },
        Wish::Mute { finding: Box::new(finding.clone()), for_ms: Some(HOUR_MS) },
        Wish::AddWakeup { added: friday() },
    ] {
        let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
        let asked = stage(&world.core, &ada, &finding.thread, wish, None).await.unwrap();
        let Asked::Staged(id) = asked else { panic!("{asked:?}") };
        shown.push(world.proposal(id).await);
    }
    // Drafts of promotions need a log that proves them; what is looked at here is the payload.
    let promotion = action(
        "wakeman.promote_policy",
        json!({"wakeman": "itself"}),
        json!({"policy": "lints-v1", "decides": true}),
        json!({"begun": null, "conditions": []}),
    );
    shown.push(world.propose(promotion).await);
    shown
}

async fn store(world: &World, proposal: &Proposal) {
    world.commit(Commit::new(world.core.now()).put(proposal)).await;
}

/// Everything that took effect anywhere.
fn effects(world: &World) -> usize {
    world.repo.effects().len() + world.flags.effects().len() + world.outside.effects().len()
}

#[tokio::test]
async fn every_field_that_changes_between_show_approve_and_execute_is_refused_by_name() {
    let mut cases = 0;
    let world = world().await;
    let mut proposals = of_its_own(&world).await;
    proposals.extend([world.propose_revert().await, world.propose_flag().await, world.propose_issue().await]);
    // What was changed since is reverted by the platform itself.
    world.repo.state().touched = vec!["web/signup/form.ts".to_owned()];
    let platform = world.propose_revert().await;
    assert_eq!(platform.steps[0].action.arguments["method"], "platform");
    proposals.push(platform);
    let handed_on = plan(vec![sample("open_patch").unwrap(), comment_on_step(1, "number"), sample("rerun").unwrap()]);
    proposals.push(world.propose(handed_on).await);
    for call in SAMPLES {
        proposals.push(world.propose(sample(call).unwrap()).await);
    }
    let kinds: BTreeSet<&str> =
        proposals.iter().flat_map(|shown| &shown.steps).map(|step| step.action.kind.as_str()).collect();
    let all: BTreeSet<&str> = ALL.iter().map(|class| class.kind()).collect();
    assert_eq!(kinds, all, "every action of the catalogue");
    for shown in proposals {
        let mut paths = Vec::new();
        leaves(&json!(shown.action), Vec::new(), &mut paths);
        for path in paths {
            let mut changed = json!(shown.action);
            let field = at(&mut changed, &path);
            *field = mutated(field);
            let tampered = Proposal { action: serde_json::from_value(changed).unwrap(), ..shown.clone() };
            let kind = &shown.action.kind;
            // Between the card and the yes.
            store(&world, &tampered).await;
            let digest = shown.digest.as_str().to_owned();
            let request = DecisionRequest { decision: Verdict::Approve, digest, reason: None, step: None };
            let refused = decide(&world.core, &by("telegram:1"), shown.id, &request).await.unwrap_err();
            let refused = GatewayError::from(refused);
            assert_eq!(refused.kind, ErrorKind::DigestMismatch, "{kind} {path:?}");
            let last = path.iter().rfind(|key| key.parse::<usize>().is_err()).unwrap();
            assert!(refused.message.contains(last.as_str()), "{kind} {path:?}: {}", refused.message);
            assert_eq!(world.proposal(shown.id).await.state, S::Pending);
            // Between the yes and the call.
            store(&world, &shown).await;
            let approved = world.approve(&shown).await;
            store(&world, &Proposal { action: tampered.action, ..approved }).await;
            world.run_to_end().await;
            let ended = world.proposal(shown.id).await;
            assert_eq!(ended.state, S::Failed, "{kind} {path:?}");
            let note = ended.note.unwrap();
            assert!(
                note.contains("was changed after it was approved") && note.contains(last.as_str()),
                "{path:?}: {note}"
            );
            store(&world, &shown).await;
            cases += 1;
        }
    }
    assert_eq!(effects(&world), 0, "nothing of it ran");
    println!("{cases} fields changed");
    assert!(cases > 170, "{cases}");
}

#[tokio::test]
async fn the_playbook_turns_a_flag_off_and_says_so_on_the_time_axis() {
    let world = world().await;
    let thread = world.finding().await.thread;
    let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
    let wish = Wish::FlagOffAndAnnotate { key: "checkout-fast".to_owned() };
    let asked = stage(&world.core, &ada, &thread, wish, None).await.unwrap();
    let Asked::Staged(id) = asked else { panic!("{asked:?}") };
    let shown = world.proposal(id).await;
    let steps: Vec<String> = shown.card.steps.iter().map(|step| format!("{} ({})", step.text, step.note)).collect();
    insta::assert_snapshot!(format!("{}\n{}\nundo: {}", shown.card.title, steps.join("\n"), shown.card.undo), @r#"
    Turn flag checkout-fast off, then annotate it
    set checkout-fast from on for everyone to off in project 1 (its version must still be 12)
    annotate "checkout-fast turned off, P-1" in project 1 (nothing else is changed)
    undo: set it back to on for everyone
    "#);
    world.approve(&shown).await;
    world.run_to_end().await;
    let ended = world.proposal(id).await;
    assert_eq!(ended.state, S::Succeeded, "{:?}", ended.note);
    assert_eq!(world.flags.effects(), ["checkout-fast off"]);
    let noted = world.outside.state().annotations.clone();
    assert!(noted.len() == 1 && noted[0].contains(&format!("checkout-fast turned off, {id}")), "{noted:?}");
    assert!(ended.steps[0].settled_at <= ended.steps[1].intended_at, "in this order");
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_named_and_nothing_is_called() {
    type Change = fn(&World);
    let table: [(&str, Change, &str); 9] = [
        ("rerun", |w| w.repo.state().run.as_mut().unwrap().attempt = 2, "was started again since it was shown"),
        ("rerun", |w| w.repo.state().run.as_mut().unwrap().status = RunStatus::Passed, "passed meanwhile"),
        ("rerun", |w| w.repo.state().run.as_mut().unwrap().status = RunStatus::Pending, "is not finished"),
        ("rollback", |w| w.outside.state().production = "dpl_3".to_owned(), "shows dpl_3 now"),
        ("promote", |w| w.outside.state().production = "dpl_9".to_owned(), "shows dpl_9 now"),
        ("set_error_status", |w| w.outside.state().status = "suppressed".to_owned(), "is suppressed now"),
        (
            "post",
            |w| w.outside.state().target = Some("https://evil.example".to_owned()),
            "is at https://evil.example now",
        ),
        ("post", |w| w.outside.state().target = None, "no longer name the webhook ops"),
        (
            "open_patch",
            |w| w.repo.state().touched = vec!["web/limit.ts".to_owned()],
            "web/limit.ts was changed on main",
        ),
    ];
    for (call, change, words) in table {
        let world = world().await;
        let proposal = world.propose(sample(call).unwrap()).await;
        world.approve(&proposal).await;
        change(&world);
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, S::Failed, "{call}");
        assert!(ended.note.as_deref().unwrap().contains(words), "{call}: {:?}", ended.note);
        assert_eq!(effects(&world), 0, "{call}");
    }
}

#[tokio::test]
async fn a_switch_that_is_off_stops_an_approved_action_too() {
    for (call, tools, switch) in [
        ("rollback", "{}", "vercel.triggerDeploys"),
        ("comment", r#"{"github": {"createPullRequests": false}}"#, "github.createPullRequests"),
        ("open_patch", r#"{"github": {"pushBranches": false}}"#, "github.pushBranches"),
        ("annotate", r#"{"posthog": false}"#, "posthog.readInsights"),
    ] {
        let world = World::with(json!({}), tools).await;
        let proposal = world.propose(sample(call).unwrap()).await;
        world.approve(&proposal).await;
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert!(ended.note.as_deref().unwrap().contains(switch), "{call}: {:?}", ended.note);
        assert_eq!((ended.state, effects(&world)), (S::Failed, 0), "{call}");
    }
}

#[tokio::test]
async fn a_patch_of_protected_paths_needs_the_setting_and_then_an_owner() {
    let mut workflow = sample("open_patch").unwrap();
    workflow.arguments["files"][0]["path"] = json!(".github/workflows/ci.yml");
    workflow.revision["files"][0] = json!([".github/workflows/ci.yml", "blob-.github/workflows/ci.yml"]);
    for (setting, works) in [(json!({}), false), (json!({"protectedPaths": "owner"}), true)] {
        let mut github = json!({"repository": "acme/app"});
        github.as_object_mut().unwrap().extend(setting.as_object().unwrap().clone());
        let world = World::with(json!({ "github": github }), "{}").await;
        let proposal = world.propose(workflow.clone()).await;
        let refused = world.decide("telegram:2", &proposal, Verdict::Approve).await.unwrap_err();
        assert_eq!(refused.to_string(), "Only ada can approve P-1. You are lin (approver).");
        world.approve(&proposal).await;
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state == S::Succeeded, works, "{:?}", ended.note);
        assert_eq!(effects(&world), usize::from(works));
    }
}

#[test]
fn a_payload_with_a_credential_is_never_shown() {
    let secret = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    for (call, path) in
        [("open_patch", "/files/0/text"), ("comment", "/body"), ("annotate", "/content"), ("post", "/payload/text")]
    {
        let mut action = sample(call).unwrap();
        let field = action.arguments.pointer_mut(path).unwrap();
        *field = json!(format!("{} {secret}", field.as_str().unwrap()));
        let said = plan_steps(&action).unwrap_err();
        assert!(said.contains("looks like a credential") && !said.contains(secret), "{call}: {said}");
    }
}

#[test]
fn what_hides_in_a_webhook_is_found_in_every_text_and_name_of_it() {
    let secret = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    for (payload, words) in [
        (json!({"text": format!("see\n{secret}")}), "arguments.payload.text: holds what looks like a credential"),
        (json!({"deep": [{"text": format!("\t{secret}")}]}), "arguments.payload.deep.0.text: holds what looks"),
        (json!({(secret): 1}), "arguments.payload: a name in it: holds what looks like a credential"),
        (json!({"text": "\u{202e}gnp.exe"}), "arguments.payload.text: holds U+202E"),
        (json!({"text": "tag \u{e0041}"}), "arguments.payload.text: holds U+E0041"),
        (json!({"na\u{200b}me": 1}), "a name in it: holds U+200B"),
        (json!({"text": "x".repeat(16_384)}), "arguments.payload: has 16395 bytes"),
    ] {
        let mut action = sample("post").unwrap();
        action.arguments["payload"] = payload;
        let said = plan_steps(&action).unwrap_err();
        assert!(said.contains(words) && !said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn nothing_is_proposed_or_approved_that_is_longer_than_what_is_shown_of_it() {
    let world = world().await;
    let mut long = sample("open_patch").unwrap();
    long.arguments["files"][0]["text"] = json!("x".repeat(15_000));
    let proposal = world.propose(long.clone()).await;
    let context = wakeman_present::RenderContext { now: world.core.now(), zone: world.core.zone() };
    let shown = wakeman_present::plain(&wakeman_present::details_doc(&proposal, &context));
    assert!(shown.contains(&long.arguments.to_string()), "shown whole");
    // As if a version before had let it wait.
    let text = json!("x".repeat(16_000));
    let mut longer = proposal.clone();
    for action in [&mut longer.action, &mut longer.steps[0].action] {
        action.arguments["files"][0]["text"] = text.clone();
    }
    longer.digest = digest("test", &longer.action);
    store(&world, &longer).await;
    let said = world.decide("telegram:1", &longer, Verdict::Approve).await.unwrap_err().to_string();
    assert!(said.contains("at most 16000 are shown whole before a yes"), "{said}");
    let by = world.core.identify(&by("telegram:1")).await.unwrap().unwrap();
    let files = vec![("a.ts".to_owned(), Some("x".repeat(16_000)))];
    let wish = Wish::Patch { files, title: "A".to_owned(), body: "B".to_owned() };
    match stage(&world.core, &by, &proposal.thread, wish, None).await.unwrap() {
        Asked::Refused(said) => assert!(said.contains("at most 16000 are shown whole before a yes"), "{said}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_did_not_help_is_offered_back_once_and_only_with_a_yes() {
    let mut world = World::code_only_with(json!({}), TOOLS).await;
    let proposal = world.propose(sample("rollback").unwrap()).await;
    world.approve(&proposal).await;
    world.run_to_end().await;
    let ran = world.proposal(proposal.id).await;
    store(&world, &Proposal { state: S::NotRecovered, state_since: world.core.now(), ..ran }).await;
    world.watch_for(5).await;
    let offered: Vec<Proposal> =
        world.all::<Proposal>().await.into_iter().filter(|p| p.action.target["follows"] == "P-1").collect();
    assert_eq!(offered.len(), 1);
    let back = &offered[0];
    assert_eq!((back.state, &back.thread), (S::Pending, &proposal.thread));
    assert_eq!(back.card.title, "Promote 2222222 to production, in place of 1111111");
    assert_eq!(effects(&world), 1, "nothing runs without a yes");
    world.approve(back).await;
    world.run_to_end().await;
    assert_eq!(world.outside.effects(), ["rollback dpl_1", "promote dpl_2"]);
    world.watch_for(5).await;
    let follows = |p: &&Proposal| !p.action.target["follows"].is_null();
    assert_eq!(world.all::<Proposal>().await.iter().filter(follows).count(), 1, "not back again");
}

pub fn plan(steps: Vec<Action>) -> Action {
    action(PLAN, json!({}), json!({ "steps": steps }), Value::Null)
}

/// A comment on what the first step opened.
pub fn comment_on_step(step: u32, field: &str) -> Action {
    let mut comment = sample("comment").unwrap();
    comment.arguments["number"] = json!({"data_from_step": step, "field": field});
    comment
}

#[test]
fn a_plan_that_cannot_work_is_never_shown() {
    let patch = || sample("open_patch").unwrap();
    let cases = [
        (plan(vec![]), "has 0 steps"),
        (plan(vec![patch(), comment_on_step(2, "number")]), "must name an earlier step"),
        (plan(vec![patch(), comment_on_step(1, "sha")]), "step 1 returned no sha"),
        (plan(vec![patch(), comment_on_step(1, "url")]), "step 2: arguments.number"),
        (plan(vec![action("shell.run", json!({}), json!({}), Value::Null)]), "no action is called shell.run"),
        (plan(vec![plan(vec![patch()])]), "no action is called plan"),
        (plan(vec![patch(); 11]), "has 11 steps"),
    ];
    for (action, words) in cases {
        let said = plan_steps(&action).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(plan_steps(&plan(vec![patch(), comment_on_step(1, "number")])).unwrap().len(), 2);
}

#[tokio::test]
async fn a_failed_step_stops_the_rest_and_each_step_has_its_own_intent() {
    let world = world().await;
    let proposal = world.propose(plan(vec![sample("rerun").unwrap(), sample("post").unwrap()])).await;
    world.approve(&proposal).await;
    world.outside.state().target = None;
    world.run_to_end().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!(ended.state, S::Failed);
    assert_eq!(effects(&world), 1);
    assert!(ended.steps[0].intended_at.is_some() && ended.steps[1].intended_at.is_none());

    let world = crate::actions::world().await;
    let proposal = world.propose(plan(vec![sample("post").unwrap(), sample("rerun").unwrap()])).await;
    world.approve(&proposal).await;
    world.outside.state().target = None;
    world.run_to_end().await;
    assert_eq!(effects(&world), 0, "what comes after the failed step is not begun");
    assert!(world.proposal(proposal.id).await.steps[1].outcome.is_none());
}
