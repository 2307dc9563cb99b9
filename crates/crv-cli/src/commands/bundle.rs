//! `crv bundle`: writes the description of a run.

use clap::Args;
use crv_io::run::bundle::{BundleMeta, RunBundle, Versions, bundle_manifest_path};
use serde_json::{Map, Value};

use super::many::{self, Done};
use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Write the description of a run, bundle.manifest.json
///
/// Creates or replaces that file in the run's directory, and changes nothing else on disk.
#[derive(Debug, Args)]
pub(crate) struct Bundle {
    /// The run, or a pattern such as `w-*`: `*` is every run
    run: String,
    /// Metadata of the run, in place of the earlier metadata, which is kept by default; a value is JSON, or else text
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    meta: Vec<(String, Value)>,
    /// Drop the earlier metadata
    #[arg(long, conflicts_with = "meta")]
    no_meta: bool,
}

pub(crate) fn run(context: &Context, arguments: &Bundle) -> Result<(), CliError> {
    let kept = arguments.meta.is_empty() && !arguments.no_meta;
    let meta = if kept { None } else { Some(meta(&arguments.meta)?) };
    let write = |run: &str| -> Result<(RunBundle, String), CliError> {
        let dataset = context.existing_run(run)?;
        let bundle = dataset.write_bundle(meta.clone(), Versions::default())?;
        Ok((bundle, format!("wrote `{}`", bundle_manifest_path(dataset.settings(), run)?)))
    };
    if args::is_pattern(&arguments.run) {
        return many::each(context, &arguments.run, "describing", |run| {
            let (bundle, told) = write(run)?;
            Done::new(told, &bundle)
        });
    }
    let (bundle, told) = write(&arguments.run)?;
    context.note(told);
    if context.json {
        return output::print_json(&bundle);
    }
    if bundle.tables.is_empty() {
        return Ok(());
    }
    output::print_table(&text(&bundle))
}

/// The tables of a bundle as text, one line each.
fn text(bundle: &RunBundle) -> TextTable {
    let right = ["ROWS", "TICKS", "BUCKETS", "SIZE"].map(|name| (name, Align::Right));
    let mut table = TextTable::new([("TABLE", Align::Left)].into_iter().chain(right));
    for (name, totals) in &bundle.tables {
        table.push([
            name.to_string(),
            output::count(totals.rows),
            output::ticks(totals.tick_min.zip(totals.tick_max)),
            output::count(totals.buckets.len() as u64),
            output::bytes(totals.bytes),
        ]);
    }
    table
}

/// Parses `KEY=VALUE`.
fn pair(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            Ok((key.to_owned(), value))
        }
        _ => Err("it is not of the form KEY=VALUE".to_owned()),
    }
}

fn meta(pairs: &[(String, Value)]) -> Result<BundleMeta, CliError> {
    let mut object = Map::new();
    for (key, value) in pairs {
        if object.insert(key.clone(), value.clone()).is_some() {
            return Err(CliError::usage(
                format!("--meta has the key `{key}` more than once"),
                "name each key once; a list is JSON: --meta 'seeds=[1,2]'",
            ));
        }
    }
    Ok(BundleMeta::new(object)?)
}
