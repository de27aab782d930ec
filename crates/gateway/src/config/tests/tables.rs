//! What the person reads for each wrong value, less the file's name.

/// Text that is not JSON.
pub(super) const NOT_JSON: &[(&str, &str)] = &[
    ("", "the file is empty; write {} to take every default"),
    (" \n", "the file is empty; write {} to take every default"),
    ("{", "line 1, column 1: the file ends inside an object; correct the JSON there"),
    ("{\"app\": }", "line 1, column 9: expected value; correct the JSON there"),
    ("{\"app\": {\"name\": \"x\",}}", "line 1, column 22: trailing comma; correct the JSON there"),
    ("{\n  \"app\": {}\n  \"ui\": {}\n}", "line 3, column 3: expected `,` or `}`; correct the JSON there"),
    ("{} {}", "line 1, column 4: trailing characters; correct the JSON there"),
    ("// hello\n{}", "line 1, column 1: expected value; correct the JSON there"),
    (
        "{\"app\": {\"name\": \"a\tb\"}}",
        "line 1, column 20: control character (\\u0000-\\u001F) found while parsing a string; correct the JSON there",
    ),
    ("{\"monitor\": {\"intervalMs\": 1e999}}", "line 1, column 32: number out of range; correct the JSON there"),
    ("not json", "line 1, column 2: expected value; correct the JSON there"),
];

/// Values of another type.
pub(super) const WRONG_TYPES: &[(&str, &str)] = &[
    ("[]", "a list is not an object; write it in { }"),
    ("7", "7 is not an object; write it in { }"),
    (r#"{"monitor": [60000, 2]}"#, "`monitor`: a list is not an object; write it in { }"),
    (r#"{"monitor": "fast"}"#, r#"`monitor`: "fast" is not an object; write it in { }"#),
    (r#"{"app": null}"#, "`app`: null is not an object; write it in { }"),
    (r#"{"app": {"name": 7}}"#, r#"`app.name`: 7 is not a text; write it like "Wakeman""#),
    (
        r#"{"monitor": {"intervalMs": "60s"}}"#,
        r#"`monitor.intervalMs`: "60s" is not a whole number of 0 or more; write it like 60000"#,
    ),
    (
        r#"{"monitor": {"intervalMs": -5}}"#,
        "`monitor.intervalMs`: -5 is not a whole number of 0 or more; write it like 60000",
    ),
    (
        r#"{"monitor": {"intervalMs": 60000.5}}"#,
        "`monitor.intervalMs`: 60000.5 is not a whole number of 0 or more; write it like 60000",
    ),
    (
        r#"{"runtime": {"port": 70000}}"#,
        "`runtime.port`: 70000 is not a whole number from 0 to 65535; write it like 6900",
    ),
    (
        r#"{"runtime": {"executionMode": true}}"#,
        "`runtime.executionMode`: true is not a mode; write observe, propose or execute in quotes",
    ),
    (
        r#"{"runtime": {"channels": "telegram"}}"#,
        r#"`runtime.channels`: "telegram" is not a list; write it like ["telegram", "cli"]"#,
    ),
    (
        r#"{"runtime": {"channels": ["telegram", 5]}}"#,
        "`runtime.channels[1]`: 5 is not a channel; write one of telegram, discord, cli, web, api in quotes",
    ),
    (r#"{"ai": {"aliases": {"chat": ["a"]}}}"#, r#"`ai.aliases.chat`: a list is not a text; write it like "chat""#),
    (
        r#"{"ai": {"promptVersions": {"chat": 1}}}"#,
        r#"`ai.promptVersions.chat`: 1 is not a prompt version; write it like "v1", or {"v1": 1, "v2": 1} to take turns"#,
    ),
    (
        r#"{"ai": {"promptVersions": {"chat": {"v1": -1}}}}"#,
        "`ai.promptVersions.chat.v1`: -1 is not a whole number of 0 or more; write another number",
    ),
    (
        r#"{"ai": {"promptVersions": {"chat": {"v1": "often"}}}}"#,
        r#"`ai.promptVersions.chat.v1`: "often" is not a whole number of 0 or more; write it without quotes"#,
    ),
    (r#"{"ai": {"dailyBudgetUsd": "five"}}"#, r#"`ai.dailyBudgetUsd`: "five" is not a number; write it like 5.0"#),
    (
        r#"{"posthog": {"events": "signed_up"}}"#,
        r#"`posthog.events`: "signed_up" is not a list; write it like ["signed_up"]"#,
    ),
    (r#"{"posthog": {"events": [{}]}}"#, "`posthog.events[0]`: an object is not a text; write it in quotes"),
    (
        r#"{"posthog": {"insightMonitors": ["SELECT 1"]}}"#,
        r#"`posthog.insightMonitors[0]`: "SELECT 1" is not an object; write it in { }"#,
    ),
    (
        r#"{"posthog": {"insightMonitors": [{"query": "SELECT 1"}]}}"#,
        r#"`posthog.insightMonitors[0].name`: is missing; write it like "Sign-ups""#,
    ),
    (
        r#"{"posthog": {"insightMonitors": {"name": "a"}}}"#,
        "`posthog.insightMonitors`: an object is not a list; write it in [ ]",
    ),
    (r#"{"operators": [{"role": "owner"}]}"#, r#"`operators[0].id`: is missing; write it like "ada""#),
    (
        r#"{"operators": [{"id": 5}]}"#,
        r#"`operators[0].id`: 5 is not an operator's id; write it like "ada" (letters, digits, - _ .)"#,
    ),
    (r#"{"approvals": {"default": "ada"}}"#, r#"`approvals.default`: "ada" is not an object; write it in { }"#),
    (
        r#"{"approvals": {"default": {"needed": 256}}}"#,
        "`approvals.default.needed`: 256 is not a whole number from 0 to 255; write it like 1",
    ),
    (
        r#"{"approvals": {"vercel.rollback": {"needed": "two"}}}"#,
        r#"`approvals.vercel.rollback.needed`: "two" is not a whole number from 0 to 255; write it like 1"#,
    ),
    (
        r#"{"approvals": {"default": {"expires": 30}}}"#,
        r#"`approvals.default.expires`: 30 is not a duration; write it like "30m""#,
    ),
    (r#"{"routes": [{"minSeverity": "critical"}]}"#, r#"`routes[0].to`: is missing; write it like ["telegram"]"#),
];

/// Values that cannot hold.
pub(super) const WRONG_VALUES: &[(&str, &str)] = &[
    (
        r#"{"runtime": {"executionMode": "auto"}}"#,
        r#"`runtime.executionMode`: "auto" is not one of observe, propose, execute"#,
    ),
    (
        r#"{"runtime": {"channels": ["slack"]}}"#,
        r#"`runtime.channels[0]`: "slack" is not a channel; write one of telegram, discord, cli, web, api"#,
    ),
    (
        r#"{"runtime": {"channels": ["system"]}}"#,
        r#"`runtime.channels[0]`: "system" is not a channel; write one of telegram, discord, cli, web, api"#,
    ),
    (r#"{"app": {"name": " "}}"#, r#"`app.name`: is empty; write a name, like "Wakeman""#),
    (
        r#"{"monitor": {"intervalMs": 0}}"#,
        "`monitor.intervalMs`: 0 is out of range; write milliseconds from 1 to 86400000, like 60000",
    ),
    (
        r#"{"monitor": {"intervalMs": 86400001}}"#,
        "`monitor.intervalMs`: 86400001 is out of range; write milliseconds from 1 to 86400000, like 60000",
    ),
    (
        r#"{"ai": {"timeoutMs": 0}}"#,
        "`ai.timeoutMs`: 0 is out of range; write milliseconds from 1 to 86400000, like 60000",
    ),
    (r#"{"ai": {"dailyBudgetUsd": -1}}"#, "`ai.dailyBudgetUsd`: -1 is below 0; write US dollars a day, like 5.0"),
    (
        r#"{"ai": {"promptVersions": {"tip": {"v1": 0}}}}"#,
        r#"`ai.promptVersions.tip`: chooses no version; write one, like "v1", or give one a weight above 0"#,
    ),
    (
        r#"{"posthog": {"rateShare": 0}}"#,
        "`posthog.rateShare`: 0 is not a share; write a number above 0 and up to 1, like 0.1",
    ),
    (
        r#"{"posthog": {"rateShare": 1.5}}"#,
        "`posthog.rateShare`: 1.5 is not a share; write a number above 0 and up to 1, like 0.1",
    ),
    (
        r#"{"posthog": {"host": "eu.posthog.com"}}"#,
        r#"`posthog.host`: "eu.posthog.com" is not a web address; write it like "https://eu.posthog.com""#,
    ),
    (
        r#"{"posthog": {"host": "ftp://eu.posthog.com"}}"#,
        r#"`posthog.host`: "ftp://eu.posthog.com" is not a web address; write it like "https://eu.posthog.com""#,
    ),
    (
        r#"{"posthog": {"events": ["signed_up", ""]}}"#,
        "`posthog.events[1]`: is empty; write the event's name as PostHog shows it, or remove it",
    ),
    (
        r#"{"posthog": {"insightMonitors": [{"name": "a", "query": " "}]}}"#,
        "`posthog.insightMonitors[0].query`: is empty; write HogQL that yields one number",
    ),
    (
        r#"{"posthog": {"insightMonitors": [{"name": "a", "query": "SELECT 1", "kind": "gauge"}]}}"#,
        r#"`posthog.insightMonitors[0].kind`: "gauge" is not one of count, ratio, duration"#,
    ),
    (
        r#"{"github": {"repository": "acme"}}"#,
        r#"`github.repository`: "acme" is not a repository; write it like "acme/app""#,
    ),
    (
        r#"{"github": {"repository": "https://github.com/acme/app"}}"#,
        r#"`github.repository`: "https://github.com/…" is not a repository; write it like "acme/app""#,
    ),
    (r#"{"github": {"defaultBranch": ""}}"#, r#"`github.defaultBranch`: "" is not a branch; write it like "main""#),
    (
        r#"{"github": {"branchPrefix": "wakeman"}}"#,
        r#"`github.branchPrefix`: "wakeman" is not a branch prefix; write it like "wakeman/", with a slash at the end"#,
    ),
    (
        r#"{"github": {"branchPrefix": ""}}"#,
        r#"`github.branchPrefix`: "" is not a branch prefix; write it like "wakeman/", with a slash at the end"#,
    ),
    (
        r#"{"github": {"branchPrefix": "release/", "defaultBranch": "release/main"}}"#,
        r#"`github.branchPrefix`: "release/" holds the default branch, which is never written to; choose another"#,
    ),
    (
        r#"{"ui": {"timezone": "Berlin"}}"#,
        r#"`ui.timezone`: "Berlin" is not a timezone; did you mean "Europe/Berlin"?"#,
    ),
    (
        r#"{"ui": {"timezone": "Mars/Olympus"}}"#,
        r#"`ui.timezone`: "Mars/Olympus" is not a timezone; write it like "Europe/Berlin""#,
    ),
    (
        r#"{"operators": [{"id": "ada", "timezone": "CET+1"}]}"#,
        r#"`operators[0].timezone`: "CET+1" is not a timezone; write it like "Europe/Berlin""#,
    ),
    (
        r#"{"operators": [{"id": "ada lovelace"}]}"#,
        r#"`operators[0].id`: "ada lovelace" is not an operator's id; write it like "ada" (letters, digits, - _ .)"#,
    ),
    (
        r#"{"operators": [{"id": "cli:1000"}]}"#,
        r#"`operators[0].id`: "cli:1000" is kept for local accounts; write a name, like "ada""#,
    ),
    (
        r#"{"operators": [{"id": "ada", "role": "admin"}]}"#,
        r#"`operators[0].role`: "admin" is not one of viewer, approver, owner"#,
    ),
    (
        r#"{"operators": [{"id": "ada"}, {"id": "ada"}]}"#,
        r#"`operators[1].id`: "ada" is there twice; give each operator an id of their own"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "principals": ["telegram:@ada"]}]}"#,
        r#"`operators[0].principals[0]`: "telegram:@ada" is not a principal; write it like "telegram:123456789" (channel, colon, numeric id)"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "principals": ["telegram:-1001234567890"]}]}"#,
        r#"`operators[0].principals[0]`: "telegram:-1001234567890" is not a principal; write it like "telegram:123456789" (channel, colon, numeric id)"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "principals": ["slack:5"]}]}"#,
        r#"`operators[0].principals[0]`: "slack" is not a channel; write one of telegram, discord, cli, web, api"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "principals": ["system:0"]}]}"#,
        r#"`operators[0].principals[0]`: "system:0" is Wakeman itself and stands for nobody; remove it"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "principals": ["telegram:007"]}]}"#,
        r#"`operators[0].principals[0]`: "telegram:007" has leading zeros that no channel sends; remove them"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "principals": ["telegram:7", "telegram:7"]}]}"#,
        r#"`operators[0].principals[1]`: "telegram:7" is listed twice; remove one"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "principals": ["telegram:7"]}, {"id": "lin", "principals": ["telegram:7"]}]}"#,
        r#"`operators[1].principals[0]`: "telegram:7" belongs to ada already; a principal is one person's"#,
    ),
    (
        r#"{"approvals": {"default": {"needed": 0}}}"#,
        "`approvals.default.needed`: 0 would run actions that nobody approved; write 1 or more",
    ),
    (
        r#"{"approvals": {"default": {"approvers": []}}}"#,
        "`approvals.default.approvers`: names nobody, so nothing could be approved; name an operator or remove the key",
    ),
    (
        r#"{"approvals": {"default": {"approvers": ["ada"]}}}"#,
        r#"`approvals.default.approvers[0]`: "ada" is not an operator; add them to operators"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "role": "owner"}], "approvals": {"default": {"approvers": ["adda"]}}}"#,
        r#"`approvals.default.approvers[0]`: "adda" is not an operator; did you mean "ada"?"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "role": "owner"}], "approvals": {"default": {"approvers": ["ada"], "needed": 2}}}"#,
        "`approvals.default.needed`: 2 is more than the 1 operator in approvers; name more or write 1",
    ),
    (
        r#"{"operators": [{"id": "ada", "role": "owner"}], "approvals": {"plan": {"approvers": ["ada", "ada"]}}}"#,
        r#"`approvals.plan.approvers[1]`: "ada" is there twice; remove one"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "principals": ["cli:1000"]}], "approvals": {"default": {"approvers": ["cli:1000"]}}}"#,
        r#"`approvals.default.approvers[0]`: "cli:1000" is ada; write "ada""#,
    ),
    (
        r#"{"approvals": {"default": {"expires": "0m"}}}"#,
        r#"`approvals.default.expires`: "0m" is not a duration; write it like "30m""#,
    ),
    (
        r#"{"approvals": {"default": {"expires": "8w"}}}"#,
        r#"`approvals.default.expires`: is longer than 30 days; write a shorter one, like "30m""#,
    ),
    (
        r#"{"execute": {"classes": ["github.merge_pr"]}}"#,
        r#"`execute.classes[0]`: "github.merge_pr" merges and always needs an approval; remove it"#,
    ),
    (
        r#"{"execute": {"classes": ["github.rerun_failed_jobs", "posthog.set_flag"]}}"#,
        r#"`execute.classes[1]`: "posthog.set_flag" changes a flag and always needs an approval; remove it"#,
    ),
    (
        r#"{"execute": {"classes": ["vercel.rollback"]}}"#,
        r#"`execute.classes[0]`: "vercel.rollback" deploys and always needs an approval; remove it"#,
    ),
    (
        r#"{"execute": {"classes": ["vercel.redeploy"]}}"#,
        r#"`execute.classes[0]`: "vercel.redeploy" deploys and always needs an approval; remove it"#,
    ),
    (
        r#"{"execute": {"classes": ["plan"]}}"#,
        r#"`execute.classes[0]`: "plan" can merge or deploy and always needs an approval; remove it"#,
    ),
    (
        r#"{"routes": [{"minSeverity": "huge", "to": ["telegram"]}]}"#,
        r#"`routes[0].minSeverity`: "huge" is not one of info, warning, critical"#,
    ),
    (
        r#"{"routes": [{"to": []}]}"#,
        r#"`routes[0].to`: names no channel; write one, like ["telegram"], or remove the route"#,
    ),
    (
        r#"{"routes": [{"to": ["pager"]}]}"#,
        r#"`routes[0].to[0]`: "pager" is not a channel; write one of telegram, discord, cli, web, api"#,
    ),
    (
        r#"{"routes": [{"to": ["telegram"], "kinds": ["findings"]}]}"#,
        r#"`routes[0].kinds[0]`: "findings" is not one of finding, proposal, source, digest, brief, notice"#,
    ),
    (
        r#"{"routes": [{"to": ["telegram"], "kinds": []}]}"#,
        r#"`routes[0].kinds`: names nothing, so the route is for nothing; write one, like ["finding"], or remove the key"#,
    ),
    (
        r#"{"operators": [{"id": "ada", "role": "owner"}], "routes": [{"to": ["telegram"], "operators": ["adda"]}]}"#,
        r#"`routes[0].operators[0]`: "adda" is not an operator; did you mean "ada"?"#,
    ),
];

/// Lines of a wakeup schedule that cannot hold.
pub(super) const WRONG_ENTRIES: &[(&str, &str)] = &[
    (r#"{"timeUtc": "06:30"}"#, r#"`schedule[0].promptId`: is missing; write it like "morning""#),
    (r#"{"promptId": 7, "timeUtc": "06:30"}"#, r#"`schedule[0].promptId`: 7 is not a text; write it like "morning""#),
    (
        r#"{"promptId": "morning", "timeUtc": 630}"#,
        r#"`schedule[0].timeUtc`: 630 is not a text; write it like "10:00""#,
    ),
    (
        r#"{"promptId": "morning", "cron": [5]}"#,
        r#"`schedule[0].cron`: a list is not a text; write it like "0 9 * * 1-5""#,
    ),
    (
        r#"{"promptId": "morning", "cron": "0 9 * * *", "timezone": "GMT+2"}"#,
        r#"`schedule[0].timezone`: "GMT+2" is not a timezone; write it like "Europe/Berlin""#,
    ),
    (
        r#"{"promptId": "mornin", "timeUtc": "06:30"}"#,
        r#"`schedule[0].promptId`: "mornin" is not a prompt of this file; did you mean "morning"?"#,
    ),
    (
        r#"{"promptId": "weekly", "timeUtc": "06:30"}"#,
        r#"`schedule[0].promptId`: "weekly" is not a prompt of this file; add it to prompts"#,
    ),
    (r#"{"promptId": "morning"}"#, r#"`schedule[0]`: has no time; write "timeUtc": "10:00" or "cron": "0 9 * * 1-5""#),
    (
        r#"{"promptId": "morning", "timeUtc": "06:30", "cron": "0 9 * * *"}"#,
        "`schedule[0]`: has both timeUtc and cron; keep one",
    ),
    (
        r#"{"promptId": "morning", "timeUtc": "06:30", "timezone": "Europe/Berlin"}"#,
        "`schedule[0].timezone`: belongs to cron entries only, timeUtc is UTC; remove it or write a cron pattern",
    ),
    (
        r#"{"promptId": "morning", "timeUtc": "25:00"}"#,
        r#"`schedule[0].timeUtc`: "25:00" is not a time of day; write it like "06:30""#,
    ),
    (
        r#"{"promptId": "morning", "timeUtc": "6.30"}"#,
        r#"`schedule[0].timeUtc`: "6.30" is not a time of day; write it like "06:30""#,
    ),
    (
        r#"{"promptId": "morning", "cron": "0 9 * *"}"#,
        r#"`schedule[0].cron`: "0 9 * *" has 4 fields, not 5; write it like "0 9 * * 1-5""#,
    ),
    (
        r#"{"promptId": "morning", "cron": "0 0 9 * * 1-5"}"#,
        r#"`schedule[0].cron`: "0 0 9 * * 1-5" has 6 fields, not 5; write it like "0 9 * * 1-5""#,
    ),
    (
        r#"{"promptId": "morning", "cron": "0 25 * * *"}"#,
        r#"`schedule[0].cron`: "0 25 * * *" is not a cron pattern; write it like "0 9 * * 1-5""#,
    ),
    (
        r#"{"promptId": "morning", "cron": "0 9 31 2 *"}"#,
        r#"`schedule[0].cron`: "0 9 31 2 *" names a day that never comes; write it like "0 9 * * 1-5""#,
    ),
    (
        r#"{"promptId": "morning-brif", "timeUtc": "06:30"}"#,
        r#"`schedule[0].promptId`: "morning-brif" is not a prompt of this file; did you mean "morning-brief"?"#,
    ),
    (
        r#"{"promptId": "empty", "timeUtc": "06:30"}"#,
        r#"`schedule[0].promptId`: "empty" has an empty prompt; write what to ask"#,
    ),
    (
        r#"{"promptId": "morning", "cron": "every day at nine"}"#,
        r#"`schedule[0].cron`: "every day at nine" has 4 fields, not 5; write it like "0 9 * * 1-5""#,
    ),
    (
        r#"{"promptId": "morning", "cron": "0 9 * * *", "timezone": "Berlin"}"#,
        r#"`schedule[0].timezone`: "Berlin" is not a timezone; did you mean "Europe/Berlin"?"#,
    ),
    (
        r#"{"promptId": "morning", "timeUtc": "06:30", "late": "maybe"}"#,
        r#"`schedule[0].late`: "maybe" is not a rule for late wakeups; write "run", "skip" or "within:30m""#,
    ),
    (
        r#"{"promptId": "morning", "timeUtc": "06:30", "late": "within:soon"}"#,
        r#"`schedule[0].late`: "within:soon" is not a rule for late wakeups; write "run", "skip" or "within:30m""#,
    ),
];
