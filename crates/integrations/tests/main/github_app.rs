//! GitHub as an app: proof, installation, tokens for an hour.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use secrecy::SecretString;
use serde_json::{Value, json};
use wakeman_gateway::{
    config::GithubCredential,
    ports::{HandsError, RepoHands},
};
use wakeman_integrations::{Github, GithubOptions, check_github};

use crate::support::*;

/// Made for this test; it opens nothing.
const KEY: &str = include_str!("../fixtures/app-key.pem");

fn app(address: &str, key: &str, clock: &std::sync::Arc<StillClock>) -> Result<Github, String> {
    let credential = GithubCredential::App { id: "73421".to_owned(), private_key: SecretString::from(key) };
    let options = GithubOptions { credential, ..github_options(address, clock.clone()) };
    Github::new(options).map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_app_is_checked_and_reads_like_a_token() {
    let world = World::shipped("bad-merge").await;
    let github = app(&format!("{}/github", world.address), KEY, &StillClock::new()).unwrap();
    let outcome = check_github(&github).await;
    let said: Vec<String> = outcome.checks.iter().map(|check| format!("{check:?}")).collect();
    assert!(said[0].contains("app 73421 is installed on acme/app"), "{said:?}");
    assert!(outcome.missing.is_empty(), "{said:?}");
}

#[tokio::test]
async fn a_token_is_asked_for_once_an_hour_and_again_when_it_is_refused() {
    let clock = StillClock::new();
    let fake = Fake::start(|seen, _| match seen.path() {
        "/repos/acme/app/installation" => Say::Json(200, json!({"id": 7})),
        "/app/installations/7/access_tokens" => {
            Say::Json(201, json!({"token": "ghs_one", "expires_at": "2026-01-05T09:00:00Z"}))
        }
        "/repos/acme/app/pulls/9" => Say::Json(401, json!({"message": "Bad credentials"})),
        _ => Say::Json(200, json!([])),
    })
    .await;
    let github = app(&fake.address, KEY, &clock).unwrap();
    let tokens = || fake.seen().iter().filter(|seen| seen.path().ends_with("/access_tokens")).count();
    for _ in 0..3 {
        let _ = github.pull_files(1).await;
    }
    assert_eq!(tokens(), 1);
    let called = fake.seen().into_iter().find(|seen| seen.path().contains("/pulls/1")).unwrap();
    assert_eq!(called.header("authorization"), Some("Bearer ghs_one"));
    assert!(github.pull(9).await.is_err());
    let _ = github.pull_files(1).await;
    assert_eq!(tokens(), 2, "what was refused is not used again");
    clock.put(NOW.plus_ms(2 * 3_600_000));
    let _ = github.pull_files(1).await;
    assert_eq!(tokens(), 3);
    proof_is_right(fake.seen()[0].header("authorization").unwrap());
}

/// RS256 by the app's key, at most ten minutes long, begun a minute ago.
fn proof_is_right(authorization: &str) {
    let (signed, signature) = authorization.strip_prefix("Bearer ").unwrap().rsplit_once('.').unwrap();
    let PrivateKeyDer::Pkcs1(der) = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap() else { panic!("PKCS 1") };
    let pair = RsaKeyPair::from_der(der.secret_pkcs1_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
    public.verify(signed.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let now = NOW.ms() / 1_000;
    assert_eq!(claims, json!({"iss": "73421", "iat": now - 60, "exp": now + 540}));
}

#[tokio::test]
async fn what_keeps_an_app_from_its_token_is_named_and_no_effect_is_in_doubt() {
    let table = [
        (401, "GitHub does not accept the key of app 73421"),
        (404, "app 73421 is not installed on acme/app"),
        (502, "no token for the app: 502"),
    ];
    for (status, want) in table {
        let fake = Fake::always(Say::Json(status, json!({"message": "no"}))).await;
        let github = app(&fake.address, KEY, &StillClock::new()).unwrap();
        let error = github.merge(9, "abc").await.unwrap_err();
        assert!(!matches!(error, HandsError::InDoubt { .. }) && error.to_string().contains(want), "{error}");
        assert!(fake.seen().iter().all(|seen| !seen.path().contains("/merge")), "nothing was sent without a token");
    }
    let fake = Fake::always(Say::Json(200, json!({}))).await;
    let wrong = app(&fake.address, "no key at all", &StillClock::new()).err().unwrap();
    assert_eq!(
        wrong,
        "GITHUB_APP_PRIVATE_KEY: is no RSA private key in PEM; make a new one on the app's page and give the whole file"
    );
}
