//! CSV output: a header, then a line for each row.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema};

use super::cells::{Cells, cells};

/// Writes a header, then a line for each row.
pub(super) struct CsvWriter<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> CsvWriter<W> {
    pub(super) fn new(to: W, schema: &Schema) -> Result<Self, ArrowError> {
        let mut writer = csv::Writer::from_writer(to);
        let names = schema.fields().iter().map(|field| field.name());
        writer.write_record(names).map_err(|error| plain(&error))?;
        Ok(Self { writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let schema = batch.schema();
        let mut columns: Vec<Cells<'_>> = cells(&schema, batch)?;
        let mut cell = Vec::new();
        for row in 0..batch.num_rows() {
            for column in &mut columns {
                cell.clear();
                column.write(row, &mut cell)?;
                self.writer.write_field(&cell).map_err(|error| plain(&error))?;
            }
            self.writer.write_record(None::<&[u8]>).map_err(|error| plain(&error))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<W, ArrowError> {
        self.writer.into_inner().map_err(|error| ArrowError::CsvError(error.error().to_string()))
    }
}

fn plain(error: &csv::Error) -> ArrowError {
    ArrowError::CsvError(error.to_string())
}
