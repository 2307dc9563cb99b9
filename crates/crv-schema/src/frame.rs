//! A frame: rows to be appended to a table, as Arrow record batches of one schema.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

/// Batches of one frame with different columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("batch {batch} of the frame has {difference}")]
pub struct MixedBatches {
    /// The first batch that differs.
    pub batch: usize,
    /// How.
    pub difference: String,
}

impl MixedBatches {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        "give all batches the columns of the first"
    }
}

/// Record batches of one schema. Holds the producer's buffers as they are; nothing is copied.
#[derive(Clone, Debug)]
pub struct Frame {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Frame {
    /// A frame of these batches, each of which must have the schema's columns: same names, same types, same order.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self, MixedBatches> {
        for (index, batch) in batches.iter().enumerate() {
            let found = batch.schema_ref();
            if std::sync::Arc::ptr_eq(found, &schema) {
                continue;
            }
            let same = found.fields().len() == schema.fields().len()
                && found.fields().iter().zip(schema.fields()).all(|(found, wanted)| {
                    found.name() == wanted.name() && found.data_type() == wanted.data_type()
                });
            if !same {
                let difference = difference(found, &schema);
                return Err(MixedBatches { batch: index, difference });
            }
        }
        Ok(Frame { schema, batches })
    }

    /// The columns, as the producer has them.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The batches, in row order.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Rows over all batches.
    pub fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.num_rows() == 0
    }
}

impl From<RecordBatch> for Frame {
    fn from(batch: RecordBatch) -> Self {
        Frame { schema: batch.schema(), batches: vec![batch] }
    }
}

fn difference(found: &arrow_schema::Schema, wanted: &arrow_schema::Schema) -> String {
    for (at, wanted) in wanted.fields().iter().enumerate() {
        match found.fields().get(at) {
            Some(found) if found.name() != wanted.name() => {
                return format!("column `{}` where `{}` was expected", found.name(), wanted.name());
            }
            Some(found) if found.data_type() != wanted.data_type() => {
                return format!(
                    "column `{}` as {} where {} was expected",
                    found.name(),
                    found.data_type(),
                    wanted.data_type()
                );
            }
            Some(_) => {}
            None => return format!("no column `{}`", wanted.name()),
        }
    }
    format!("{} columns where {} were expected", found.fields().len(), wanted.fields().len())
}
