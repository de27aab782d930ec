//! Adapters that are away are told of on another channel, once, and their return too; what must be heard does not wait for them.

use wakeman_store::{Commit, StoreError};

use crate::{
    core::Core,
    deliver::{announce_besides, pass_on},
};

/// Looks at every adapter's last report.
pub(super) async fn look(core: &Core) -> Result<(), StoreError> {
    for (channel, reported) in core.surfaces.reports() {
        let trouble = reported.trouble(core.now());
        if let Some(why) = &trouble {
            core.health.failed(channel.name(), why.clone());
            if core.surfaces.passes_on(channel, core.now())
                && let Err(error) = pass_on(core, channel).await
            {
                tracing::error!(%error, %channel, "deliver.pass_on");
            }
        }
        if trouble.is_some() == reported.told {
            continue;
        }
        let name = wakeman_present::proper_name(channel.name());
        let text = match &trouble {
            Some(why) => format!("{name} does not work: {why}. Messages for {name} wait until it does."),
            None => format!("{name} works again."),
        };
        core.store.commit(announce_besides(core, Commit::new(core.now()), channel, &text)).await.map(drop)?;
        core.surfaces.told(channel, trouble.is_some());
    }
    Ok(())
}
