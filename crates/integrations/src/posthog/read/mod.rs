//! What a conversation asks of PostHog, within the part of our share that the watch leaves.

mod funnel;
mod lists;
mod query;
mod trends;

use futures::future::BoxFuture;
use wakeman_gateway::ports::{
    Annotation, BucketAnswer, BucketRequest, ErrorIssue, FlagCard, FunnelRequest, FunnelStep, ProductReader,
    QueryAnswer, QueryRequest, SourceError, TrendAnswer, TrendRequest,
};
use wakeman_types::Timestamp;

use super::{Posthog, buckets, client::Purpose, errors};
use crate::http::Failure;

impl ProductReader for Posthog {
    fn query<'a>(&'a self, request: QueryRequest<'a>) -> BoxFuture<'a, Result<QueryAnswer, SourceError>> {
        Box::pin(async move { query::query(&self.wire, request).await.map_err(Failure::source) })
    }

    fn trends<'a>(&'a self, request: TrendRequest<'a>) -> BoxFuture<'a, Result<TrendAnswer, SourceError>> {
        Box::pin(async move { trends::trends(&self.wire, request).await.map_err(Failure::source) })
    }

    fn funnel<'a>(&'a self, request: FunnelRequest<'a>) -> BoxFuture<'a, Result<Vec<FunnelStep>, SourceError>> {
        Box::pin(async move { funnel::funnel(&self.wire, request).await.map_err(Failure::source) })
    }

    fn error_issues<'a>(
        &'a self,
        since: Timestamp,
        search: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<ErrorIssue>, SourceError>> {
        Box::pin(async move { errors::errors(&self.wire, since, search, Purpose::Ask).await.map_err(Failure::source) })
    }

    fn flag_list<'a>(&'a self, search: Option<&'a str>) -> BoxFuture<'a, Result<Vec<FlagCard>, SourceError>> {
        Box::pin(async move { lists::flags(&self.wire, search).await.map_err(Failure::source) })
    }

    fn annotations(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<Annotation>, SourceError>> {
        Box::pin(async move { lists::annotations(&self.wire, since).await.map_err(Failure::source) })
    }

    fn series<'a>(&'a self, request: BucketRequest<'a>) -> BoxFuture<'a, Result<BucketAnswer, SourceError>> {
        Box::pin(async move {
            buckets::buckets(&self.wire, &self.refusals, request, Purpose::Ask).await.map_err(Failure::source)
        })
    }
}
