//! `crv declare`: declares a table of a run.

use clap::Args;
use crv_core::suggest::nearest;
use crv_io::presets::Preset;
use crv_io::schema::{Field, FieldType};
use crv_io::{Descriptor, Error, TableId};
use serde::Serialize;

use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Declare a table of a run, or further columns of it
///
/// Writes one commit, unless the table has these columns already. Columns that are new are added to a table that is
/// declared already; they must be nullable. `tick` need not be given. Without columns, a table of this name that many
/// simulations need is declared: agents, llm_calls or model.
#[derive(Debug, Args)]
pub(crate) struct Declare {
    /// The run; it is created by the first declaration
    run: String,
    /// The table
    #[arg(value_parser = args::table(), hide_possible_values = true)]
    table: TableId,
    /// A column and its type, such as `wealth=f64`, `at=timestamp[UTC]` or `path=list[f32]`
    #[arg(value_name = "COLUMN=TYPE")]
    columns: Vec<String>,
    /// Columns that are never null
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    required: Vec<String>,
}

pub(crate) fn run(context: &Context, arguments: &Declare) -> Result<(), CliError> {
    let Declare { table, required, .. } = arguments;
    let dataset = context.open_or_new(&arguments.run)?;
    let declared = if arguments.columns.is_empty() {
        let preset = preset(*table)?;
        dataset.declare(&preset.descriptor().map_err(Error::from)?)?
    } else {
        let columns = arguments.columns.iter().map(|column| parse(column)).collect::<Result<_, _>>()?;
        dataset.declare_columns(*table, columns, required)?
    };
    dataset.close()?;
    context.note(format_args!("run `{}` has the table `{table}` with these columns", arguments.run));
    show(context, &declared)
}

/// Prints the columns of a table.
pub(super) fn show(context: &Context, descriptor: &Descriptor) -> Result<(), CliError> {
    if context.json {
        let columns: Vec<ColumnEntry<'_>> = descriptor.columns().iter().map(ColumnEntry::of).collect();
        return output::print_json(&columns);
    }
    let mut text = TextTable::new([("COLUMN", Align::Left), ("TYPE", Align::Left), ("NULLS", Align::Left)]);
    for column in descriptor.columns() {
        let nulls = if column.required { "never" } else { "allowed" };
        text.push([column.name.clone(), shown(&column.ty), nulls.to_owned()]);
    }
    output::print_table(&text)
}

#[derive(Serialize)]
struct ColumnEntry<'a> {
    name: &'a str,
    r#type: String,
    required: bool,
}

impl<'a> ColumnEntry<'a> {
    fn of(field: &'a Field) -> Self {
        Self { name: &field.name, r#type: shown(&field.ty), required: field.required }
    }
}

/// The type with the declared fields of structs.
fn shown(ty: &FieldType) -> String {
    match ty {
        FieldType::Struct(fields) if !fields.is_empty() => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{}: {}", field.name, shown(&field.ty))).collect();
            format!("struct[{}]", fields.join(", "))
        }
        FieldType::List(item) => format!("list[{}]", shown(item)),
        ty => ty.to_string(),
    }
}

fn parse(text: &str) -> Result<Field, CliError> {
    let Some((name, ty)) = text.split_once('=') else {
        let message = format!("`{text}` is not a column and its type");
        return Err(CliError::usage(message, "write `wealth=f64`"));
    };
    let ty = FieldType::parse(ty, name)
        .map_err(|error| CliError::usage(error.to_string(), error.hint().unwrap_or_default()))?;
    Ok(Field::nullable(name.trim(), ty))
}

fn preset(table: TableId) -> Result<Preset, CliError> {
    let names = Preset::ALL.map(|preset| preset.name);
    Preset::ALL.into_iter().find(|preset| preset.name == table.as_str()).ok_or_else(|| {
        let hint = match nearest(table.as_str(), names) {
            Some(near) => format!("did you mean `{near}`? else write its columns: `wealth=f64`"),
            None => format!("write its columns: `wealth=f64`; ready-made are {}", names.join(", ")),
        };
        CliError::usage(format!("no columns are given for table `{table}`"), hint)
    })
}
