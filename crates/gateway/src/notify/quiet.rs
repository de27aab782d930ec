//! Who is to be left alone now.

use wakeman_types::Timestamp;

use crate::{
    config::{Operator, quiet_until},
    core::Core,
};

/// Until when the operator has quiet hours at `at`, or is away or busy by a calendar; `None`: nothing of it.
pub(super) fn until(core: &Core, operator: &Operator, at: Timestamp) -> Option<Timestamp> {
    let zone = operator.timezone.unwrap_or(core.zone());
    let by_calendar = core.calendars.around(operator, zone, at).map(|(_, until)| until);
    quiet_until(&operator.quiet_hours, zone, at).max(by_calendar)
}

/// Since when the operator is left alone at `at`, as far as calendars say so; else since then.
pub(super) fn since(core: &Core, operator: &Operator, at: Timestamp) -> Timestamp {
    let zone = operator.timezone.unwrap_or(core.zone());
    core.calendars.around(operator, zone, at).map_or(at, |(since, _)| since)
}

/// Whether the operator is to be left alone, unless something is critical.
pub(crate) fn is_quiet(core: &Core, operator: &Operator) -> bool {
    until(core, operator, core.now()).is_some()
}

/// Whether everybody is. With no operators listed there is only the terminal, which wakes nobody.
pub(crate) fn everybody_quiet(core: &Core) -> bool {
    let operators = &core.settings.operators;
    !operators.is_empty() && operators.iter().all(|operator| is_quiet(core, operator))
}
