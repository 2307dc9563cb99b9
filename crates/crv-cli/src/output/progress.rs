//! Progress bars, on standard error.

use indicatif::{ProgressBar, ProgressStyle};

use crate::context::Context;

/// A bar such as `recording ████ 3/10 ticks`; hidden with `--quiet`. The length can be set later.
pub(crate) fn progress(context: &Context, doing: &str, length: u64, what: &str) -> ProgressBar {
    let bar = if context.quiet { ProgressBar::hidden() } else { ProgressBar::new(length) };
    let template = format!("{doing} {{wide_bar}} {{pos}}/{{len}} {what}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
