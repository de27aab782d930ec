//! Live checks of tokens, against the simulated services and against refusals.

use secrecy::SecretString;
use serde_json::json;
use wakeman_integrations::{CheckOutcome, check_discord, check_github, check_telegram, check_vercel};

use crate::support::*;

fn failed(outcome: &CheckOutcome) -> Vec<&str> {
    outcome.checks.iter().filter(|check| check.remedy.is_some()).map(|check| check.name.as_str()).collect()
}

fn secret() -> SecretString {
    SecretString::from(SECRET)
}

#[tokio::test]
async fn the_lab_passes_every_check() {
    let world = World::shipped("bad-merge").await;
    let vercel = check_vercel(&world.vercel()).await;
    assert_eq!(failed(&vercel), Vec::<&str>::new(), "{vercel:?}");
    let token = SecretString::from("123456:AAH4q_abcdefghijklmnopqrstuvwxyz012345");
    let telegram = check_telegram(&token, Some(&format!("{}/telegram", world.address))).await;
    assert!(telegram.user.is_some() && failed(&telegram).is_empty(), "{telegram:?}");
    let discord = check_discord(&secret(), Some(&format!("{}/discord", world.address))).await;
    assert!(discord.user.is_some() && failed(&discord).is_empty(), "{discord:?}");
}

#[tokio::test]
async fn a_token_that_is_none_is_named_with_the_remedy_and_never_shown() {
    let refused = |status| Fake::always(Say::Json(status, json!({"description": "Unauthorized", "message": SECRET})));
    let shown = |outcome: CheckOutcome| format!("{outcome:?}");
    let telegram = shown(check_telegram(&secret(), Some(&refused(401).await.address)).await);
    assert!(telegram.contains("BotFather") && !telegram.contains(SECRET), "{telegram}");
    let discord = shown(check_discord(&secret(), Some(&refused(401).await.address)).await);
    assert!(discord.contains("DISCORD_BOT_TOKEN") && !discord.contains(SECRET), "{discord}");
    let vercel = shown(check_vercel(&vercel(&refused(403).await.address, StillClock::new())).await);
    assert!(vercel.contains("VERCEL_TOKEN") && !vercel.contains(SECRET), "{vercel}");
    let nobody = shown(check_telegram(&secret(), Some(&nobody().await)).await);
    assert!(nobody.contains("no connection") && !nobody.contains(SECRET), "{nobody}");
    let odd = shown(check_telegram(&secret(), Some("nonsense")).await);
    assert!(odd.contains("TELEGRAM_API_URL"), "{odd}");
}

#[tokio::test]
async fn a_bot_that_may_not_read_messages_is_told() {
    let fake = Fake::always(Say::Json(200, json!({"username": "wake", "flags": 0}))).await;
    let outcome = check_discord(&secret(), Some(&fake.address)).await;
    assert_eq!(failed(&outcome), ["Discord permissions"], "{outcome:?}");
    let header = format!("Bot {SECRET}");
    assert!(fake.seen().iter().all(|seen| seen.header("authorization") == Some(header.as_str())));
    let agents: Vec<_> =
        fake.seen().iter().map(|seen| seen.header("user-agent").unwrap_or_default().to_owned()).collect();
    assert!(agents.iter().all(|agent| agent.starts_with("DiscordBot (https://")), "Discord asks for that: {agents:?}");
}

#[tokio::test]
async fn a_classic_token_without_the_scope_to_write_is_told() {
    let answer = json!({"login": "ada", "full_name": "acme/app", "default_branch": "main"});
    for (scopes, missing) in [("read:user, gist", true), ("repo, workflow", false), ("", false)] {
        let headers = vec![("x-oauth-scopes", scopes.to_owned())];
        let fake = Fake::always(Say::Tagged(200, answer.clone(), headers)).await;
        let outcome = check_github(&fake.github()).await;
        assert_eq!(outcome.missing.contains(&"repo".to_owned()), missing, "{scopes}: {outcome:?}");
        assert_eq!(failed(&outcome).contains(&"GitHub scopes"), missing, "{scopes}");
    }
}
