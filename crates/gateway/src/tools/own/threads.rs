//! Conversations: the list, or what was said in one.

use wakeman_present::{plain, thread_doc, threads_table};
use wakeman_store::ListQuery;
use wakeman_types::{Message, Note, Thread, ThreadView};

use super::{newest, one, with_more};
use crate::tools::{
    ToolAnswer, ToolContext, ToolError,
    output::{known, render},
};

/// One conversation, or those last spoken in.
pub(super) async fn answer(context: ToolContext<'_>, id: Option<&str>, limit: usize) -> Result<ToolAnswer, ToolError> {
    let Some(id) = id else {
        let (threads, more) = newest::<Thread>(&context.core.store, ListQuery::newest(limit)).await?;
        return Ok(known(with_more(plain(&threads_table(&threads, &render(context))), more), Vec::new()));
    };
    let thread: Thread = one(&context.core.store, id).await?;
    let query = ListQuery::newest(limit).parent(thread.thread_id.as_str());
    let (mut messages, more) = newest::<Message>(&context.core.store, query.clone()).await?;
    let (mut notes, _) = newest::<Note>(&context.core.store, query).await?;
    messages.reverse();
    notes.reverse();
    let view = ThreadView { thread, messages, notes };
    Ok(known(with_more(plain(&thread_doc(&view, &render(context))), more), Vec::new()))
}
