//! `crv digest`: a hash of what a run holds.

use clap::Args;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Hash the rows of a run: equal for equal rows, whatever their layout
///
/// The last line is the digest of the whole run. Buckets, parts, merges and compression make no difference, nor do facts,
/// artifacts and the stored states of the model. Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Digest {
    /// The run
    run: String,
    /// Also print the digest of each bucket of 1,024 ticks
    #[arg(long)]
    buckets: bool,
}

pub(crate) fn run(context: &Context, arguments: &Digest) -> Result<(), CliError> {
    let digest = context.existing_run(&arguments.run)?.digest()?;
    if context.json {
        return output::print_json(&digest);
    }
    let mut columns = vec![("TABLE", Align::Left)];
    if arguments.buckets {
        columns.push(("FIRST TICK", Align::Right));
    }
    columns.extend([("ROWS", Align::Right), ("SHA-256", Align::Left)]);
    let mut text = TextTable::new(columns);
    let mut line = |table: &str, tick: &str, rows: u64, digest: &dyn std::fmt::Display| {
        let mut cells = vec![table.to_owned()];
        if arguments.buckets {
            cells.push(tick.to_owned());
        }
        cells.extend([output::count(rows), digest.to_string()]);
        text.push(cells);
    };
    for table in &digest.tables {
        if arguments.buckets {
            for bucket in &table.buckets {
                line(table.table.as_str(), &bucket.first_tick.to_string(), bucket.rows, &bucket.digest);
            }
        }
        line(table.table.as_str(), "", table.rows, &table.digest);
    }
    line("", "", digest.rows, &digest.digest);
    output::print_table(&text)
}
