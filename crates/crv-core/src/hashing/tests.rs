//! The contract's test vectors, and Python's output for difficult numbers and texts.

use proptest::prelude::*;
use serde_json::{Number, Value, json};

use super::*;
use crate::serde::json_loads;

fn canonical(text: &str) -> String {
    json_dumps_canonical(&json_loads(text).unwrap()).unwrap()
}

#[test]
fn the_two_vectors_of_the_contract() {
    let hash = |text| hash_row(&json_loads(text).unwrap()).unwrap();
    assert_eq!(hash(r#"{"b":2,"a":1}"#), "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777");
    assert_eq!(
        hash(r#"{"x":1.0,"y":1e16,"z":123456789012345680.0,"u":"🙂"}"#),
        "d7de9f697887b189f37def41c30090980abf3ebf806a2aabe8693939442f637d"
    );
}

#[test]
fn row_context_and_state_hash_alike() {
    let value = json!({"a": [1, 2.5, null, true]});
    let hash = hash_row(&value).unwrap();
    assert_eq!(hash_context(&value).unwrap(), hash);
    assert_eq!(hash_state(&value).unwrap(), hash);
}

#[test]
fn doubles_print_as_python_prints_them() {
    for (written, expected) in [
        ("1.0", "1.0"),
        ("1e0", "1.0"),
        ("1E+2", "100.0"),
        ("1e22", "1e+22"),
        ("1e-7", "1e-07"),
        ("-0.0", "-0.0"),
        ("-0e5", "-0.0"),
        ("0.0", "0.0"),
        ("5e-324", "5e-324"),
        ("2e-324", "0.0"),
        ("-1e-999", "-0.0"),
        ("3e-324", "5e-324"),
        ("2.2250738585072014e-308", "2.2250738585072014e-308"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("123456789012345678.0", "1.2345678901234568e+17"),
        ("0.0001", "0.0001"),
        ("0.00012", "0.00012"),
        ("0.00001", "1e-05"),
        ("0.000012", "1.2e-05"),
        ("999999999999999.9", "999999999999999.9"),
        ("1e15", "1000000000000000.0"),
        ("9999999999999998.0", "9999999999999998.0"),
        ("1e16", "1e+16"),
        ("12345678901234567890.5", "1.2345678901234567e+19"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("1e23", "1e+23"),
        ("9.5e-10", "9.5e-10"),
        ("-1.5", "-1.5"),
        ("-1e100", "-1e+100"),
        ("9007199254740993.0", "9007199254740992.0"),
        ("5.684341886080802e-14", "5.684341886080802e-14"),
    ] {
        assert_eq!(canonical(written), expected, "{written}");
    }
}

#[test]
fn of_two_equally_short_texts_the_one_with_the_even_last_digit_is_taken() {
    for (written, expected) in [
        ("232827461559727.125", "232827461559727.12"),
        ("232827461559727.375", "232827461559727.38"),
        ("-100171161423049.125", "-100171161423049.12"),
        ("1242911101435645.25", "1242911101435645.2"),
        ("1242911101435645.75", "1242911101435645.8"),
    ] {
        assert_eq!(canonical(written), expected, "{written}");
    }
}

#[test]
fn integers_keep_every_digit() {
    for integer in
        ["0", "-1", "9223372036854775808", "18446744073709551616", "-170141183460469231731687303715884105729"]
    {
        assert_eq!(canonical(integer), integer);
    }
    assert_eq!(canonical("-0"), "0");
    let long = "7".repeat(5_000);
    assert_eq!(canonical(&long), long);
}

#[test]
fn numbers_made_in_rust_print_as_numbers_that_were_read() {
    let value = json!([1.0_f64, 1e16, 1e-7, u64::MAX, i64::MIN, 0.1_f64, -0.0_f64]);
    assert_eq!(
        json_dumps_canonical(&value).unwrap(),
        "[1.0,1e+16,1e-07,18446744073709551615,-9223372036854775808,0.1,-0.0]"
    );
}

#[test]
fn a_number_beyond_a_double_is_refused_by_name() {
    // The parser adds an exponent's sign; it changes nothing else.
    for (text, named) in [("1e999", "1e+999"), ("-1E999", "-1E+999"), ("1.8e+308", "1.8e+308")] {
        let error = json_dumps_canonical(&json_loads(text).unwrap()).unwrap_err();
        assert_eq!(
            error.to_string().to_lowercase(),
            format!(
                "number `{}` has no canonical json\nhint: numbers must be integers or finite doubles",
                named.to_lowercase()
            )
        );
    }
}

#[test]
fn a_number_that_is_none_is_refused() {
    for text in ["", "-", "x", "01", "1x", "inf", "NaN", "1.e", "+1"] {
        let value = Value::Number(Number::from_string_unchecked(text.to_owned()));
        assert!(json_dumps_canonical(&value).is_err(), "{text:?}");
    }
}

#[test]
fn only_what_must_be_escaped_is() {
    let every_control: String = ('\0'..='\u{1f}').collect();
    assert_eq!(
        json_dumps_canonical(&json!(every_control)).unwrap(),
        "\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f\\u0010\\u0011\
         \\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f\""
    );
    assert_eq!(canonical(r#""\"\\\/\u007f\u2028\u00e9🙂""#), "\"\\\"\\\\/\u{7f}\u{2028}é🙂\"");
}

#[test]
fn keys_sort_by_code_point_and_not_by_utf16() {
    // U+FF5E is below U+1F642, but its UTF-16 unit is above the other's first surrogate.
    assert_eq!(
        canonical(r#"{"🙂":1,"～":2,"b":3,"B":4,"":5,"a":6,"é":7}"#),
        "{\"\":5,\"B\":4,\"a\":6,\"b\":3,\"é\":7,\"～\":2,\"🙂\":1}"
    );
}

#[test]
fn of_a_key_given_twice_the_last_value_stays() {
    assert_eq!(canonical(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
}

#[test]
fn containers_print_without_blanks() {
    assert_eq!(canonical("[ ]"), "[]");
    assert_eq!(canonical("{ }"), "{}");
    assert_eq!(
        canonical(r#" { "a" : [ true , false , null , { "b" : [ ] } ] } "#),
        r#"{"a":[true,false,null,{"b":[]}]}"#
    );
}

/// Any JSON value, with numbers in all spellings.
fn any_json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<f64>().prop_filter_map("finite", |f| Number::from_f64(f).map(Value::Number)),
        any::<i64>().prop_map(Value::from),
        "-?[1-9][0-9]{0,40}".prop_map(|text| Value::Number(Number::from_string_unchecked(text))),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number,
        any::<String>().prop_map(Value::String)
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_double_reads_back_as_the_same_double(value in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
        let json = json_dumps_canonical(&json!(value)).unwrap();
        prop_assert_eq!(json.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{}", json);
        prop_assert!(json.contains(['.', 'e']), "{} would read back as an integer", json);
    }

    #[test]
    fn how_a_double_is_written_does_not_matter(value in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
        let expected = json_dumps_canonical(&json!(value)).unwrap();
        prop_assert_eq!(&canonical(&format!("{value:E}")), &expected);
        // 1100 decimal places are enough for every digit of a double.
        prop_assert_eq!(&canonical(&format!("{value:.1100}")), &expected);
    }

    #[test]
    fn canonical_json_is_a_fixed_point(value in any_json()) {
        let once = json_dumps_canonical(&value).unwrap();
        prop_assert_eq!(&canonical(&once), &once);
    }
}
