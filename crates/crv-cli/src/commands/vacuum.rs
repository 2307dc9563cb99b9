//! `crv vacuum`: removes files that no table needs.

use std::time::Duration;

use clap::Args;
use crv_io::{VacuumOptions, VacuumReport};

use super::age::age;
use super::files::RunFiles;
use super::many::{self, Done};
use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Remove files of a run that no table needs
///
/// Deletes parts that were merged or taken out of their table, parts without a commit, and temporary files. No rows are
/// lost. Other processes may read and write meanwhile; a reader that began longer ago than `--older-than` may fail on
/// a missing part. Files that may be about to be committed are kept for an hour, whatever `--older-than` is.
#[derive(Debug, Args)]
pub(crate) struct Vacuum {
    /// The run, or a pattern such as `w-*`: `*` is every run
    run: String,
    /// Only files not needed for this long: `90s`, `15m`, `1h`, `7d`; `0s` takes all
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = age)]
    older_than: Duration,
    /// List the files that would be removed, and remove none
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(context: &Context, arguments: &Vacuum) -> Result<(), CliError> {
    let Vacuum { run, older_than, dry_run } = arguments;
    let options = VacuumOptions { older_than: *older_than, dry_run: *dry_run };
    if args::is_pattern(run) {
        return many::each(context, run, "looking for files", |run| {
            let report = context.existing_run(run)?.vacuum(options)?;
            Done::new(told(run, &report), &report)
        });
    }
    let dataset = context.existing_run(run)?;
    let report = dataset.vacuum(options)?;
    context.note(told(run, &report));
    if context.json {
        return output::print_json(&report);
    }
    if *dry_run && !report.removed.is_empty() {
        let files = RunFiles::of(context, &dataset);
        let mut table = TextTable::new([("SIZE", Align::Right), ("WHY", Align::Left), ("FILE", Align::Left)]);
        for garbage in &report.removed {
            let file = files.short(&garbage.path);
            table.push([output::bytes(garbage.bytes), garbage.kind.to_string(), file]);
        }
        output::print_table(&table)?;
    }
    Ok(())
}

fn told(run: &str, report: &VacuumReport) -> String {
    if report.removed.is_empty() && report.kept == 0 {
        return format!("run `{run}` has no files to remove");
    }
    let done = if report.dry_run { "would remove" } else { "removed" };
    let removed = output::counted(report.removed.len() as u64, "file");
    let kept = match report.kept {
        0 => String::new(),
        kept => format!(
            "; {}, {}, not old enough yet",
            output::counted(kept, "file"),
            output::bytes(report.kept_bytes)
        ),
    };
    format!("{done} {removed}, {}, of run `{run}`{kept}", output::bytes(report.bytes))
}
