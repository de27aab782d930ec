//! The lab as others meet it: scenarios from text, a world moved by its clock, services over real HTTP.

mod control;
mod posthog;
mod scenarios;
mod support;
mod worlds;
