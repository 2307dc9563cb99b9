//! Reads a table with the native scan, once for each line of standard input, and prints the milliseconds that it took:
//! `benches/reads.py` compares them with Polars' reader.
//!
//! Arguments: the root directory, the run, the table, ticks in a bucket, then the columns to read (none: all). Adds up
//! the column `edge_weight`, and the bytes of `observer_agent_id`.

use std::io::{self, BufRead, Write};
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use crv_io::{Dataset, IoSettings, Result, TableId};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, run, table, bucket_size, columns @ ..] = &*arguments else {
        return Err("usage: native_scan ROOT RUN TABLE BUCKET_SIZE [COLUMN...]".into());
    };
    let settings = IoSettings::default().with_root_dir(root)?.with_tick_bucket_size(bucket_size.parse()?)?;
    let dataset = Dataset::open(settings, run)?;
    let table: TableId = table.parse()?;
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        line?;
        let begin = Instant::now();
        let (rows, weight, bytes) = totals(&dataset, table, columns)?;
        let spent = begin.elapsed().as_secs_f64() * 1000.0;
        writeln!(output, "{spent} {rows} {weight} {bytes}")?;
        output.flush()?;
    }
    Ok(())
}

fn totals(dataset: &Dataset, table: TableId, columns: &[String]) -> Result<(usize, f64, u64)> {
    let mut scan = dataset.scan(table)?.string_views();
    if !columns.is_empty() {
        scan = scan.columns(columns)?;
    }
    let (mut rows, mut weight, mut bytes) = (0, 0.0, 0);
    for batch in scan.batches() {
        let batch = batch?;
        rows += batch.num_rows();
        if let Some(column) = batch.column_by_name("edge_weight") {
            weight += sum(column.as_primitive::<Float64Type>().values());
        }
        if let Some(column) = batch.column_by_name("observer_agent_id") {
            // The low half of a view is the length of its text.
            let views = column.as_string_view().views().iter();
            bytes += views.map(|view| u64::from(*view as u32)).sum::<u64>();
        }
    }
    Ok((rows, weight, bytes))
}

/// The sum of the values, in eight lanes.
fn sum(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane += value);
    }
    lanes.iter().sum::<f64>() + rest.iter().sum::<f64>()
}
