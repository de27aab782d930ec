//! Several questions that are sent at once in one thread.

use futures::StreamExt;
use wakeman_gateway::ports::ModelMessage;
use wakeman_types::AskRequest;

use super::{Talk, ada, ask};
use crate::support::{FakeModel, Says};

#[tokio::test]
async fn each_of_several_questions_sees_the_answers_before_it_behind_their_questions() {
    let words = ["zero", "one", "two", "three"];
    let model = FakeModel::for_ever(|n| Says::Words(["A zero.", "A one.", "A two.", "A three."][n - 1]));
    let talk = Talk::new(Some(model.clone()), Vec::new()).await;
    let thread = talk.says("Q zero").await.thread_id;
    let mut listeners = Vec::new();
    for word in &words[1..] {
        let request = AskRequest { thread_id: Some(thread.clone()), ..ask(&format!("Q {word}")) };
        listeners.push(talk.brain.ask(&ada(), request).await.unwrap());
    }
    for listener in listeners {
        listener.collect::<Vec<_>>().await;
    }
    for (n, request) in model.asked().iter().enumerate() {
        let said = request.messages.iter().filter_map(|message| match message {
            ModelMessage::User(text) if text.starts_with("Q ") => Some(text.clone()),
            ModelMessage::Assistant { text, .. } => Some(text.clone()),
            _ => None,
        });
        let mut want: Vec<String> = words[..n].iter().flat_map(|w| [format!("Q {w}"), format!("A {w}.")]).collect();
        want.push(format!("Q {}", words[n]));
        assert_eq!(said.collect::<Vec<_>>(), want);
    }
    assert_eq!(model.asked().len(), 4);
}
