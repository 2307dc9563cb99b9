//! Appends four rows to one table of a run, and reads them back: `cargo run -p crv-io --example quickstart [ROOT]`.

use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use crv_io::{AppendOptions, Dataset, IoSettings, TableName};

fn main() -> Result<(), Box<dyn Error>> {
    let root_dir = std::env::args().nth(1).unwrap_or_else(|| "out".to_owned());
    let dataset = Dataset::open(IoSettings::default().with_root_dir(root_dir)?, "quickstart")?;
    let mut out = stdout();

    // When this returns, all rows are durable, in one commit. After an error, none is visible.
    let summary = dataset.append(TableName::IdentityEdges, edges()?, AppendOptions::default())?;
    writeln!(out, "appended {} rows to buckets {:?}", summary.rows, summary.buckets)?;

    // A scan is lazy. Parts outside the requested ticks are never opened.
    let scan = dataset.scan(TableName::IdentityEdges)?.ticks(1..=2).columns(&["edge_weight"])?;
    for batch in scan.batches() {
        for weight in batch?.column(0).as_primitive::<Float64Type>().values() {
            writeln!(out, "weight {weight}")?;
        }
    }

    for (bucket, partition) in &dataset.manifest(TableName::IdentityEdges)?.partitions {
        writeln!(out, "bucket {bucket}: {} rows", partition.row_count)?;
    }
    // Writes manifest.json. Dropping the dataset does so too, but cannot return an error.
    dataset.close()?;
    Ok(())
}

/// Edges from agents to objects that they own.
fn edges() -> Result<RecordBatch, arrow_schema::ArrowError> {
    let columns: [(&str, ArrayRef); 4] = [
        ("tick", Arc::new(Int64Array::from(vec![0, 1, 2, 101]))),
        ("observer_agent_id", Arc::new(StringArray::from(vec!["A0", "A1", "A2", "A0"]))),
        ("edge_kind", Arc::new(StringArray::from(vec!["self_to_object"; 4]))),
        ("edge_weight", Arc::new(Float64Array::from(vec![0.0, 0.1, 0.2, 0.3]))),
    ];
    RecordBatch::try_from_iter(columns)
}
