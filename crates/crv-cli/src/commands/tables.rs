//! `crv tables`: lists the tables of a run.

use clap::Args;

use super::facts::TableFacts;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// List the tables of a run
///
/// Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Tables {
    /// The run
    run: String,
}

pub(crate) fn run(context: &Context, arguments: &Tables) -> Result<(), CliError> {
    let (dataset, names) = context.existing(&arguments.run)?;
    let mut facts = Vec::with_capacity(names.len());
    for name in names {
        facts.push(TableFacts::from(&context.manifest(&dataset, name)?));
    }
    if context.json {
        return output::print_json(&facts);
    }
    output::print_table(&text(&facts))
}

/// The tables as text, one line each.
pub(crate) fn text(facts: &[TableFacts]) -> TextTable {
    let right = ["ROWS", "TICKS", "BUCKETS", "PARTS", "SIZE"].map(|name| (name, Align::Right));
    let mut table = TextTable::new([("TABLE", Align::Left)].into_iter().chain(right));
    for facts in facts {
        table.push([
            facts.table.to_string(),
            output::count(facts.rows),
            output::ticks(facts.ticks()),
            output::count(facts.buckets),
            output::count(facts.parts),
            output::bytes(facts.bytes),
        ]);
    }
    table
}
