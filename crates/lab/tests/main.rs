//! The lab as others meet it: scenarios from text, a world moved by its clock, services over real HTTP.

#![allow(clippy::unwrap_used)]

mod control;
mod discord;
mod model;
mod posthog;
mod scenarios;
mod story;
mod support;
mod telegram;
mod worlds;
