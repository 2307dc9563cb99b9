//! `crv settings`: what the settings come to.

use clap::Args;

use crate::context::Context;
use crate::error::CliError;

/// Show the settings that count here, as a crv.toml
#[derive(Debug, Args)]
pub(crate) struct Settings {}

pub(crate) fn run(context: &Context, _: &Settings) -> Result<(), CliError> {
    if context.json {
        return context.print_json(&context.settings);
    }
    context.print(&context.settings.to_toml()?)
}
