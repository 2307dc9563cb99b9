//! Formats numbers as Python's `repr` does.

use std::fmt::Write;

use crate::error::JsonError;

/// Appends the canonical form of a JSON number, given as text.
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

/// Returns whether the text is a JSON integer. Parsed numbers are valid; a number that was made by hand may be any
/// text.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    !digits.is_empty() && !leading_zero && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn not_canonical(text: &str) -> JsonError {
    JsonError::Number { number: text.to_owned() }
}

/// Appends a finite double with the fewest digits that parse to the same double: without exponent from 1e-4 up to but
/// not including 1e16, otherwise with an exponent of a sign and at least two digits.
fn push_float(json: &mut String, value: f64) {
    let scientific = shortest(value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        push_plain(json, mantissa, exponent);
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to a String cannot fail.
        let _ = write!(json, "{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
}

/// The fewest digits that parse to the same double, as `-1.234e5`.
///
/// If two such texts are equally near, Rust takes the upper one and Python the one with an even last digit:
/// 2^-3 + 232827461559727 is `232827461559727.12` in Python. Rounding to a fixed number of digits takes the even one,
/// so it is used here. A tie is only possible with 16 digits or more.
fn shortest(value: f64) -> String {
    let upper = format!("{value:e}");
    let digits = upper.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    if digits >= 16 {
        let even = format!("{value:.*e}", digits - 1);
        // Next to a power of two, the nearest text of this length may parse to the neighbouring double.
        if even.parse() == Ok(value) {
            return even;
        }
    }
    upper
}

/// Appends `mantissa * 10^exponent` without an exponent, and always with a point.
fn push_plain(json: &mut String, mantissa: &str, exponent: i32) {
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    json.push_str(sign);
    if exponent < 0 {
        json.push_str("0.");
        json.extend((exponent + 1..0).map(|_| '0'));
        json.push_str(&digits);
        return;
    }
    let whole = exponent.unsigned_abs() as usize + 1;
    match digits.split_at_checked(whole) {
        Some((whole, fraction)) if !fraction.is_empty() => {
            json.push_str(whole);
            json.push('.');
            json.push_str(fraction);
        }
        _ => {
            json.push_str(&digits);
            json.extend((digits.len()..whole).map(|_| '0'));
            json.push_str(".0");
        }
    }
}
