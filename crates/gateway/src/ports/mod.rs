//! What the brain needs from outside, in its own words.
//!
//! Owns: the traits and their plain data. Must not: name a host, a header or a status code. The adapters are in `integrations`;
//! tests and the demo bring their own clock and randomness.

mod calendar;
mod code;
mod deploy_hands;
mod error;
mod gate;
mod hands;
mod model;
mod product;
mod product_hands;
mod read;
mod time;
mod webhook_hands;

pub use calendar::{CALENDAR_BYTES_MAX, CalendarReader, CalendarTrouble};
pub use code::{CodeAnswer, CodeRequest, CodeSource, DeploymentFact, RunFact, RunStatus};
pub use deploy_hands::{DeployFacts, DeployHands};
pub use error::{HandsError, SourceError};
pub use gate::WriteGate;
pub use hands::{
    Checks, CommentFacts, CommentRequest, FlagFacts, FlagHands, IssueFacts, IssueRequest, LastEdit, Merged, OpenedPull,
    PatchFile, PatchRequest, PullFacts, PullFile, RepoHands, RevertRequest, RunFacts, made_by,
};
pub use model::{
    Bill, Completion, Embeddings, Finish, Model, ModelError, ModelFailure, ModelMessage, ModelRequest, TextSink,
    ToolCall, ToolSpec,
};
pub use product::{BucketAnswer, BucketRequest, ErrorIssue, ProductSource};
pub use product_hands::{AnnotationFacts, AnnotationRequest, ErrorFacts, ProductHands};
pub use read::{
    Annotation, CodeReader, CommitCard, CommitRequest, DeployCard, DeployReader, DeployRequest, DiffFile, DiffOf,
    FileAnswer, FlagCard, FunnelRequest, FunnelStep, Interval, JobCard, LogTail, Openness, ProductReader, QueryAnswer,
    QueryRequest, RunRequest, TopicCard, TrendAnswer, TrendLine, TrendRequest,
};
pub use time::{Clock, Random, SystemClock, SystemRandom};
pub use webhook_hands::{WebhookHands, WebhookRequest};
