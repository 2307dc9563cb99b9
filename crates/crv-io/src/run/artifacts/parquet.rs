//! Encodes a frame as a Parquet file outside the tables, with the frame's columns and types as far as Parquet supports
//! them.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::error::{Error, ErrorKind, Result};
use crv_schema::Frame;

/// Encodes the rows as a file; `shown` is its path, for errors.
pub(super) fn encode(shown: &str, frame: &Frame) -> Result<Vec<u8>> {
    write(frame).map_err(|error| {
        Error::new(ErrorKind::Schema, format!("`{shown}`: the rows cannot be written as Parquet: {error}"))
            .with_hint("cast or drop the column; Parquet cannot store a struct without fields")
            .with_source(error)
    })
}

fn write(frame: &Frame) -> Result<Vec<u8>, ParquetError> {
    let schema = frame.schema();
    let fields: Vec<FieldRef> = schema.fields().iter().map(storable_field).collect();
    let target = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&target), Some(properties))?;
    for batch in frame.batches() {
        writer.write(&storable(batch, &target)?)?;
    }
    writer.into_inner()
}

fn storable(batch: &RecordBatch, target: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(target.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            Ok(Arc::clone(column))
        } else {
            cast(column, field.data_type())
        }
    });
    let columns = columns.collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(target), columns, &options)
}

fn storable_field(field: &FieldRef) -> FieldRef {
    let storable = storable_type(field.data_type());
    if storable == *field.data_type() {
        return Arc::clone(field);
    }
    Arc::new(Field::clone(field).with_data_type(storable))
}

/// The type with the same values in a layout that the Parquet writer supports. It supports dictionaries only of text
/// and bytes that are not views, and no runs.
fn storable_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(key, value) => {
            let value = match **value {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => {
                    return data_type.clone();
                }
                DataType::Utf8View => DataType::LargeUtf8,
                DataType::BinaryView => DataType::LargeBinary,
                _ => return storable_type(value),
            };
            DataType::Dictionary(key.clone(), Box::new(value))
        }
        DataType::RunEndEncoded(_, values) => storable_type(values.data_type()),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(storable_field).collect()),
        DataType::List(item) => DataType::List(storable_field(item)),
        DataType::LargeList(item) => DataType::LargeList(storable_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(storable_field(item), *size),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Array as _, ArrayRef, Int64Array, StringArray, StructArray, new_null_array};
    use arrow_schema::{IntervalUnit, TimeUnit};
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

    fn frame(column: ArrayRef) -> Frame {
        // A nullable column for the nullable fields.
        let field = Field::new("column", column.data_type().clone(), true);
        let schema = Arc::new(Schema::new(vec![field]));
        Frame::from(RecordBatch::try_new(schema, vec![column]).unwrap())
    }

    fn dictionary(value: DataType) -> DataType {
        DataType::Dictionary(Box::new(DataType::UInt32), Box::new(value))
    }

    #[test]
    fn views_in_dictionaries_are_written_at_any_depth() {
        let words: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "a"]));
        let views = cast(&words, &dictionary(DataType::Utf8View)).unwrap();
        let field = Arc::new(Field::new("word", views.data_type().clone(), true));
        let nested: ArrayRef = Arc::new(StructArray::new(vec![field].into(), vec![views], None));
        let bytes = encode("a.parquet", &frame(nested)).unwrap();
        let mut batches = ParquetRecordBatchReader::try_new(Bytes::from(bytes), 10).unwrap();
        let read = batches.next().unwrap().unwrap();
        let inner = read.column(0).as_any().downcast_ref::<StructArray>().unwrap().column(0).clone();
        assert_eq!(&cast(&inner, &DataType::Utf8).unwrap(), &words);
    }

    #[test]
    fn no_type_is_a_panic() {
        let item = |data_type| Arc::new(Field::new_list_field(data_type, true));
        let types = [
            DataType::Null,
            DataType::Float16,
            DataType::UInt64,
            DataType::Date64,
            DataType::Time32(TimeUnit::Second),
            DataType::Timestamp(TimeUnit::Second, Some("Europe/Berlin".into())),
            DataType::Duration(TimeUnit::Nanosecond),
            DataType::Interval(IntervalUnit::MonthDayNano),
            DataType::Decimal32(5, 2),
            DataType::Decimal256(60, 2),
            DataType::FixedSizeBinary(3),
            DataType::BinaryView,
            dictionary(DataType::Int64),
            dictionary(DataType::Boolean),
            dictionary(DataType::FixedSizeBinary(3)),
            dictionary(DataType::BinaryView),
            dictionary(dictionary(DataType::Utf8View)),
            DataType::List(item(dictionary(DataType::Utf8View))),
            DataType::FixedSizeList(item(dictionary(DataType::Int8)), 2),
            DataType::List(item(DataType::Null)),
            DataType::ListView(item(DataType::Int64)),
            DataType::Struct(arrow_schema::Fields::empty()),
        ];
        for data_type in types {
            if let Err(error) = encode("a.parquet", &frame(new_null_array(&data_type, 2))) {
                assert_eq!(error.kind(), ErrorKind::Schema, "{data_type}");
            }
        }
    }

    #[test]
    fn runs_are_written_as_values() {
        let runs = DataType::RunEndEncoded(
            Arc::new(Field::new("run_ends", DataType::Int32, false)),
            Arc::new(Field::new("values", DataType::Int64, true)),
        );
        let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 1, 2]));
        let column = cast(&values, &runs).unwrap();
        assert_eq!(column.data_type(), &runs);
        let bytes = encode("a.parquet", &frame(column)).unwrap();
        let mut batches = ParquetRecordBatchReader::try_new(Bytes::from(bytes), 10).unwrap();
        assert_eq!(batches.next().unwrap().unwrap().column(0), &values);
    }
}
