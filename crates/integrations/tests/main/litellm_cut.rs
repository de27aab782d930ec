//! A stream that breaks off, at every byte.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use wakeman_gateway::ports::{ModelError, ModelRequest};

use crate::litellm::{adapter, ask, request};
use crate::litellm_recorded::{Recorded, recorded};
use crate::support::{Fake, NOW, Say};

/// How the connection ends where the stream is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// As if that were all: only the content can tell.
    Clean,
    /// In the middle of the announced body.
    Broken,
}

fn say(recorded: &Recorded, at: usize, end: End) -> Say {
    let length = match end {
        End::Clean => String::new(),
        End::Broken => format!("content-length: {}\r\n", recorded.body.len() + 1),
    };
    let head = format!("{}{length}connection: close\r\n\r\n", recorded.head);
    Say::Raw([head.as_bytes(), &recorded.body.as_bytes()[..at]].concat())
}

/// Where the answer is whole: behind the event with the reason to stop if the stream then ends cleanly, else behind `[DONE]`.
fn whole_from(body: &str, end: End) -> usize {
    let reason = body.find("finish_reason").expect("a reason");
    match end {
        End::Clean => reason + body[reason..].find("\n\n").expect("its end") + 2,
        End::Broken => body.find("[DONE]").expect("an end") + "[DONE]\n\n".len(),
    }
}

#[tokio::test]
async fn a_stream_cut_at_any_byte_is_whole_or_partial_and_never_half_a_call() {
    for name in ["chat_ok_stream_usage", "chat_tool_stream"] {
        for end in [End::Clean, End::Broken] {
            at_every_byte(name, end).await;
        }
    }
}

async fn at_every_byte(name: &str, end: End) {
    let recorded = Arc::new(recorded(name));
    let bytes = recorded.body.len();
    let whole = whole_from(&recorded.body, end);
    let (cut, calls) = (Arc::new(AtomicUsize::new(bytes)), Arc::new(AtomicUsize::new(0)));
    let (said, at, count) = (Arc::clone(&recorded), Arc::clone(&cut), Arc::clone(&calls));
    let fake = Fake::start(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        say(&said, at.load(Ordering::SeqCst), end)
    })
    .await;
    let model = adapter(&fake.address);
    // The clock jumps over the pauses of all tries together.
    let request = ModelRequest { deadline: NOW.plus_ms(1 << 40), ..request("hi") };
    let want = ask(&model, &request).await.0.expect("the whole answer");
    for at in 0..bytes {
        cut.store(at, Ordering::SeqCst);
        calls.store(0, Ordering::SeqCst);
        let (outcome, heard) = ask(&model, &request).await;
        let place = format!("{name} cut at {at}, {end:?}: {outcome:?}");
        assert!(want.text.starts_with(&heard), "{place}");
        assert!(heard.is_empty() || calls.load(Ordering::SeqCst) == 1, "{place}: tried again after words");
        match outcome {
            Ok(done) => {
                assert!(at >= whole, "{place}");
                assert_eq!((&done.text, &done.calls), (&want.text, &want.calls), "{place}");
            }
            Err(ModelError::Cut { text, .. }) => {
                assert!(at < whole, "{place}");
                assert_eq!(text, heard, "{place}");
            }
            Err(_) => panic!("{place}"),
        }
    }
}
