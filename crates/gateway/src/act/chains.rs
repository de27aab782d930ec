//! Which of the proposals under way are worked on at the same time.
//!
//! Those that would change the same thing follow each other in the order they were proposed in. Hosts do not wait for each other: one
//! that hangs delays what is meant for it and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use wakeman_store::Versioned;
use wakeman_types::{Action, Proposal};

use super::catalogue::{Hand, class};

/// Proposals that follow each other.
pub(super) type Chain = Vec<Versioned<Proposal>>;

/// The chains of what was found, those for one host together.
pub(super) fn by_host(found: Vec<Versioned<Proposal>>) -> Vec<Vec<Chain>> {
    let mut hosts: BTreeMap<String, Vec<Chain>> = BTreeMap::new();
    for chain in chains(found) {
        let host = chain.first().map(|first| host(&first.value)).unwrap_or_default();
        hosts.entry(host).or_default().push(chain);
    }
    hosts.into_values().collect()
}

/// Where the next step of a proposal goes.
fn host(proposal: &Proposal) -> String {
    let Some(step) = proposal.next_step() else { return String::new() };
    match class(&step.action.kind).map(|class| class.needs().hand) {
        Some(Hand::Repository) => "repository".to_owned(),
        Some(Hand::Flags | Hand::Product) => "product".to_owned(),
        Some(Hand::Deploys) => "deploys".to_owned(),
        Some(Hand::Webhooks) => webhook(&step.action),
        Some(Hand::Own) | None => String::new(),
    }
}

fn chains(found: Vec<Versioned<Proposal>>) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    let mut chain_of: BTreeMap<String, usize> = BTreeMap::new();
    for stored in found {
        let subjects = subjects(&stored.value);
        let known: BTreeSet<usize> = subjects.iter().filter_map(|subject| chain_of.get(subject).copied()).collect();
        let at = known.first().copied().unwrap_or(chains.len());
        if known.is_empty() {
            chains.push(Vec::new());
        }
        // It would change what several chains change: they become one.
        for other in known.into_iter().filter(|other| *other != at) {
            let moved = std::mem::take(&mut chains[other]);
            chains[at].extend(moved);
            chain_of.values_mut().filter(|chain| **chain == other).for_each(|chain| *chain = at);
        }
        chain_of.extend(subjects.into_iter().map(|subject| (subject, at)));
        chains[at].push(stored);
    }
    chains.retain(|chain| !chain.is_empty());
    chains
}

/// Where a webhook's messages go: several names may lead to one place, which is paced as one.
fn webhook(action: &Action) -> String {
    format!("webhook {}", action.revision["target"])
}

/// What its steps would change, and what else they cannot do at the same time.
fn subjects(proposal: &Proposal) -> Vec<String> {
    let of = |action: &Action| match action.kind.as_str() {
        // Who reads them there reads them in the order in which they were approved.
        "webhook.post" => Some(webhook(action)),
        // Two at once into one branch: the host refuses the second, whose base has just moved.
        "github.merge_pr" => Some("merge".to_owned()),
        kind => class(kind)?.subject(action),
    };
    proposal.steps.iter().filter_map(|step| of(&step.action)).collect()
}
