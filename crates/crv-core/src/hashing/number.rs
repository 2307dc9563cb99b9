//! Numbers as Python's `repr` prints them.

use std::fmt::Write;

use crate::error::JsonError;

/// Appends the canonical form of a JSON number, given as it was written.
pub(super) fn push_number(json: &mut String, text: &str) -> Result<(), JsonError> {
    if text.contains(['.', 'e', 'E']) {
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => push_float(json, value),
            _ => return Err(not_canonical(text)),
        }
    } else if is_integer(text) {
        json.push_str(if text == "-0" { "0" } else { text });
    } else {
        return Err(not_canonical(text));
    }
    Ok(())
}

/// A JSON integer. Numbers that were read are; one that was put together by hand may be anything.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    !digits.is_empty() && !leading_zero && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn not_canonical(text: &str) -> JsonError {
    JsonError::Number { number: text.to_owned() }
}

/// Appends a finite double: the shortest digits that read back as the same double, plain from 1e-4 up to but not
/// including 1e16, else with an exponent of a sign and at least two digits.
fn push_float(json: &mut String, value: f64) {
    // `{:e}` gives the shortest digits, as `-1.234e5`; only where the point goes differs from Python.
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        // `{:?}` would do here but for its own idea of when to use an exponent; `{}` never does.
        let start = json.len();
        let _ = write!(json, "{value}");
        if !json.get(start..).is_some_and(|plain| plain.contains('.')) {
            json.push_str(".0");
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(json, "{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
}
