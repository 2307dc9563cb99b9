//! The state that a scan is pinned to, as bytes: for a scan of the same parts in another process.

use crv_core::tables::TableId;

use crate::error::{Error, Result};
use crate::manifest::{self, Part, TableState};
use crate::paths::BucketId;

/// Serializes the state with only these parts, as a manifest.
pub(super) fn encode<'a>(
    state: &TableState,
    parts: impl Iterator<Item = (BucketId, &'a Part)>,
) -> Result<Vec<u8>> {
    let mut pinned = TableState::new(state.table, state.tick_bucket_size, state.commit, state.created_at);
    pinned.updated_at = state.updated_at;
    pinned.declared.clone_from(&state.declared);
    pinned.schema.clone_from(&state.schema);
    for (bucket, part) in parts {
        pinned.add(bucket, part.clone());
    }
    manifest::encode(&pinned).map_err(|error| {
        Error::argument(format!("could not serialize a scan of table `{}`: {error}", state.table))
    })
}

/// Parses the state.
pub(crate) fn decode(table: TableId, bytes: &[u8]) -> Result<TableState> {
    let decoded = manifest::decode(table, bytes);
    Ok(decoded
        .map_err(|why| {
            Error::argument(format!("these bytes are not a pinned scan of table `{table}`: {why}"))
        })?
        .state)
}
