//! `crv prune`: the oldest commit files go, and one base stands for them.

use std::time::Duration;

use clap::Args;
use jiff::{Span, SpanRelativeTo};

use crate::context::Context;
use crate::error::CliError;
use crate::output;

/// Remove old commit files of a run, and keep what they did in one
///
/// No rows are lost and nothing changes for those who read and write meanwhile.
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// The run
    run: String,
    /// Only commits that are older than this: `90s`, `15m`, `1h`, `7d`; `0s` takes all
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = age)]
    older_than: Duration,
}

pub(crate) fn run(context: &Context, arguments: &Prune) -> Result<(), CliError> {
    let Prune { run, older_than } = arguments;
    let report = context.existing_run(run)?.prune(*older_than)?;
    context.note(format_args!(
        "removed {}, {}, of run `{run}`; {} left",
        output::counted(report.removed, "commit file"),
        output::bytes(report.bytes),
        match report.left {
            0 => "none is".to_owned(),
            1 => "1 is".to_owned(),
            left => format!("{} are", output::count(left)),
        },
    ));
    if context.json { output::print_json(&report) } else { Ok(()) }
}

/// Reads a time span; a day has 24 hours.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time span: write `90s`, `15m`, `1h` or `7d`");
    let span: Span = text.parse().map_err(|_| wrong())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(duration).map_err(|_| format!("`{text}` is in the future"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_read_as_people_write_them() {
        let told =
            ["0s", "90s", "15m", "1h 30m", "7d", "2 weeks"].map(|text| age(text).map(|age| age.as_secs()));
        assert_eq!(told, [0, 90, 900, 5400, 604_800, 1_209_600].map(Ok));
    }

    #[test]
    fn what_is_no_time_span_is_refused() {
        for text in ["", "1", "h", "1 month", "-1h", "1h ago", "tomorrow", "99999999999999999999s"] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
