//! The adapters against counterparts that answer in every way a service can, and against the simulated services of the lab.

mod asks_github;
mod asks_posthog;
mod asks_vercel;
mod calendars;
mod checks;
mod github_app;
mod github_fake;
mod github_hands;
mod github_lab;
mod github_poll;
mod github_revert;
mod litellm;
mod litellm_cut;
mod litellm_lab;
mod litellm_recorded;
mod more_hands;
mod posthog_buckets;
mod posthog_flags;
mod posthog_lab;
mod posthog_reads;
mod statuses;
mod support;
