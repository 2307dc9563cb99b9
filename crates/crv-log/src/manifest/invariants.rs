//! Invariants of a state, checked when a document is read and before a state is committed.

use super::state::Part;
use crate::paths::BucketId;

/// Checks invariant 6 as far as an entry alone can tell: it has rows, and its ticks lie in its bucket.
pub fn check_part(bucket: BucketId, part: &Part, tick_bucket_size: Option<u64>) -> Result<(), String> {
    if part.rows == 0 {
        return Err(format!("part `{}` has no rows", part.id));
    }
    if part.rows.max(part.bytes) > i64::MAX as u64 {
        return Err(format!(
            "part `{}` has {} rows in {} bytes, more than any file can have",
            part.id, part.rows, part.bytes
        ));
    }
    if part.ticks.min < 0 || part.ticks.min > part.ticks.max {
        return Err(format!(
            "part `{}` has the invalid tick range {}..{}",
            part.id, part.ticks.min, part.ticks.max
        ));
    }
    let Some(size) = tick_bucket_size else { return Ok(()) };
    match bucket.ticks(size) {
        Some((first, last)) if first <= part.ticks.min && part.ticks.max <= last => Ok(()),
        _ => Err(format!(
            "part `{}` has ticks {}..{}, outside bucket {bucket} of {size} ticks",
            part.id, part.ticks.min, part.ticks.max
        )),
    }
}
