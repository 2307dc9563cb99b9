//! `crv settings`: shows the settings in effect.

use clap::Args;

use crate::context::Context;
use crate::error::CliError;
use crate::output;

/// Show the settings in effect, as a crv.toml
///
/// Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Settings {}

pub(crate) fn run(context: &Context, _: &Settings) -> Result<(), CliError> {
    if context.json {
        return output::print_json(&context.settings);
    }
    output::print(&context.settings.to_toml()?)
}
