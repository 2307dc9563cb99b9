//! The schema of a part from its Parquet footer: types from the file's schema; the reach of integers, and which columns
//! have no nulls, from statistics.

use std::ops::Range;

use arrow_schema::DataType;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;

use super::arrow::list_item;
use super::finder::Finder;
use super::types::EMPTY_FIELD;
use super::union::field_name;
use super::{FieldType, SchemaConflict, SchemaError, TableSchema};

impl TableSchema {
    /// The logical schema of a part.
    ///
    /// Statistics give the extremes of an integer field and not what lies between, so that a field may come out as not
    /// wide that holds a value no float does. Nothing is lost by that: reading such a value as a float is an error, not
    /// another value.
    pub fn from_footer(footer: &ParquetMetaData) -> Result<TableSchema, SchemaError> {
        let file = footer.file_metadata();
        let arrow =
            parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata()).map_err(|error| {
                SchemaError::Document { path: "parquet schema".to_owned(), reason: error.to_string() }
            })?;
        let mut schema = TableSchema::from_parquet_arrow(&arrow)?;
        let mut leaves = 0..file.schema_descr().num_columns();
        for (column, field) in arrow.fields().iter().zip(&mut schema.fields) {
            let first = leaves.start;
            mark_wide(column.data_type(), Some(&mut field.ty), &mut leaves, footer);
            field.required |= (first..leaves.start).any(|leaf| proves_no_nulls(footer, leaf));
        }
        Ok(schema)
    }

    /// The union with the schema of one of the table's parts, where a column that the part lacks counts as null in it.
    pub fn union_with_part(&self, part: &TableSchema) -> Result<TableSchema, SchemaConflict> {
        let mut schema = self.union(part)?;
        let mut finder = Finder::new(&part.fields, field_name);
        for field in &mut schema.fields {
            field.required &= finder.find(&field.name).is_some();
        }
        Ok(schema)
    }
}

/// Walks a column's leaves in the file's order. No type: a leaf that the logical schema leaves out.
fn mark_wide(
    data_type: &DataType,
    ty: Option<&mut FieldType>,
    leaves: &mut Range<usize>,
    footer: &ParquetMetaData,
) {
    match (data_type, ty) {
        (DataType::Struct(fields), Some(FieldType::Struct(members))) => {
            let mut members = members.iter_mut();
            for field in fields {
                let member = if field.name() == EMPTY_FIELD { None } else { members.next() };
                mark_wide(field.data_type(), member.map(|member| &mut member.ty), leaves, footer);
            }
        }
        (list, Some(FieldType::List(item))) => {
            if let Some(field) = list_item(list) {
                mark_wide(field.data_type(), Some(item), leaves, footer);
            }
        }
        (_, ty) => {
            let leaf = leaves.next();
            if let (Some(FieldType::Int { wide }), Some(leaf)) = (ty, leaf) {
                *wide = chunks(footer, leaf).any(reaches_far);
            }
        }
    }
}

fn chunks(footer: &ParquetMetaData, leaf: usize) -> impl Iterator<Item = &ColumnChunkMetaData> {
    footer.row_groups().iter().filter_map(move |group| group.columns().get(leaf))
}

/// The largest magnitude up to which every integer is a float as well.
const FLOAT_REACH: u64 = 1 << 53;

/// Whether there may be integers that no float equals: the extremes alone are known, not what lies between.
fn reaches_far(chunk: &ColumnChunkMetaData) -> bool {
    let no_float = |value: &i64| value.unsigned_abs() > FLOAT_REACH;
    match chunk.statistics() {
        Some(Statistics::Int64(range)) => {
            range.min_opt().is_some_and(no_float) || range.max_opt().is_some_and(no_float)
        }
        _ => false,
    }
}

/// Whether this leaf, and so the column that it is in, is there in every row.
fn proves_no_nulls(footer: &ParquetMetaData, leaf: usize) -> bool {
    // Within a list, leaves and rows are counted differently.
    footer.file_metadata().schema_descr().column(leaf).max_rep_level() == 0
        && chunks(footer, leaf)
            .all(|chunk| chunk.statistics().and_then(Statistics::null_count_opt) == Some(0))
}
