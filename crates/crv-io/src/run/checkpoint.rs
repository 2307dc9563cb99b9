//! The newest checkpoint of a simulation's state, and continuing a run from it.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use crv_core::tables::TableId;

use crate::dataset::Dataset;
use crate::error::{ErrorKind, Result};
use crate::write::ModelState;

const TABLE: TableId = TableId::MODEL_STATE;

impl Dataset {
    /// The newest checkpoint of the simulation's state; `None` if there is none. Reads one part.
    pub fn latest_checkpoint(&self) -> Result<Option<ModelState>> {
        let state = match self.log().snapshot(TABLE) {
            Ok(state) => state,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(newest) = state.ticks().map(|ticks| ticks.max) else { return Ok(None) };
        let scan = self.scan_of(state).ticks(newest..=newest).columns(&["tick", "state"])?;
        let mut found = None;
        for batch in scan.batches() {
            let batch = batch?;
            let Some(last) = batch.num_rows().checked_sub(1) else { continue };
            let ticks = batch.column(0).as_primitive_opt::<Int64Type>();
            let states = batch.column(1).as_binary_opt::<i32>();
            if let (Some(ticks), Some(states)) = (ticks, states)
                && states.is_valid(last)
            {
                found = Some(ModelState { tick: ticks.value(last), state: states.value(last).to_vec() });
            }
        }
        Ok(found)
    }

    /// Prepares the run to be continued: removes every row after the newest checkpoint, as [`truncate`](Self::truncate)
    /// does, and returns that checkpoint. Without one, every row is removed: the simulation begins again.
    pub fn resume(&self) -> Result<Option<ModelState>> {
        let latest = self.latest_checkpoint()?;
        match self.truncate(latest.as_ref().map_or(-1, |latest| latest.tick)) {
            Ok(_) => Ok(latest),
            // A run of which nothing was written yet.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(latest),
            Err(error) => Err(error),
        }
    }
}
