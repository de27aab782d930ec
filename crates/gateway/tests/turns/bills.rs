//! What calls cost that came to nothing, hosts that lie about it, and calls that were none.

use serde_json::json;
use wakeman_gateway::{
    ports::{Bill, Completion, Finish, ModelError, ModelFailure},
    tools::Effect,
};
use wakeman_types::{AskRequest, TurnState};

use super::{Talk, ask, shape::shaped};
use crate::support::{FakeModel, FakeTool, Says, completion, says};

fn bill(tokens: u64, cost_usd: f64) -> Bill {
    Bill { prompt_tokens: Some(tokens), completion_tokens: Some(10), cost_usd: Some(cost_usd) }
}

#[tokio::test]
async fn an_answer_of_nothing_costs_what_all_its_tries_are_billed() {
    let failure = |billed| Says::Exactly(Err(ModelFailure { error: ModelError::Empty, billed }));
    let cost = async |says: Says| {
        let talk = Talk::new(Some(FakeModel::new(vec![says])), Vec::new()).await;
        let answer = talk.says("how are sign-ups?").await;
        let spent = talk.brain.model_view().unwrap().spent_usd;
        assert!((spent - answer.usage.cost_usd).abs() < 1e-12, "the turn and the ledger agree: {answer:?}");
        answer.usage
    };
    let three = cost(failure(vec![bill(100, 0.001); 3])).await;
    assert!((three.cost_usd - 0.003).abs() < 1e-12, "{three:?}");
    assert_eq!((three.prompt_tokens, three.completion_tokens, three.model_calls), (300, 30, 1));
    // Of which nothing is told: what was put aside, as for an answer that breaks off.
    let untold = cost(failure(vec![Bill::default()])).await;
    let cut = ModelError::Cut { text: "It fell".to_owned(), reason: "gone".to_owned() };
    let cut = cost(Says::Fails(cut)).await;
    assert!(untold.cost_usd > 0.0 && (untold.cost_usd - cut.cost_usd).abs() < 1e-12, "{untold:?} {cut:?}");
    let earlier = Completion { earlier: vec![bill(100, 0.002)], ..completion("Fine.", Vec::new()) };
    let both = cost(Says::Exactly(Ok(earlier))).await;
    assert!((both.cost_usd - 0.003).abs() < 1e-12 && both.prompt_tokens == 200, "{both:?}");
}

#[tokio::test]
async fn tokens_that_cannot_have_been_are_not_believed() {
    for lie in [bill(1_000_000_000_000_000_000, 1e12), Bill { cost_usd: None, ..bill(u64::MAX, 0.0) }] {
        let lying = Completion { bill: lie, ..completion("Fine.", Vec::new()) };
        let model = FakeModel::new(vec![Says::Exactly(Ok(lying)), Says::Words("Fine still.")]);
        let talk = Talk::new(Some(model), Vec::new()).await;
        let answer = talk.says("how are sign-ups?").await;
        assert_eq!((answer.state, answer.usage.prompt_tokens), (TurnState::Answered, 0), "{lie:?}");
        assert!((1e-6..0.1).contains(&answer.usage.cost_usd), "what was put aside: {:?}", answer.usage);
        assert_eq!(talk.says("and now?").await.response, "Fine still.", "one lie does not end the day");
    }
}

#[tokio::test]
async fn wrong_calls_side_by_side_are_mended_at_once() {
    let (tool, _) = FakeTool::boxed("look", Effect::Read, |_| says("41"));
    let wrong = |n: u32| {
        Says::Calls(vec![("nix", format!("{{\"n\":{n}}}")), ("nax", format!("{n}")), ("look", format!("{{{n}"))])
    };
    let model = FakeModel::new(vec![wrong(1), wrong(2), Says::Words("41.")]);
    let talk = Talk::new(Some(model.clone()), vec![tool]).await;
    let answer = talk.says("go").await;
    assert_eq!((answer.state, answer.response.as_str()), (TurnState::Answered, "41."));
    let third = FakeModel::new(vec![wrong(1), wrong(2), wrong(3)]);
    let talk = Talk::new(Some(third), Vec::new()).await;
    assert!(talk.says("go").await.response.contains("could not call its tools properly"));
}

#[tokio::test]
async fn a_call_that_is_cut_at_the_longest_length_is_told_to_the_model() {
    let (tool, log) = FakeTool::boxed("look", Effect::Read, |_| says("41"));
    let cut = || {
        let half = completion("", Vec::new());
        Says::Exactly(Ok(Completion { cut_call: Some("look".to_owned()), finish: Finish::Length, ..half }))
    };
    let model = FakeModel::new(vec![cut(), Says::Calls(vec![("look", "{}".to_owned())]), Says::Words("41.")]);
    let talk = Talk::new(Some(model.clone()), vec![tool]).await;
    assert_eq!(talk.says("go").await.response, "41.");
    assert!(model.last_shown().contains("error: the call did not fit into one answer; write less"));
    assert_eq!(log.calls.lock().unwrap().len(), 1, "half a call never runs");
    let model = FakeModel::for_ever(|_| {
        let half = completion("", Vec::new());
        Says::Exactly(Ok(Completion { cut_call: Some("look".to_owned()), finish: Finish::Length, ..half }))
    });
    let talk = Talk::new(Some(model.clone()), Vec::new()).await;
    assert!(talk.says("go").await.response.contains("did not fit into one answer"));
    assert_eq!(model.asked().len(), 3, "mended twice");
}

#[tokio::test]
async fn an_answer_with_its_shape_is_whole_however_it_ended() {
    let good = json!({"answer": "Down 62 %."}).to_string();
    let full = Completion { finish: Finish::Length, ..completion(&good, Vec::new()) };
    let model = FakeModel::new(vec![Says::Exactly(Ok(full))]);
    let talk = shaped(&model).await;
    let request = AskRequest { prompt_version: Some("v2".to_owned()), ..ask("how are sign-ups?") };
    assert_eq!(talk.ask(request).await.1.response, good);
}
