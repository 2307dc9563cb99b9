//! CSV output: cells as text, payloads as JSON text.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{EncoderOptions, NullableEncoder, make_encoder};
use arrow_schema::{ArrowError, DataType, FieldRef, Schema};

/// Writes a header, then a line for each row.
pub(super) struct CsvWriter<W: Write> {
    writer: csv::Writer<W>,
}

enum Cells<'a> {
    Text(ArrayFormatter<'a>),
    Json(NullableEncoder<'a>),
}

impl<W: Write> CsvWriter<W> {
    pub(super) fn new(to: W, schema: &Schema) -> Result<Self, ArrowError> {
        let mut writer = csv::Writer::from_writer(to);
        let names = schema.fields().iter().map(|field| field.name());
        writer.write_record(names).map_err(|error| plain(&error))?;
        Ok(Self { writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let text = FormatOptions::default().with_null("");
        let json = EncoderOptions::default();
        let columns: Vec<(FieldRef, ArrayRef)> = batch
            .schema()
            .fields()
            .iter()
            .map(Arc::clone)
            .zip(batch.columns().iter().map(Arc::clone))
            .collect();
        let mut cells: Vec<Cells<'_>> = columns
            .iter()
            .map(|(field, array)| {
                Ok(if is_payload(array.data_type()) {
                    Cells::Json(make_encoder(field, array, &json)?)
                } else {
                    Cells::Text(ArrayFormatter::try_new(array, &text)?)
                })
            })
            .collect::<Result<_, ArrowError>>()?;
        let mut cell = Vec::new();
        for row in 0..batch.num_rows() {
            for column in &mut cells {
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

impl Cells<'_> {
    fn write(&mut self, row: usize, to: &mut Vec<u8>) -> Result<(), ArrowError> {
        match self {
            Self::Text(formatter) => write!(to, "{}", formatter.value(row).try_to_string()?)?,
            Self::Json(encoder) if encoder.is_null(row) => {}
            Self::Json(encoder) => encoder.encode(row, to),
        }
        Ok(())
    }
}

fn is_payload(data_type: &DataType) -> bool {
    data_type.is_nested()
}

fn plain(error: &csv::Error) -> ArrowError {
    ArrowError::CsvError(error.to_string())
}
