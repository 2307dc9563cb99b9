//! The schema of a part from its Parquet footer: types from the file's schema, the reach of integers from statistics.

use arrow_schema::DataType;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use super::arrow::list_item;
use super::types::EMPTY_FIELD;
use super::{FieldType, SchemaError, TableSchema};

/// The largest magnitude up to which every integer is a float as well.
const FLOAT_REACH: u64 = 1 << 53;

impl TableSchema {
    /// The logical schema of a part. An integer field whose statistics go beyond what a float holds exactly, or that
    /// has values and no statistics, comes out wide.
    pub fn from_footer(footer: &ParquetMetaData) -> Result<TableSchema, SchemaError> {
        let file = footer.file_metadata();
        let arrow =
            parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata()).map_err(|error| {
                SchemaError::Document { path: "parquet schema".to_owned(), reason: error.to_string() }
            })?;
        let mut schema = TableSchema::from_parquet_arrow(&arrow)?;
        let mut leaves = 0..file.schema_descr().num_columns();
        for (column, field) in arrow.fields().iter().zip(&mut schema.fields) {
            mark_wide(column.data_type(), Some(&mut field.ty), &mut leaves, footer);
        }
        Ok(schema)
    }
}

/// Walks a column's leaves in the file's order. No type: a leaf that the logical schema leaves out.
fn mark_wide(
    data_type: &DataType,
    ty: Option<&mut FieldType>,
    leaves: &mut std::ops::Range<usize>,
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
                *wide = reaches_far(footer, leaf);
            }
        }
    }
}

fn reaches_far(footer: &ParquetMetaData, leaf: usize) -> bool {
    footer.row_groups().iter().any(|group| {
        let Some(column) = group.columns().get(leaf) else { return true };
        match column.statistics() {
            // Fewer than 64 bits always fit.
            Some(Statistics::Int32(_)) => false,
            Some(Statistics::Int64(range)) => match (range.min_opt(), range.max_opt()) {
                (Some(min), Some(max)) => min.unsigned_abs().max(max.unsigned_abs()) > FLOAT_REACH,
                _ => range.null_count_opt() != u64::try_from(column.num_values()).ok(),
            },
            _ => column.column_type() == parquet::basic::Type::INT64 && column.num_values() > 0,
        }
    })
}
