//! On-disk names, as text.

use crv_io::paths::{BucketId, PartId, RunPaths};
use pyo3::prelude::*;

use crate::arguments::{Run, Table};
use crate::error::{NativeError, Result};
use crate::settings::Settings;

/// Returns the bucket of a tick.
#[pyfunction]
pub(crate) fn bucket_id_for_tick(tick: i64, tick_bucket_size: i64) -> Result<u64> {
    Ok(BucketId::of_tick(tick, u64::try_from(tick_bucket_size).unwrap_or(0))?.get())
}

/// Returns the name of a bucket's directory.
#[pyfunction]
pub(crate) fn format_bucket_dir(bucket_id: i64) -> Result<String> {
    Ok(bucket(bucket_id)?.dir_name())
}

/// Returns the directory of a run.
#[pyfunction]
pub(crate) fn run_root(settings: Settings, run_id: Run) -> String {
    settings.0.locate(RunPaths::new(run_id.0).root())
}

/// Returns the directory of a run's tables.
#[pyfunction]
pub(crate) fn tables_root(settings: Settings, run_id: Run) -> String {
    settings.0.locate(&RunPaths::new(run_id.0).tables())
}

/// Returns the directory of a table.
#[pyfunction]
pub(crate) fn table_dir(settings: Settings, run_id: Run, table: Table) -> String {
    settings.0.locate(&RunPaths::new(run_id.0).table(table.0))
}

/// Returns the path of a table's manifest.
#[pyfunction]
pub(crate) fn manifest_path(settings: Settings, run_id: Run, table: Table) -> String {
    settings.0.locate(&RunPaths::new(run_id.0).manifest(table.0))
}

/// Returns the directory of a bucket.
#[pyfunction]
pub(crate) fn bucket_dir(settings: Settings, run_id: Run, table: Table, bucket_id: i64) -> Result<String> {
    Ok(settings.0.locate(&RunPaths::new(run_id.0).bucket(table.0, bucket(bucket_id)?)))
}

/// Returns the path of a part, by the 32 hex digits of its name.
#[pyfunction]
pub(crate) fn part_path(
    settings: Settings,
    run_id: Run,
    table: Table,
    bucket_id: i64,
    part_id: &str,
) -> Result<String> {
    let part = PartId::parse_file_name(&format!("part-{part_id}.parquet")).ok_or_else(|| {
        NativeError::argument(
            format!("{part_id:?} is not the id of a part"),
            "a part's id is 32 hex digits, in lower case",
        )
    })?;
    Ok(settings.0.locate(&RunPaths::new(run_id.0).part(table.0, bucket(bucket_id)?, part)))
}

fn bucket(number: i64) -> Result<BucketId> {
    u64::try_from(number).map(BucketId::new).map_err(|_| {
        NativeError::argument(format!("bucket {number} is negative"), "buckets are numbered from 0")
    })
}
