//! Casts between text and numbers.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::builder::{PrimitiveBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::DataType;

use super::ValidationError;
use super::convert::arrow_cast;
use super::leaf::refusal;
use super::strings::Strings;
use crate::schema::FieldPath;

/// Parses each text as a number; the first that is not one is the error.
pub(super) fn parse<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    path: &FieldPath<'_>,
    parse: impl Fn(&str) -> Option<T::Native>,
) -> Result<ArrayRef, ValidationError> {
    let texts = Strings::of(array, path)?;
    let mut numbers = PrimitiveBuilder::<T>::with_capacity(array.len());
    for row in 0..array.len() {
        match texts.get(row) {
            None => numbers.append_null(),
            Some(text) => match parse(text) {
                Some(number) => numbers.append_value(number),
                None => return Err(refusal(array, row, &T::DATA_TYPE, path)),
            },
        }
    }
    Ok(Arc::new(numbers.finish()))
}

/// Parses an integer: `12`, and also `12.0` and `1.2e1`.
pub(super) fn integer(text: &str) -> Option<i64> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let decimal = Decimal::read(text)?;
    let digits = decimal.integer_digits(19)?;
    let magnitude = digits.parse::<i128>().ok()?;
    i64::try_from(if decimal.negative { -magnitude } else { magnitude }).ok()
}

/// Parses a float.
///
/// A fraction is rounded to the nearest float, as usual. A whole number must be exact as a float, or be the shortest
/// text of one; a number too large or too small for a float is refused.
pub(super) fn float(text: &str) -> Option<f64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    // The texts that `print` writes for special values.
    match text {
        "NaN" => return Some(f64::NAN),
        "inf" => return Some(f64::INFINITY),
        "-inf" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let decimal = Decimal::read(text)?;
    let value: f64 = text.parse().ok()?;
    if value.is_infinite() || (value == 0.0 && !decimal.is_zero()) {
        return None;
    }
    if value.abs() < EXACT {
        return Some(value);
    }
    let Some(written) = decimal.integer_digits(310) else { return Some(value) };
    let exact = format!("{:.0}", value.abs());
    let shortest = format!("{:e}", value.abs());
    let printed = Decimal::read(&shortest)?.integer_digits(310)?;
    (written == exact || written == printed).then_some(value)
}

/// The parts of a decimal number's text.
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Parses digits with an optional sign, point and exponent; blanks, words and separators are refused.
    fn read(text: &'a str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let some = !(whole.is_empty() && fraction.is_empty());
        (some && digits(whole) && digits(fraction)).then_some(Decimal { negative, whole, fraction, exponent })
    }

    fn is_zero(&self) -> bool {
        self.whole.bytes().chain(self.fraction.bytes()).all(|byte| byte == b'0')
    }

    /// The digits of the whole number, without leading zeros; `None` if it is not whole or has more than `most` digits.
    fn integer_digits(&self, most: usize) -> Option<String> {
        let all = format!("{}{}", self.whole, self.fraction);
        let significant = all.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Some("0".to_owned());
        }
        let trailing = all.len() - all.trim_end_matches('0').len();
        // Zeros after the significant digits, with the exponent applied.
        let zeros = self.exponent.checked_sub(self.fraction.len() as i64)?.checked_add(trailing as i64)?;
        let zeros = usize::try_from(zeros).ok()?;
        (significant.len().checked_add(zeros)? <= most).then(|| format!("{significant}{}", "0".repeat(zeros)))
    }
}

/// Formats numbers: integers as digits, floats with the fewest digits that parse to the same float.
pub(super) fn print(array: &ArrayRef, path: &FieldPath<'_>) -> Result<ArrayRef, ValidationError> {
    Ok(match array.data_type() {
        DataType::Float16 => print_each(array.as_primitive::<Float16Type>(), |text, value| {
            write!(text, "{:?}", value.to_f32())
        }),
        DataType::Float32 => {
            print_each(array.as_primitive::<Float32Type>(), |text, value| write!(text, "{value:?}"))
        }
        DataType::Float64 => {
            print_each(array.as_primitive::<Float64Type>(), |text, value| write!(text, "{value:?}"))
        }
        DataType::UInt64 => {
            print_each(array.as_primitive::<UInt64Type>(), |text, value| write!(text, "{value}"))
        }
        _ => {
            let integers = arrow_cast(array, &DataType::Int64, path)?;
            print_each(integers.as_primitive::<Int64Type>(), |text, value| write!(text, "{value}"))
        }
    })
}

fn print_each<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    print: impl Fn(&mut StringBuilder, T::Native) -> std::fmt::Result,
) -> ArrayRef {
    let mut texts = StringBuilder::with_capacity(array.len(), array.len() * 8);
    for value in array {
        match value {
            // Writing to the builder's buffer cannot fail.
            Some(value) => {
                let _ = print(&mut texts, value);
                texts.append_value("");
            }
            None => texts.append_null(),
        }
    }
    Arc::new(texts.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_in_any_spelling_are_integers() {
        for (text, value) in [
            ("12", 12),
            ("-12", -12),
            ("+7", 7),
            ("007", 7),
            ("1.0", 1),
            ("1.", 1),
            ("1e3", 1000),
            ("1.25e2", 125),
            ("1200e-2", 12),
            ("-0.0", 0),
            ("0e999999", 0),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("-9223372036854775808.000", i64::MIN),
        ] {
            assert_eq!(integer(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_whole_number_is_no_integer() {
        for text in [
            "",
            " 1",
            "1 ",
            "1.5",
            "1e-1",
            "0x10",
            "1_000",
            "one",
            "-",
            "+",
            ".",
            "e3",
            "1e",
            "--1",
            "NaN",
            "inf",
            "9223372036854775808",
            "1e19",
            "1e99999999999999999999",
            "1e9223372036854775807",
            "٣",
        ] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_read_where_no_value_changes() {
        for (text, value) in [
            ("1", 1.0),
            ("0.1", 0.1),
            ("-2.5e3", -2500.0),
            (".5", 0.5),
            ("9007199254740992", 9_007_199_254_740_992.0),
            ("1e22", 1e22),
            ("1e300", 1e300),
            ("123456789012345680", 123_456_789_012_345_680.0),
            ("5e-324", 5e-324),
            ("inf", f64::INFINITY),
            ("-0", -0.0),
        ] {
            assert_eq!(float(text), Some(value), "{text}");
        }
        assert!(float("NaN").is_some_and(f64::is_nan));
        for text in
            ["", " 1", "1,5", "nan", "infinity", "1e999", "1e-999", "9007199254740993", "9007199254740993.0"]
        {
            assert_eq!(float(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_printed_float_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            proptest::prop_assume!(!value.is_nan());
            let read = float(&format!("{value:?}"));
            proptest::prop_assert_eq!(read.map(f64::to_bits), Some(value.to_bits()));
        }

        #[test]
        fn a_printed_integer_reads_back(value: i64) {
            proptest::prop_assert_eq!(integer(&value.to_string()), Some(value));
            proptest::prop_assert_eq!(integer(&format!("{value}.00")), Some(value));
        }
    }
}
