//! The contract every other crate speaks.
//!
//! Owns: domain objects, ids, the [`Gateway`] trait, view models, wire schema.
//! Must not: do I/O, know a runtime, a database or a clock, or see any other crate of ours.
//! Start at [`Gateway`] for what can be asked, at [`View`] for what people are told.
#![warn(missing_docs)]

mod change;
mod control;
mod entity;
mod finding;
mod gateway;
mod id;
mod inbound;
mod learnt;
mod metric;
mod pairing;
mod principal;
mod proposal;
mod ranking;
mod stuck;
mod thread;
mod time;
mod tip;
mod turn;
mod view;
mod wakeup;

pub use change::{Change, ChangeKind, ChangeRef, short_sha};
pub use control::{Control, ControlView, ExecutionMode, HaltSet, HeldView, ModeError, ModeSet, Mute};
pub use entity::Entity;
pub use finding::{
    CandidateCause, Direction, Finding, FindingState, Interruption, Measure, Reason, Related, Resolution, Severity,
    Subject, Trend,
};
pub use gateway::{
    Admin, Chat, ClaimedDelivery, DecisionRequest, DeliveryReport, ErrorKind, Findings, Frontend, Gateway,
    GatewayError, ListRequest, Page, Proposals, Ranking, Reply, ResolveRequest, ResolvedAs, ThreadView, TurnStream,
    Wakeups,
};
pub use id::{
    ChangeId, ConversationId, DecisionId, DeliveryId, FindingId, IdError, MessageId, MetricId, OperatorId, ProposalId,
    ThreadId, TipId, TurnId,
};
pub use inbound::{Accepted, ButtonStyle, CardButton, FrontendHealth, Inbound, LiveEvent, LiveStream, Said};
pub use learnt::{
    FeatureRow, FeaturesView, FeedbackView, LearntRequest, LearntStat, LearntStatsView, ScoreRow, ScoresView,
};
pub use metric::{Bucket, MetricKind, MetricQuery, MetricSpec, SeriesPoint};
pub use pairing::{PairCode, PairRequest, Pairing, UnpairRequest};
pub use principal::{Channel, Identity, Principal, PrincipalError, Role};
pub use proposal::{
    Action, CardText, Decision, Digest, Outcome, Proposal, ProposalState, Step, StepText, Verdict, Verification,
    VerificationResult,
};
pub use ranking::{
    BoundView, Choice, ChoiceRecord, ForgottenView, OperatorPolicyView, PolicyOpinion, PolicyView, PromoteRequest,
    PromotionView, RankingView, RankingWhy, ReactionView,
};
pub use stuck::Stuck;
pub use thread::{Message, MessageRole, Note, Thread};
pub use time::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};
pub use tip::{PromptStat, PromptStatsView, Tip, TipKind, TipPreference, TipView, TipWhyView};
pub use turn::{AskRequest, Citation, Turn, TurnAction, TurnAnswer, TurnEvent, TurnState, Usage};
pub use view::{
    AnswerView, AskReasonView, BriefLine, BriefView, ComponentView, Delivery, DeliveryClass, DigestLine, DigestView,
    FindingNews, FindingView, ModelNoteView, ModelView, NoticeView, ProposalView, RecoveryView, SafeMode, SettledView,
    SourceNotice, StatusView, StormView, View, WakeupsView, WhoamiView, WhyView,
};
pub use wakeup::{Occurrence, OccurrenceState, WakeupOrder, WakeupRules, WakeupView};
