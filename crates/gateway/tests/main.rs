//! The brain as its surfaces and the world meet it: who may decide, what then runs, what the watch makes of its sources.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod actions;
mod calendars;
mod chats;
mod decide;
mod deliver;
mod executor;
mod expired;
mod faults;
mod findings;
mod follow;
mod joined;
mod journal;
mod leftovers;
mod modes;
mod notify;
mod own;
mod promotion;
mod ranking;
mod retention;
mod review;
mod steps;
mod support;
mod surfaces;
mod thread;
mod tip_promotion;
mod tip_wakeups;
mod tips;
mod tools;
mod turns;
mod verification;
mod wake;
mod walks;
mod watch;
