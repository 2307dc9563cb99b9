//! Checkpoints of a simulation's own state, tied to ticks.
//!
//! A checkpoint is a row of the declared table `model_state`: it becomes visible with the rows of its tick, in one
//! commit, and everything that holds for rows holds for it. The same commit takes out older ones.

use std::num::NonZeroU64;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
use crv_core::tables::TableId;

use super::Transaction;
use super::options::AppendOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::paths::{BucketId, PartId};
use crate::presets::MODEL_STATE;
use crv_schema::Frame;

const TABLE: TableId = TableId::MODEL_STATE;
/// The largest state, in bytes: an Arrow array of bytes has 32-bit offsets.
const MAX_BYTES: usize = i32::MAX as usize;

/// How a checkpoint is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckpointOptions {
    /// The tick that the state belongs to; `None` for the newest tick of the transaction's rows.
    pub tick: Option<i64>,
    /// How many checkpoints are kept, this one included; `None` for all.
    pub keep: Option<NonZeroU64>,
}

/// The state of a simulation at a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelState {
    /// The tick.
    pub tick: i64,
    /// The bytes that were written.
    pub state: Vec<u8>,
}

impl Transaction {
    /// Adds the state of the simulation after the tick of this transaction's rows: it becomes visible with them. Older
    /// checkpoints beyond [`keep`](CheckpointOptions::keep) are taken out by the same commit.
    pub fn checkpoint(&mut self, state: &[u8], options: CheckpointOptions) -> Result<()> {
        let run = self.run().clone();
        let refused = |why: &str, hint: &str| Error::argument(format!("run `{run}`: {why}")).with_hint(hint);
        if self.checkpoint.is_some() {
            return Err(refused("the transaction has a checkpoint already", "write one for each commit"));
        }
        if state.len() > MAX_BYTES {
            let why = format!("a checkpoint of {} bytes is larger than {MAX_BYTES}", state.len());
            return Err(refused(&why, "leave out what can be computed again, or compress it"));
        }
        let tick = options.tick.or(self.newest()).ok_or_else(|| {
            refused(
                "a checkpoint without rows belongs to no tick",
                "append the rows of the tick first, or pass `tick`",
            )
        })?;
        if tick < 0 {
            return Err(refused(&format!("tick {tick} of a checkpoint is negative"), "ticks count from 0"));
        }
        self.declare(&MODEL_STATE.descriptor()?)?;
        let columns: [(&str, ArrayRef); 2] = [
            ("tick", Arc::new(Int64Array::from(vec![tick]))),
            ("state", Arc::new(BinaryArray::from_vec(vec![state]))),
        ];
        let batch = RecordBatch::try_from_iter(columns)
            .map_err(|error| Error::new(ErrorKind::Schema, format!("run `{run}`: {error}")))?;
        self.add(TABLE, &Frame::from(batch), AppendOptions::default(), false)?;
        self.checkpoint = Some(options);
        Ok(())
    }
}

/// Returns the parts of older checkpoints, so that with a new one only `keep` remain. A part with several checkpoints,
/// as a compaction makes them, stays until all of them are older.
pub(super) fn older(known: &TableState, keep: NonZeroU64) -> Vec<(BucketId, PartId)> {
    let mut parts: Vec<_> = known.parts().collect();
    parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.ticks.max));
    let mut newer = 1_u64;
    let mut older = Vec::new();
    for (bucket, part) in parts {
        if newer >= keep.get() {
            older.push((bucket, part.id));
        }
        newer = newer.saturating_add(part.rows);
    }
    older
}
