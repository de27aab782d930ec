//! What operators' reactions teach.

use wakeman_types::{FindingId, GatewayError};

use super::{
    decide::tell_finding,
    show::{clock, id, with_gateway},
};
use crate::{
    args::{FeedbackArgs, FeedbackWord},
    attach::{Attached, attach},
    failure::Failure,
    global::Global,
};

/// `feedback ID useful|noise`
pub async fn feedback(global: &Global, args: &FeedbackArgs) -> Result<u8, Failure> {
    let (by, id) = (global.principal(), id::<FindingId>(&args.id)?);
    let useful = args.word == FeedbackWord::Useful;
    let (finding, (now, zone)) = with_gateway!(global, |gateway| async {
        Ok::<_, GatewayError>((gateway.feedback(&by, id, useful).await?, clock(&*gateway, &by).await?))
    });
    tell_finding(global, finding, &global.context(now, &zone))
}
