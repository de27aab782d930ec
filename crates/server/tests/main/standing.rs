//! How an instance stands: samples of what the fake gateway tells of itself.

use wakeman_types::*;

pub fn pairing() -> Pairing {
    Pairing {
        principal: Principal::new(Channel::Telegram, "99"),
        operator: OperatorId::new("lin"),
        role: Role::Approver,
        listed: true,
        name: "Lin".into(),
        by: OperatorId::new("ada"),
        at: Timestamp(1_000),
    }
}

pub fn status() -> StatusView {
    StatusView {
        instance: "default".into(),
        version: "0.1.0".into(),
        watching: "acme/app".into(),
        mode: "propose".into(),
        mode_set: None,
        halt: None,
        mutes: 0,
        open_findings: 1,
        awaiting: 1,
        components: Vec::new(),
        interruptions: 1,
        critical_interruptions: 0,
        alarm_budget: 2,
        undelivered: 0,
        model: None,
        pairings: Vec::new(),
        safe_mode: None,
        next_wakeup: Some(Timestamp(90_000)),
        as_of: Timestamp(1_000),
        timezone: "Europe/Berlin".into(),
        warnings: vec!["`ui.timezon` is not a setting".into()],
    }
}

pub fn mute() -> Mute {
    Mute {
        subject: "Sign-ups".into(),
        fingerprint: "metric:sign-ups".into(),
        finding: FindingId::new(128),
        by: OperatorId::new("ada"),
        principal: Principal::new(Channel::Cli, "1000"),
        at: Timestamp(1_000),
        until: Some(Timestamp(9_000)),
    }
}

pub fn control() -> ControlView {
    let (by, principal) = (OperatorId::new("ada"), Principal::new(Channel::Cli, "1000"));
    let halt =
        HaltSet { by: by.clone(), principal: principal.clone(), at: Timestamp(2_000), reason: Some("odd".into()) };
    ControlView {
        mode: ExecutionMode::Execute,
        configured: ExecutionMode::Propose,
        set: Some(ModeSet { mode: ExecutionMode::Execute, by, principal, at: Timestamp(1_000) }),
        halt: Some(halt),
        classes: vec!["github.rerun_failed_jobs".into()],
        per_hour: 4,
        mutes: vec![mute()],
        owners: vec![OperatorId::new("ada")],
    }
}
