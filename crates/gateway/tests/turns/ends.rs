//! Ends that nobody wants: our own code breaks, somebody stops it in the middle, the disk refuses the end.

use futures::StreamExt;
use serde_json::json;
use wakeman_gateway::{
    brain::{Account, Brain, Listener, Monologue},
    tools::{Effect, ToolAnswer},
};
use wakeman_store::Fault as Disk;
use wakeman_types::{AskRequest, Citation, ErrorKind, FindingId, ThreadId, Turn, TurnAnswer, TurnEvent, TurnState};

use super::{Talk, ada, ask};
use crate::support::{FakeModel, FakeTool, Says, World};

/// The end that a listener was told.
async fn told(listener: Listener) -> TurnAnswer {
    match listener.collect::<Vec<_>>().await.pop() {
        Some(TurnEvent::Done { answer }) => *answer,
        other => panic!("the last event is {other:?}"),
    }
}

#[tokio::test]
async fn a_tool_or_an_adapter_that_panics_is_one_visible_end_and_the_thread_goes_on() {
    let (tool, _) = FakeTool::boxed("look", Effect::Read, |_| panic!("as a test wants"));
    let model = FakeModel::for_ever(|n| match n {
        1 => Says::Words("fine"),
        2 => Says::Panics("It fell "),
        // More than may wait in one thread.
        3..=12 => Says::Calls(vec![("look", "{}".to_owned())]),
        _ => Says::Words("again"),
    });
    let talk = Talk::new(Some(model), vec![tool]).await;
    let thread = talk.says("go").await.thread_id;
    let here = || AskRequest { thread_id: Some(thread.clone()), ..ask("and now?") };
    let why = "No answer: something went wrong inside Wakeman; its log says where.";
    for n in 0..11 {
        let answer = talk.ask(here()).await.1;
        assert_eq!((answer.state, answer.failure), (TurnState::Failed, Some(ErrorKind::Storage)), "{n}: {answer:?}");
        let words = if n == 0 { "It fell\n(The answer ends here.)\n\n" } else { "" };
        assert_eq!(answer.response, format!("{words}{why}"));
        assert!(answer.usage.cost_usd > 0.0, "what was asked for may be billed");
        let turn = talk.stored(&answer).await;
        assert_eq!(turn.prompt_version.as_deref(), Some("chat/v1"));
    }
    assert_eq!(talk.brain.stop(&thread), 0, "nothing is left to stop");
    assert_eq!(talk.ask(here()).await.1.response, "again");
}

#[tokio::test]
async fn a_panic_while_nobody_asked_is_a_failure_that_is_not_repeated() {
    let mut world = World::with(json!({"monitor": {"alarmBudgetPerWeek": 9}}), "{}").await;
    world.break_the_build();
    world.watch_for(3).await;
    let model = FakeModel::for_ever(|_| Says::Panics("The build "));
    let brain = Brain::new(world.core_with_model(Some(model.clone())));
    assert_eq!(brain.explain_news().await.unwrap() + brain.explain_news().await.unwrap(), 0);
    assert_eq!(model.asked().len(), 1);
    let ask = Monologue {
        prompt_id: "chat",
        words: Some("how are things?"),
        data: "",
        more: json!({}),
        account: Account::Wakeup("mine".to_owned()),
        thread: &ThreadId::new("thread_1"),
        with_tools: true,
        zone: chrono_tz::Tz::UTC,
    };
    let error = brain.say(&ask).await.err().unwrap();
    assert_eq!(error.to_string(), "something went wrong inside Wakeman; its log says where");
}

#[tokio::test]
async fn a_turn_is_stopped_while_a_tool_runs_and_what_was_read_until_then_is_kept() {
    let (quick, _) = FakeTool::boxed("look", Effect::Read, |_| {
        let citations = vec![Citation::Finding { id: FindingId::new(7) }];
        Ok(ToolAnswer { content: "41".to_owned(), citations, ..ToolAnswer::default() })
    });
    let (slow, log) = FakeTool::hanging("dig");
    let call = |name| Says::Calls(vec![(name, "{}".to_owned())]);
    let model = FakeModel::new(vec![call("look"), call("dig"), Says::Words("again")]);
    let talk = Talk::new(Some(model.clone()), vec![quick, slow]).await;
    let listener = talk.brain.ask(&ada(), ask("go")).await.unwrap();
    log.begun().await;
    let threads: Vec<wakeman_types::Thread> = talk.world.all().await;
    assert_eq!(talk.brain.stop(&threads[0].thread_id), 1);
    let answer = told(listener).await;
    assert_eq!((answer.state, answer.response.as_str()), (TurnState::Stopped, "Stopped."));
    assert_eq!(answer.citations, [Citation::Finding { id: FindingId::new(7) }]);
    assert_eq!((answer.usage.model_calls, answer.usage.tool_calls), (2, 2));
    talk.stored(&answer).await;
    assert_eq!(model.asked().len(), 2, "nobody asks on");
    let request = AskRequest { thread_id: Some(answer.thread_id), ..ask("and now?") };
    assert_eq!(talk.ask(request).await.1.response, "again", "the thread is free");
}

#[tokio::test]
async fn a_restart_counts_all_that_was_spent_today_however_many_calls_that_were() {
    let world = World::with(json!({"ai": {"dailyBudgetUsd": 100.0}}), "{}").await;
    let model = FakeModel::for_ever(|_| Says::Words("ok"));
    let brain = Brain::new(world.core_with_model(Some(model.clone())));
    let thread = ThreadId::new("thread_1");
    for n in 0..1_005 {
        let account = Account::Wakeup(format!("w{}", n % 7));
        let (data, more) = ("", json!({}));
        let (thread, zone) = (&thread, chrono_tz::Tz::UTC);
        let ask = Monologue { prompt_id: "chat", words: None, data, more, account, thread, with_tools: false, zone };
        assert_eq!(brain.say(&ask).await.unwrap().text, "ok");
    }
    let next = Brain::new(world.core_with_model(Some(model)));
    next.recover().await.unwrap();
    let spent = next.model_view().unwrap().spent_usd;
    assert!((spent - 1.005).abs() < 1e-9, "{spent}");
}

#[tokio::test]
async fn an_end_that_the_disk_refuses_is_told_at_once_and_stored_when_it_can_be() {
    // By the first clock pauses are over at once; by the other they never are, and only closing tries once more.
    for closes in [false, true] {
        let model = FakeModel::new(vec![Says::Hangs("It began "), Says::Words("again")]);
        let world = World::with(json!({}), "{}").await;
        let core = match closes {
            false => world.core_by(Some(model.clone()), world.clock.clone()),
            true => world.core_with_model(Some(model.clone())),
        };
        let talk = Talk::over(world, core, Vec::new());
        let listener = talk.brain.ask(&ada(), ask("go")).await.unwrap();
        model.hung().await;
        let thread = talk.world.all::<wakeman_types::Thread>().await.remove(0).thread_id;
        for _ in 0..if closes { 1 } else { 3 } {
            talk.world.core.store.fail_next(Disk::Full);
        }
        talk.brain.stop(&thread);
        let answer = told(listener).await;
        assert_eq!((answer.state, answer.failure), (TurnState::Failed, Some(ErrorKind::Storage)), "{answer:?}");
        assert!(answer.response.starts_with("It began") && answer.response.contains("could not be stored"));
        if closes {
            assert_eq!(talk.world.get::<Turn>(&answer.turn_id).await.state, TurnState::Accepted);
            talk.brain.close().await;
        } else {
            while !talk.world.get::<Turn>(&answer.turn_id).await.state.is_terminal() {
                tokio::task::yield_now().await;
            }
            let request = AskRequest { thread_id: Some(thread.clone()), ..ask("and now?") };
            assert_eq!(talk.ask(request).await.1.response, "again", "the thread is free");
        }
        let turn = talk.stored(&answer).await;
        assert_eq!((turn.state, turn.prompt_version.as_deref()), (TurnState::Stopped, Some("chat/v1")));
        assert_eq!(talk.world.said(&thread).await[..2], ["go", "It began\n\n(Stopped here.)"]);
        assert_eq!(Brain::new(talk.world.core_with_model(None)).recover().await.unwrap(), 0, "nothing is left open");
    }
}
