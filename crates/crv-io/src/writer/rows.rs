//! Buffered rows of one table.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;

use super::gathered::Size;
use crate::schema::{Descriptor, FieldPath, TableSchema};
use crate::ticks::TickSpan;
use crate::validate::{Prepared, ValidationError, conform};
use crate::write::ROWS_AT_ONCE;
use crv_schema::Frame;

/// This many small batches are joined into one. Then the overhead of an array in memory and in the encoder no longer
/// matters, and each row is copied only a few times.
const JOINED: usize = 16;
/// Batches of this many rows are not small: `JOINED` of them are the rows that are cast at a time.
const LARGE_ROWS: usize = ROWS_AT_ONCE / JOINED;
/// Batches of this many bytes are not small: joined text must not overflow its offsets.
const LARGE_BYTES: u64 = 4 * 1024 * 1024;

/// Rows of one table, in append order.
#[derive(Debug, Clone, Default)]
pub(super) struct TableRows {
    chunks: Vec<Chunk>,
}

/// A batch with its logical types.
#[derive(Debug, Clone)]
struct Chunk {
    schema: Arc<TableSchema>,
    batch: RecordBatch,
    bytes: u64,
}

/// The rows of one append, checked and copied.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) rows: TableRows,
    pub(super) ticks: TickSpan,
}

impl Taken {
    /// Copies the rows; `None` if there are none. `known` is the table's schema, which covers them.
    pub(super) fn of(
        prepared: &Prepared,
        table: &Descriptor,
        known: &TableSchema,
    ) -> Result<Option<Self>, ValidationError> {
        let spans = (0..prepared.batches()).filter_map(|batch| TickSpan::of(prepared.ticks(batch).values()));
        let Some(ticks) = spans.reduce(TickSpan::union) else { return Ok(None) };
        let schema = prepared.to_keep(table, known);
        let batches = prepared.copies(&schema, &schema.to_arrow(), ROWS_AT_ONCE)?;
        let schema = Arc::new(schema);
        let chunks = batches.into_iter().map(|batch| Chunk::new(Arc::clone(&schema), batch)).collect();
        Ok(Some(Self { rows: TableRows { chunks }, ticks }))
    }
}

impl TableRows {
    pub(super) fn size(&self) -> Size {
        self.chunks.iter().map(Chunk::size).sum()
    }

    /// Adds later rows.
    pub(super) fn extend(&mut self, later: TableRows) {
        self.chunks.extend(later.chunks);
        while self.join() {}
    }

    /// As [`extend`](Self::extend), but without joining batches: no row is copied.
    pub(super) fn extend_apart(&mut self, later: &TableRows) {
        self.chunks.extend_from_slice(&later.chunks);
    }

    /// Joins the last batches whose [power](Chunk::power) is not larger than that of the very last, if there are enough
    /// of them. So the number of powers limits how often a row is copied.
    fn join(&mut self) -> bool {
        let Some(last) = self.chunks.last().and_then(Chunk::power) else { return false };
        let powers = self.chunks.iter().rev().map(Chunk::power);
        let small = powers.take_while(|power| power.is_some_and(|power| power <= last)).count();
        if small < JOINED {
            return false;
        }
        let at = self.chunks.len() - JOINED;
        let Ok(joined) = joined(&self.chunks[at..]) else {
            // They stay separate. If they are invalid, writing them returns the error.
            return false;
        };
        self.chunks.truncate(at);
        self.chunks.push(joined);
        true
    }

    /// The logical types of all rows.
    pub(super) fn schema(&self) -> Result<TableSchema, ValidationError> {
        union(&self.chunks)
    }

    /// All rows as one frame.
    pub(super) fn frame(&self) -> Result<Frame, ValidationError> {
        let (_, arrow, batches) = alike(&self.chunks)?;
        Ok(Frame::new(arrow, batches)?)
    }
}

impl Chunk {
    fn new(schema: Arc<TableSchema>, batch: RecordBatch) -> Self {
        let bytes = batch.get_array_memory_size() as u64;
        Self { schema, batch, bytes }
    }

    fn size(&self) -> Size {
        Size { rows: self.batch.num_rows() as u64, bytes: self.bytes }
    }

    /// The logarithm of the number of rows to base [`JOINED`], rounded down; `None` if the batch is not small.
    fn power(&self) -> Option<u32> {
        let rows = self.batch.num_rows();
        (rows < LARGE_ROWS && self.bytes < LARGE_BYTES).then(|| rows.max(1).ilog(JOINED))
    }
}

fn joined(chunks: &[Chunk]) -> Result<Chunk, ValidationError> {
    let (schema, arrow, batches) = alike(chunks)?;
    let batch = concat_batches(&arrow, &batches)
        .map_err(|error| ValidationError::arrow(&FieldPath::column("buffered rows"), &error))?;
    Ok(Chunk::new(Arc::new(schema), batch))
}

/// The batches, cast to the union of their schemas.
fn alike(chunks: &[Chunk]) -> Result<(TableSchema, SchemaRef, Vec<RecordBatch>), ValidationError> {
    let schema = union(chunks)?;
    let arrow = schema.to_arrow();
    let batches =
        chunks.iter().map(|chunk| conform(&chunk.batch, &schema, &arrow)).collect::<Result<_, _>>()?;
    Ok((schema, arrow, batches))
}

fn union(chunks: &[Chunk]) -> Result<TableSchema, ValidationError> {
    let Some((first, rest)) = chunks.split_first() else { return Ok(TableSchema::default()) };
    let mut union = TableSchema::clone(&first.schema);
    for chunk in rest {
        if !union.covers(&chunk.schema) {
            union = union.union(&chunk.schema).map_err(ValidationError::Conflict)?;
        }
    }
    Ok(union)
}
