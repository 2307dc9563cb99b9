//! `crv show`: shows the buckets and parts of a table.

use clap::Args;
use crv_io::{TableId, TableManifest};

use super::declare;
use super::facts::TableFacts;
use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Show the buckets of a table: rows, ticks and sizes
///
/// Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run
    run: String,
    /// The table
    #[arg(value_parser = args::table(), hide_possible_values = true)]
    table: TableId,
    /// Show every part, not only the buckets
    #[arg(short, long)]
    parts: bool,
    /// Show the columns and their types
    #[arg(short, long, conflicts_with = "parts")]
    columns: bool,
}

pub(crate) fn run(context: &Context, arguments: &Show) -> Result<(), CliError> {
    let dataset = context.existing_table(&arguments.run, arguments.table)?;
    if arguments.columns {
        return declare::show(context, &dataset.descriptor(arguments.table)?);
    }
    let manifest = dataset.manifest(arguments.table)?;
    if context.json {
        return output::print_json(&manifest);
    }
    let facts = TableFacts::from(&manifest);
    context.note(format_args!(
        "{} in {} and {}, {}; updated {}",
        output::counted(facts.rows, "row"),
        output::counted(facts.parts, "part"),
        output::counted(facts.buckets, "bucket"),
        output::bytes(facts.bytes),
        facts.updated_at,
    ));
    output::print_table(&if arguments.parts { parts(&manifest) } else { buckets(&manifest) })
}

fn buckets(manifest: &TableManifest) -> TextTable {
    let mut table =
        TextTable::new(["BUCKET", "TICKS", "ROWS", "PARTS", "SIZE"].map(|name| (name, Align::Right)));
    for bucket in manifest.partitions.values() {
        table.push([
            bucket.bucket_id.to_string(),
            output::ticks(Some((bucket.tick_min, bucket.tick_max))),
            output::count(bucket.row_count),
            output::count(bucket.parts.len() as u64),
            output::bytes(bucket.byte_size),
        ]);
    }
    table
}

fn parts(manifest: &TableManifest) -> TextTable {
    let right = ["BUCKET", "TICKS", "ROWS", "SIZE"].map(|name| (name, Align::Right));
    let mut table =
        TextTable::new(right.into_iter().chain([("PART", Align::Left), ("CREATED", Align::Left)]));
    for bucket in manifest.partitions.values() {
        for part in &bucket.parts {
            table.push([
                bucket.bucket_id.to_string(),
                output::ticks(Some((part.tick_min, part.tick_max))),
                output::count(part.rows),
                output::bytes(part.bytes),
                part.path.clone(),
                part.created_at.clone(),
            ]);
        }
    }
    table
}
