//! The life of a proposal: one pure function, every pair of state and command decided.

use wakeman_types::ProposalState as State;

/// What can happen to a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Its card was committed to the outbox.
    Show,
    /// The last approval that was needed.
    Approve,
    /// One rejection.
    Reject,
    /// The window closed before anything began.
    Expire,
    /// A newer proposal took its place.
    Supersede,
    /// The first intent was committed.
    Begin,
    /// Every step is done.
    Succeed,
    /// A step will not happen.
    Fail,
    /// It is not known whether a step took effect.
    Doubt,
    /// The step that was approved alone is done; the next waits for a yes of its own.
    Pause,
    /// The check says it helped.
    Verify,
    /// The check says it did not.
    FallShort,
}

impl Command {
    /// Every command, for tables.
    pub const ALL: [Self; 12] = [
        Self::Show,
        Self::Approve,
        Self::Reject,
        Self::Expire,
        Self::Supersede,
        Self::Begin,
        Self::Succeed,
        Self::Fail,
        Self::Doubt,
        Self::Pause,
        Self::Verify,
        Self::FallShort,
    ];
}

/// Why a command does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifecycleError {
    /// Nobody was asked yet.
    #[error("it has not been shown yet")]
    NotShown,
    /// It was decided before.
    #[error("it is already {}", .0.name())]
    AlreadyDecided(State),
    /// It is not under way.
    #[error("it is {}, not under way", .0.name())]
    NotUnderWay(State),
    /// It has begun; only its outcome can change it now.
    #[error("it is {} and can no longer be stopped", .0.name())]
    Begun(State),
}

/// The state after `command`.
///
/// # Errors
/// [`LifecycleError`] when the command does not apply in this state; the state is then unchanged.
pub const fn step(from: State, command: Command) -> Result<State, LifecycleError> {
    use Command as C;
    use State as S;
    match (from, command) {
        (S::Drafted, C::Show) => Ok(S::Pending),
        (S::Drafted | S::Pending, C::Supersede) => Ok(S::Superseded),
        (S::Drafted, C::Approve | C::Reject | C::Expire) => Err(LifecycleError::NotShown),
        (S::Pending, C::Approve) => Ok(S::Approved),
        (S::Pending, C::Reject) => Ok(S::Rejected),
        (S::Pending | S::Approved, C::Expire) => Ok(S::Expired),
        (S::Approved | S::NeedsReview, C::Begin) => Ok(S::Executing),
        (S::Approved | S::Executing | S::NeedsReview, C::Fail) => Ok(S::Failed),
        (S::Approved | S::Executing, C::Doubt) => Ok(S::NeedsReview),
        (S::Executing, C::Pause) => Ok(S::Pending),
        (S::Executing | S::NeedsReview, C::Succeed) => Ok(S::Succeeded),
        (S::Succeeded, C::Verify) => Ok(S::Verified),
        (S::Succeeded, C::FallShort) => Ok(S::NotRecovered),
        (S::Executing | S::NeedsReview, C::Expire | C::Supersede) => Err(LifecycleError::Begun(from)),
        (_, C::Show | C::Approve | C::Reject | C::Expire | C::Supersede) => Err(LifecycleError::AlreadyDecided(from)),
        (_, C::Begin | C::Succeed | C::Fail | C::Doubt | C::Pause | C::Verify | C::FallShort) => {
            Err(LifecycleError::NotUnderWay(from))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Command as C, LifecycleError as E, State as S, step};

    /// Every state in the order of `S::ALL`, for the commands in the order of `C::ALL`:
    /// show, approve, reject, expire, supersede, begin, succeed, fail, doubt, pause, verify, fall short.
    fn table() -> Vec<(S, [Result<S, E>; 12])> {
        let no = |s| Err(E::NotUnderWay(s));
        let done = |s| Err(E::AlreadyDecided(s));
        let over = |s| [done(s), done(s), done(s), done(s), done(s), no(s), no(s), no(s), no(s), no(s), no(s), no(s)];
        let shy = Err(E::NotShown);
        let d = S::Drafted;
        let p = S::Pending;
        let a = S::Approved;
        let x = S::Executing;
        let r = S::NeedsReview;
        let s = S::Succeeded;
        vec![
            (d, [Ok(p), shy, shy, shy, Ok(S::Superseded), no(d), no(d), no(d), no(d), no(d), no(d), no(d)]),
            (
                p,
                [
                    done(p),
                    Ok(a),
                    Ok(S::Rejected),
                    Ok(S::Expired),
                    Ok(S::Superseded),
                    no(p),
                    no(p),
                    no(p),
                    no(p),
                    no(p),
                    no(p),
                    no(p),
                ],
            ),
            (
                a,
                [
                    done(a),
                    done(a),
                    done(a),
                    Ok(S::Expired),
                    done(a),
                    Ok(x),
                    no(a),
                    Ok(S::Failed),
                    Ok(r),
                    no(a),
                    no(a),
                    no(a),
                ],
            ),
            (S::Rejected, over(S::Rejected)),
            (S::Expired, over(S::Expired)),
            (S::Superseded, over(S::Superseded)),
            (
                x,
                [
                    done(x),
                    done(x),
                    done(x),
                    Err(E::Begun(x)),
                    Err(E::Begun(x)),
                    no(x),
                    Ok(s),
                    Ok(S::Failed),
                    Ok(r),
                    Ok(p),
                    no(x),
                    no(x),
                ],
            ),
            (
                s,
                [
                    done(s),
                    done(s),
                    done(s),
                    done(s),
                    done(s),
                    no(s),
                    no(s),
                    no(s),
                    no(s),
                    no(s),
                    Ok(S::Verified),
                    Ok(S::NotRecovered),
                ],
            ),
            (S::Failed, over(S::Failed)),
            (
                r,
                [
                    done(r),
                    done(r),
                    done(r),
                    Err(E::Begun(r)),
                    Err(E::Begun(r)),
                    Ok(x),
                    Ok(s),
                    Ok(S::Failed),
                    no(r),
                    no(r),
                    no(r),
                    no(r),
                ],
            ),
            (S::Verified, over(S::Verified)),
            (S::NotRecovered, over(S::NotRecovered)),
        ]
    }

    #[test]
    fn every_state_answers_every_command_as_the_table_says() {
        let table = table();
        assert_eq!(table.iter().map(|row| row.0).collect::<Vec<_>>(), S::ALL, "one row a state");
        for (from, wants) in table {
            for (command, want) in C::ALL.into_iter().zip(wants) {
                assert_eq!(step(from, command), want, "{from:?} + {command:?}");
            }
        }
    }

    #[test]
    fn only_the_end_of_a_step_leads_back_to_a_state_in_which_a_decision_counts() {
        for from in S::ALL {
            for command in C::ALL {
                if let Ok(S::Pending) = step(from, command) {
                    assert!(matches!((from, command), (S::Drafted, C::Show) | (S::Executing, C::Pause)), "{from:?}");
                }
                if let Ok(S::Executing) = step(from, command) {
                    assert!(matches!(from, S::Approved | S::NeedsReview), "{from:?}");
                }
            }
        }
    }
}
