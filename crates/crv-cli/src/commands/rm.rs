//! `crv rm`: removes runs.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;
use crv_io::run::{RemoveOptions, RemoveReport, remove_run};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output;

/// Remove runs, with everything in their directories
///
/// Asks first, unless --yes is given. A run that still runs, or that has files in it which are not of a run, is refused. A
/// removal that was interrupted is finished by the next one.
#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Also remove runs that still run, and files in them that are not of a run
    #[arg(long)]
    force: bool,
}

/// A removed run.
#[derive(Serialize)]
struct Removed<'a> {
    run_id: &'a str,
    #[serde(flatten)]
    report: RemoveReport,
}

pub(crate) fn run(context: &Context, arguments: &Rm) -> Result<(), CliError> {
    let options = RemoveOptions { force: arguments.force };
    if !arguments.yes && !asked(&arguments.runs)? {
        context.note("nothing was removed");
        return Ok(());
    }
    let mut removed = Vec::with_capacity(arguments.runs.len());
    let mut failure = None;
    for run_id in &arguments.runs {
        match remove_run(&context.settings, run_id, options) {
            Ok(report) => {
                let (files, bytes) = (output::counted(report.files, "file"), output::bytes(report.bytes));
                context.note(format_args!("removed run `{run_id}`: {files}, {bytes}"));
                removed.push(Removed { run_id, report });
            }
            // The others are removed all the same.
            Err(error) => {
                if let Some(earlier) = failure.replace(CliError::from(error)) {
                    output::warn(earlier);
                }
            }
        }
    }
    if context.json {
        output::print_json(&removed)?;
    }
    failure.map_or(Ok(()), Err)
}

/// Asks on the terminal. Without one, removing needs `--yes`.
fn asked(runs: &[String]) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "without a terminal, `crv rm` cannot ask whether to remove the run",
            "add --yes if you are sure",
        ));
    }
    let names: Vec<String> = runs.iter().map(|run| format!("`{run}`")).collect();
    let what = if runs.len() == 1 { "run" } else { "runs" };
    let mut stderr = io::stderr();
    let prompt = write!(stderr, "remove {what} {}? [y/N] ", names.join(", ")).and_then(|()| stderr.flush());
    let mut answer = String::new();
    let read = prompt.and_then(|()| io::stdin().lock().read_line(&mut answer));
    read.map_err(|error| CliError::Output(format!("the terminal cannot be read: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
