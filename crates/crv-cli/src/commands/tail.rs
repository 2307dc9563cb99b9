//! `crv tail`: the commits of a run as they come.

use std::time::Duration;

use clap::Args;
use crv_formats::{BatchWriter, Format};
use crv_io::{FollowedCommit, TableId};

use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Stdout};

/// How long no commit must come before the status says whether the run has ended.
const STATUS_EVERY: Duration = Duration::from_millis(250);

/// Print the commits of a run as they come, or the rows of one table
///
/// Ends when the run has ended. Without a table, a line for each commit: its number, its ticks, and the rows of each table;
/// as JSON objects with --json. With a table, its rows as NDJSON. Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// The run
    run: String,
    /// Print the rows of this table
    #[arg(value_parser = args::table(), hide_possible_values = true)]
    table: Option<TableId>,
    /// Begin after this commit; 0 is the beginning [default: the newest commit]
    #[arg(long, value_name = "COMMIT")]
    from: Option<u64>,
    /// Go on when the run has ended
    #[arg(long)]
    forever: bool,
    /// Milliseconds between two looks
    #[arg(long, value_name = "MS", default_value_t = 20)]
    poll: u64,
}

pub(crate) fn run(context: &Context, arguments: &Tail) -> Result<(), CliError> {
    let dataset = context.existing_run(&arguments.run)?;
    let from = match arguments.from {
        Some(from) => from,
        None => dataset.info()?.commit,
    };
    let mut follow = dataset.follow(from, arguments.table.map(|table| vec![table]));
    let poll = Duration::from_millis(arguments.poll.max(1));
    loop {
        match follow.next_within(poll, STATUS_EVERY)? {
            Some(commit) => print(context, arguments, &commit)?,
            None if !arguments.forever && follow.is_over()? => return Ok(()),
            None => {}
        }
    }
}

fn print(context: &Context, arguments: &Tail, commit: &FollowedCommit) -> Result<(), CliError> {
    if arguments.table.is_some() {
        for (_, scan) in &commit.tables {
            let batches = scan.clone().batches();
            let mut writer = BatchWriter::new(Stdout::new(), Format::Ndjson, &batches.schema())?;
            for batch in batches {
                writer.write(&batch?)?;
            }
            writer.finish()?;
        }
        return Ok(());
    }
    let rows = |of: &crv_io::Scan| of.parts().iter().map(|part| part.rows).sum::<u64>();
    let all = || commit.tables.iter().flat_map(|(_, scan)| scan.parts());
    let (first, last) = (all().map(|part| part.tick_min).min(), all().map(|part| part.tick_max).max());
    if context.json {
        let tables = commit.tables.iter().map(|(table, scan)| (table.to_string(), rows(scan).into()));
        let tables: serde_json::Map<String, serde_json::Value> = tables.collect();
        let line = serde_json::json!({
            "commit": commit.number, "tick_min": first, "tick_max": last, "rows": tables,
        });
        return output::print(&format!("{line}\n"));
    }
    let tables = commit.tables.iter().map(|(table, scan)| format!("{table} {}", output::count(rows(scan))));
    let tables: Vec<String> = tables.collect();
    let ticks = output::ticks(first.zip(last));
    output::print(&format!("commit {}  ticks {ticks}  {}\n", commit.number, tables.join(", ")))
}
