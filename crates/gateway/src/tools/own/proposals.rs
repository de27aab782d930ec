//! Proposals: the list, or one with everything its digest covers.

use wakeman_present::{details_doc, plain, proposals_table};
use wakeman_store::ListQuery;
use wakeman_types::{Citation, Proposal};

use super::{newest, one, with_more};
use crate::tools::{
    ToolAnswer, ToolContext, ToolError,
    output::{known, render},
};

/// One proposal, or the newest.
pub(super) async fn answer(context: ToolContext<'_>, id: Option<&str>, limit: usize) -> Result<ToolAnswer, ToolError> {
    if let Some(id) = id {
        let proposal: Proposal = one(&context.core.store, id).await?;
        let mut doc = details_doc(&proposal, &render(context));
        // Buttons are for people.
        doc.buttons.clear();
        return Ok(known(plain(&doc), vec![Citation::Proposal { id: proposal.id }]));
    }
    let (proposals, more) = newest::<Proposal>(&context.core.store, ListQuery::newest(limit)).await?;
    let text = plain(&proposals_table(&proposals, &render(context)));
    let cited = proposals.iter().map(|proposal| Citation::Proposal { id: proposal.id }).collect();
    Ok(known(with_more(text, more), cited))
}
