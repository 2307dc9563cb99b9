//! `crv info`: shows a run at a glance.

use clap::Args;
use crv_io::run::{ModelFacts, RunFacts, RunInfo, RunStatus};

use super::runs::state;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Show a run at a glance: how it is doing, with which parameters and seed it was made, and what is in it
///
/// Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The run
    run: String,
}

pub(crate) fn run(context: &Context, arguments: &Info) -> Result<(), CliError> {
    let info = context.existing_run(&arguments.run)?.info()?;
    if context.json {
        output::print_json(&info)?;
    } else {
        output::print_table(&text(&info))?;
        if !info.tables.is_empty() {
            output::print("\n")?;
            output::print_table(&tables(&info))?;
        }
        let error = info.status.as_ref().and_then(|status| status.error.as_ref());
        if let Some(traceback) = error.and_then(|error| error.traceback.as_deref()) {
            output::print(&format!("\n{}\n", visible(traceback.trim_end())))?;
        }
    }
    info.problems.iter().for_each(output::warn);
    Ok(())
}

/// A name and its value on each line. The first line is the table's header.
fn text(info: &RunInfo) -> TextTable {
    let mut table = TextTable::new([("RUN", Align::Left), (info.run_id.as_str(), Align::Left)]);
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            table.push([name.to_owned(), value]);
        }
    };
    line("state", state(info));
    if let Some(error) = info.status.as_ref().and_then(|status| status.error.as_ref()) {
        line("error", format!("{}: {}", error.kind, error.message));
    }
    line("ticks", output::ticks(info.tick_min.zip(info.tick_max)));
    line("rows", output::count(info.rows));
    line("size", output::bytes(info.bytes));
    line("commits", output::count(info.commit));
    let began = info.created_at.as_ref();
    line(
        "began",
        began.map(|time| format!("{time}, {} ago", output::age(info.age_seconds))).unwrap_or_default(),
    );
    if let Some(status) = &info.status {
        for (name, value) in reported(status) {
            line(name, value);
        }
    }
    if let Some(facts) = &info.facts {
        for (name, value) in stated(facts) {
            line(&name, value);
        }
    }
    table
}

fn reported(status: &RunStatus) -> [(&'static str, String); 2] {
    let host = status.host.as_ref().map_or_else(String::new, |host| format!(" on {host}"));
    let last = match &status.ended_at {
        Some(ended) => ("ended", ended.clone()),
        None => ("last sign", status.updated_at.clone()),
    };
    [last, ("process", format!("{}{host}", status.pid))]
}

fn stated(facts: &RunFacts) -> Vec<(String, String)> {
    let seed = facts.seed.as_ref().map(ToString::to_string);
    let mut lines = vec![
        ("model".to_owned(), model(&facts.model)),
        ("seed".to_owned(), seed.unwrap_or_default()),
        ("sweep".to_owned(), facts.sweep.clone().unwrap_or_default()),
        ("tags".to_owned(), facts.tags.join(", ")),
        ("command".to_owned(), facts.command.join(" ")),
    ];
    for (name, object) in [("params", &facts.params), ("extra", &facts.extra)] {
        lines.extend(object.iter().map(|(key, value)| (format!("{name}.{key}"), value.to_string())));
    }
    lines
}

/// The model: its name, its version, and the commit of its source.
fn model(model: &ModelFacts) -> String {
    let commit = model.git.sha.as_ref().map(|sha| {
        let dirty = if model.git.dirty == Some(true) { ", with changes" } else { "" };
        format!("(commit {}{dirty})", sha.get(..12).unwrap_or(sha))
    });
    [model.name.clone(), model.version.clone(), commit].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn tables(info: &RunInfo) -> TextTable {
    let right = ["ROWS", "TICKS", "PARTS", "SIZE"].map(|name| (name, Align::Right));
    let mut table = TextTable::new([("TABLE", Align::Left)].into_iter().chain(right));
    for totals in &info.tables {
        table.push([
            totals.table.to_string(),
            output::count(totals.rows),
            output::ticks(totals.tick_min.zip(totals.tick_max)),
            output::count(totals.parts),
            output::bytes(totals.bytes),
        ]);
    }
    table
}

/// Text of several lines, without other control characters: they must not reach the terminal.
fn visible(text: &str) -> String {
    let line = |line: &str| -> String {
        line.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() }).collect()
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
