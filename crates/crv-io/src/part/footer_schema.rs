//! The schema of a part from its Parquet footer: types from the file's schema; from the statistics, whether integers
//! are wide and which columns have no nulls.

use std::ops::Range;

use arrow_schema::{DataType, Schema};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::Type as Physical;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;

use crate::schema::{Descriptor, EMPTY_FIELD, FieldType, Reach, SchemaError, TableSchema, list_item};

/// The logical schema of a part, and what its footer leaves undecided.
///
/// Statistics have only the extremes of an integer field. If they are large but exact as floats, whether the field is
/// wide depends on the values between them.
#[derive(Debug)]
pub(crate) struct FooterSchema {
    schema: TableSchema,
    arrow: Schema,
    undecided: Vec<usize>,
}

impl FooterSchema {
    /// Derives the schema from the footer.
    pub(crate) fn of(footer: &ParquetMetaData) -> Result<Self, SchemaError> {
        let file = footer.file_metadata();
        let arrow =
            parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata()).map_err(|error| {
                SchemaError::Document { path: "parquet schema".to_owned(), reason: error.to_string() }
            })?;
        let mut schema = TableSchema::from_parquet_arrow(&arrow)?;
        let mut undecided = Vec::new();
        let mut leaves = 0..file.schema_descr().num_columns();
        for (column, field) in arrow.fields().iter().zip(&mut schema.fields) {
            let first = leaves.start;
            visit(column.data_type(), Some(&mut field.ty), &mut leaves, &mut |leaf, wide| match reach_of(
                footer, leaf,
            ) {
                Reach::Floats => {}
                Reach::Wide => *wide = true,
                Reach::Undecided => undecided.push(leaf),
            });
            field.required |= (first..leaves.start).any(|leaf| proves_no_nulls(footer, leaf));
        }
        Ok(Self { schema, arrow, undecided })
    }

    /// The leaves, by index in the file, whose values must be read to decide whether they are wide.
    pub(crate) fn undecided(&self) -> &[usize] {
        &self.undecided
    }

    /// Returns the schema if these undecided leaves, in ascending order, are wide and the others are not, with the types
    /// that the descriptor fixes.
    #[must_use]
    pub(crate) fn decided(mut self, wide_leaves: &[usize], descriptor: &Descriptor) -> TableSchema {
        if wide_leaves.is_empty() {
            return descriptor.fix_types(self.schema, &self.arrow);
        }
        let mut leaves = 0..usize::MAX;
        for (column, field) in self.arrow.fields().iter().zip(&mut self.schema.fields) {
            visit(column.data_type(), Some(&mut field.ty), &mut leaves, &mut |leaf, wide| {
                *wide |= wide_leaves.binary_search(&leaf).is_ok();
            });
        }
        descriptor.fix_types(self.schema, &self.arrow)
    }
}

/// Calls `with` for each integer leaf of a column, in the file's order, with its index and its `wide` flag. `ty` is
/// `None` for leaves that the logical schema leaves out.
fn visit(
    data_type: &DataType,
    ty: Option<&mut FieldType>,
    leaves: &mut Range<usize>,
    with: &mut impl FnMut(usize, &mut bool),
) {
    match (data_type, ty) {
        (DataType::Struct(fields), Some(FieldType::Struct(members))) => {
            let mut members = members.iter_mut();
            for field in fields {
                let member = if field.name() == EMPTY_FIELD { None } else { members.next() };
                visit(field.data_type(), member.map(|member| &mut member.ty), leaves, with);
            }
        }
        (list, Some(FieldType::List(item))) => {
            if let Some(field) = list_item(list) {
                visit(field.data_type(), Some(item), leaves, with);
            }
        }
        (_, ty) => {
            let leaf = leaves.next();
            if let (Some(FieldType::Int { wide }), Some(leaf)) = (ty, leaf) {
                with(leaf, wide);
            }
        }
    }
}

fn chunks(footer: &ParquetMetaData, leaf: usize) -> impl Iterator<Item = &ColumnChunkMetaData> {
    footer.row_groups().iter().filter_map(move |group| group.columns().get(leaf))
}

fn reach_of(footer: &ParquetMetaData, leaf: usize) -> Reach {
    chunks(footer, leaf).map(reach_of_chunk).fold(Reach::Floats, Reach::and)
}

fn reach_of_chunk(chunk: &ColumnChunkMetaData) -> Reach {
    if chunk.column_type() != Physical::INT64 {
        return Reach::Floats;
    }
    let statistics = chunk.statistics();
    let nulls = statistics.and_then(Statistics::null_count_opt);
    if nulls.is_some() && nulls == u64::try_from(chunk.num_values()).ok() {
        return Reach::Floats;
    }
    let Some(Statistics::Int64(range)) = statistics else { return Reach::Undecided };
    match (range.min_opt(), range.max_opt()) {
        (Some(min), Some(max)) => Reach::between((*min, *max), (range.min_is_exact(), range.max_is_exact())),
        _ => Reach::Undecided,
    }
}

/// Returns whether this leaf, and so its column, is proven to have no nulls.
fn proves_no_nulls(footer: &ParquetMetaData, leaf: usize) -> bool {
    // In a list, leaf values and rows are counted differently.
    footer.file_metadata().schema_descr().column(leaf).max_rep_level() == 0
        && chunks(footer, leaf)
            .all(|chunk| chunk.statistics().and_then(Statistics::null_count_opt) == Some(0))
}
