//! The values of integers that a footer leaves undecided.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use crate::part::file::PartFile;
use crate::part::pages;
use crate::validate::outgrows_floats;

/// Returns which of these leaves, in ascending order, hold an integer that no float holds exactly.
pub(crate) fn wide(
    file: &PartFile,
    metadata: &ArrowReaderMetadata,
    leaves: &[usize],
) -> Result<Vec<usize>, String> {
    if leaves.is_empty() {
        return Ok(Vec::new());
    }
    // Read by Parquet's own types, so that lists and structs have one layout each.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
        .map_err(|error| error.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata);
    let mask = ProjectionMask::leaves(builder.parquet_schema(), leaves.iter().copied());
    for group in builder.metadata().row_groups() {
        pages::check(file, group, &mask)?;
    }
    let batches = builder.with_projection(mask).build().map_err(|error| error.to_string())?;
    let mut wide = vec![false; leaves.len()];
    for batch in batches {
        let batch = batch.map_err(|error| error.to_string())?;
        let mut arrays = Vec::with_capacity(leaves.len());
        batch.columns().iter().for_each(|column| take_apart(column, &mut arrays));
        if arrays.len() != leaves.len() {
            return Err("its columns are not those of its footer".to_owned());
        }
        for (wide, array) in wide.iter_mut().zip(arrays) {
            *wide = *wide || outgrows_floats(array);
        }
    }
    Ok(leaves.iter().zip(wide).filter_map(|(leaf, wide)| wide.then_some(*leaf)).collect())
}

/// Collects the leaves of a column, in the file's order.
fn take_apart<'a>(array: &'a ArrayRef, leaves: &mut Vec<&'a ArrayRef>) {
    match array.data_type() {
        DataType::Struct(_) => {
            array.as_struct().columns().iter().for_each(|member| take_apart(member, leaves));
        }
        DataType::List(_) => take_apart(array.as_list::<i32>().values(), leaves),
        DataType::LargeList(_) => take_apart(array.as_list::<i64>().values(), leaves),
        _ => leaves.push(array),
    }
}
