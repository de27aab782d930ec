//! How the C library hands out memory to the daemon.

use std::{os::unix::process::CommandExt, process::Command};

/// Read by the C library before `main`, so that they can only be set by starting anew. One arena for all threads in place of one for
/// each, and blocks from 128 KiB given back when freed: about 5 MB less for a daemon that mostly waits.
const SETTINGS: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_TRIM_THRESHOLD_", "131072"), ("MALLOC_MMAP_THRESHOLD_", "131072")];

/// Starts this program anew in its own place (same process, same arguments) with these settings, unless one of them is set already, by
/// an operator or by the first time. Where that cannot be done the program goes on as it is.
pub fn keep_small() {
    if !cfg!(target_env = "gnu") || SETTINGS.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        let error = Command::new(program).args(std::env::args_os().skip(1)).envs(SETTINGS).exec();
        // Only a failure comes back.
        tracing::debug!(%error, "memory.not_started_anew");
    }
}
