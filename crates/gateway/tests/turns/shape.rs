//! Answers that must have a shape: mended once, and then an end.

use std::sync::Arc;

use serde_json::json;
use wakeman_gateway::brain::prompts::{PromptFile, PromptRegistry};
use wakeman_types::{AskRequest, TurnEvent, TurnState};

use super::{Talk, ask};
use crate::support::{FakeModel, Says, World};

/// A conversation's prompt of somebody who wants JSON.
const SHAPED: &str = "---
id: chat
version: v2
alias: chat
variables: [name]
output:
  type: object
  required: [answer]
  properties: {answer: {type: string}}
---
You are {{ name }}. Answer with one JSON object.
";

pub async fn shaped(model: &Arc<FakeModel>) -> Talk {
    let world = World::with(json!({}), "{}").await;
    let mut core = world.core_with_model(Some(model.clone()));
    let file = PromptFile { label: "v2".to_owned(), path: "chat/v2.md".to_owned(), text: SHAPED.to_owned() };
    let (prompts, problems) = PromptRegistry::load(&[file]);
    assert!(problems.is_empty(), "{problems:?}");
    Arc::get_mut(&mut core).unwrap().prompts = prompts;
    Talk::over(world, core, Vec::new())
}

#[tokio::test]
async fn an_answer_of_the_wrong_shape_can_be_mended_once_and_then_ends_the_turn() {
    let (bad, good) = ("Down 62 %.", r#"{"answer": "Down 62 %."}"#);
    for (second, state) in [(good, TurnState::Answered), ("No.", TurnState::Failed)] {
        let model = FakeModel::new(vec![Says::Words(bad), Says::Words(second)]);
        let talk = shaped(&model).await;
        let (events, answer) =
            talk.ask(AskRequest { prompt_version: Some("v2".to_owned()), ..ask("how are sign-ups?") }).await;
        assert_eq!((answer.state, answer.prompt_version.as_deref()), (state, Some("chat/v2")));
        assert!(events.contains(&TurnEvent::Reset), "what was not the answer is taken back");
        assert!(model.last_shown().contains("That is not valid: the answer is not JSON"), "{}", model.last_shown());
        if state == TurnState::Answered {
            assert_eq!(answer.response, good);
        } else {
            assert!(answer.response.contains("does not have the agreed shape (the answer is not JSON"), "{answer:?}");
        }
        assert_eq!((model.asked().len(), answer.usage.model_calls), (2, 2));
        talk.stored(&answer).await;
    }
}
