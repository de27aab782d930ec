//! Vercel, against the simulated one and against answers of any kind.

use serde_json::json;
use wakeman_gateway::ports::{DeployReader, DeployRequest, SourceError};

use crate::support::*;

const LATEST: DeployRequest<'_> = DeployRequest { production: true, state: None, limit: 5 };

#[tokio::test]
async fn deployments_are_listed_newest_first() {
    let world = World::shipped("bad-merge").await;
    world.at_minute(240).await;
    let found = world.vercel().deployments(LATEST).await.expect("deployments");
    assert!(!found.is_empty() && found.len() <= 5);
    assert!(found.windows(2).all(|pair| pair[0].created_at >= pair[1].created_at));
    assert!(found.iter().any(|one| one.state == "READY" && one.sha.is_some() && one.ready_at.is_some()), "{found:?}");
    let none = DeployRequest { state: Some("CANCELED"), ..LATEST };
    assert_eq!(world.vercel().deployments(none).await.expect("none"), []);
}

#[tokio::test]
async fn every_failure_has_its_kind_and_no_credential() {
    let error = |code: &str| json!({"error": {"code": code, "message": format!("no {SECRET}")}});
    let table = [
        (Say::Json(401, error("unauthorized")), "Denied"),
        (Say::Json(403, error("forbidden")), "Denied"),
        (Say::Json(404, error("not_found")), "Rejected"),
        (Say::Json(400, error("bad_request")), "Rejected"),
        (Say::Tagged(429, error("rate_limited"), vec![("retry-after", "30".to_owned())]), "Limited"),
        (Say::Json(500, error("internal")), "Unavailable"),
        (Say::Text(200, "text/html", "<html>".to_owned()), "Shape"),
        (Say::Json(200, json!({"deployments": [{"uid": 1}]})), "Shape"),
        (Say::Truncated(200), "Unavailable"),
        (Say::Drop, "Unavailable"),
        (Say::Hang, "Unavailable"),
    ];
    for (say, kind) in table {
        let fake = Fake::always(say.clone()).await;
        let error: SourceError = vercel(&fake.address, StillClock::new()).deployments(LATEST).await.expect_err(kind);
        let text = format!("{error:?}");
        assert!(text.starts_with(kind) && !text.contains(SECRET), "{say:?}: {text}");
        assert_eq!(fake.seen()[0].target.split('?').next(), Some("/v7/deployments"));
    }
}

#[tokio::test]
async fn the_project_and_team_are_sent_and_nothing_can_add_to_them() {
    let fake = Fake::always(Say::Json(200, json!({"deployments": []}))).await;
    let request = DeployRequest { production: false, state: Some("READY&projectId=other"), limit: usize::MAX };
    vercel(&fake.address, StillClock::new()).deployments(request).await.expect("none");
    let seen = fake.seen();
    assert_eq!(
        seen[0].target,
        "/v7/deployments?projectId=prj_acme&limit=100&state=READY%26projectId%3Dother&teamId=team_acme"
    );
    assert_eq!(seen[0].header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
}
