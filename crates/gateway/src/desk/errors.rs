//! Failures in the words of a surface.

use wakeman_store::StoreError;
use wakeman_types::{ErrorKind, GatewayError};

use crate::settle::SettleError;

/// There is no such thing.
pub(crate) fn not_found(message: String) -> GatewayError {
    GatewayError::new(ErrorKind::NotFound, message)
}

/// The database said no. The log keeps the cause; people get the remedy.
pub(crate) fn storage_error(error: &StoreError) -> GatewayError {
    tracing::error!(%error, "store.failed");
    let kind = if error.is_retryable() { ErrorKind::Unavailable } else { ErrorKind::Storage };
    GatewayError::new(kind, error.to_string())
}

/// A change could not be made.
pub(crate) fn settle_error(error: &SettleError) -> GatewayError {
    match error {
        SettleError::Store(error) => storage_error(error),
        SettleError::Contended { .. } => GatewayError::new(ErrorKind::Conflict, error.to_string()),
    }
}
