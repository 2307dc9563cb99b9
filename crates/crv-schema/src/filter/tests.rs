//! What filters mean: each kind of column, each comparison, nulls, NaN, and what bounds leave out.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int64Array, NullArray, RecordBatch, StringArray, StringViewArray, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field};
use proptest::prelude::*;

use super::*;

fn rows() -> RecordBatch {
    let inner = StructArray::from(vec![(
        Arc::new(Field::new("price", DataType::Float64, true)),
        Arc::new(Float64Array::from(vec![Some(1.5), Some(2.5), None, Some(4.5)])) as ArrayRef,
    )]);
    let (fields, columns, _) = inner.into_parts();
    // The second row's struct is null, whatever lies under it.
    let payload = StructArray::new(fields, columns, Some(NullBuffer::from(vec![true, false, true, true])));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("tick", Arc::new(Int64Array::from(vec![0, 1, 2, i64::MAX]))),
        ("small", Arc::new(Int8Array::from(vec![Some(-1), None, Some(3), Some(3)]))),
        ("large", Arc::new(UInt64Array::from(vec![0, 1, u64::MAX, 7]))),
        ("x", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(f64::NAN), Some(-0.0)]))),
        ("narrow", Arc::new(Float32Array::from(vec![0.1, 0.2, 0.3, 0.4]))),
        ("name", Arc::new(StringArray::from(vec![Some("a"), Some("it's"), None, Some("b \"c\"")]))),
        ("view", Arc::new(StringViewArray::from(vec![Some("a"), Some("b"), None, Some("c")]))),
        (
            "packed",
            Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("a"), Some("b"), None, Some("a")])),
        ),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
        ("day", Arc::new(Date32Array::from(vec![0, 1, 2, 20_000]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![0, 1_000_000, 2, 3]).with_timezone("UTC"))),
        ("clock", Arc::new(Time64MicrosecondArray::from(vec![0, 1_000_000, 2_000_000, 86_399_999_999]))),
        (
            "cost",
            Arc::new(Decimal128Array::from(vec![100, 150, 200, -1]).with_precision_and_scale(10, 2).unwrap()),
        ),
        ("nothing", Arc::new(NullArray::new(4))),
        ("params.density", Arc::new(Float64Array::from(vec![0.1, 0.2, 0.3, 0.4]))),
        ("payload", Arc::new(payload)),
        ("two words", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn passing(filter: &str) -> Vec<usize> {
    let (rows, filter) = (rows(), filter.parse::<Filter>().unwrap());
    // Written out and read again, it is the same.
    assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    let bound = filter.bind(rows.schema_ref().fields()).unwrap();
    let passing = bound.rows(&rows).unwrap();
    assert_eq!(passing.null_count(), 0);
    (0..rows.num_rows()).filter(|row| passing.value(*row)).collect()
}

#[test]
fn each_comparison_holds_for_its_rows() {
    for (filter, expected) in [
        ("tick = 1", &[1][..]),
        ("tick == 1", &[1]),
        ("tick != 1", &[0, 2, 3]),
        ("tick <> 1", &[0, 2, 3]),
        ("tick < 1", &[0]),
        ("tick <= 1", &[0, 1]),
        ("tick > 1", &[2, 3]),
        ("tick>=1", &[1, 2, 3]),
        ("tick >= -5", &[0, 1, 2, 3]),
        // Not rounded to 2^63.
        ("tick = 9223372036854775807", &[3]),
        ("tick < 9223372036854775808.0", &[0, 1, 2, 3]),
        ("tick > 0.5 and tick < 1.5", &[1]),
        ("tick < inf and tick > -inf", &[0, 1, 2, 3]),
        ("tick in (0, 2.0)", &[0, 2]),
        ("tick not in (0, 2)", &[1, 3]),
        ("small = 3", &[2, 3]),
        ("small != 3", &[0]),
        ("not small = 3", &[0]),
        ("small is null", &[1]),
        ("small IS NOT NULL", &[0, 2, 3]),
        ("large > 9223372036854775807", &[2]),
        ("large = 18446744073709551615", &[2]),
        ("x > 0", &[0]),
        ("x = 0", &[3]),
        ("x != 0.5", &[2, 3]),
        ("x < 100", &[0, 3]),
        ("not x < 100", &[2]),
        ("narrow = 0.1", &[0]),
        ("narrow > 0.3", &[3]),
        ("narrow < 1e39", &[0, 1, 2, 3]),
        ("cost = 1.50", &[1]),
        ("cost > 1.4999999", &[1, 2]),
        ("name = 'it''s'", &[1]),
        ("name = \"b \"\"c\"\"\"", &[3]),
        ("name >= 'b'", &[1, 3]),
        ("view in ('a', 'c')", &[0, 3]),
        ("packed = 'a'", &[0, 3]),
        ("packed is null", &[2]),
        ("flag = true", &[0, 3]),
        ("flag = FALSE", &[1]),
        ("day >= '1970-01-02' and day < '2000-01-01'", &[1, 2]),
        ("at = '1970-01-01T00:00:01Z'", &[1]),
        ("at = '1970-01-01T01:00:01+01:00'", &[1]),
        ("at >= '1970-01-01' and at < '1970-01-01 00:00:01'", &[0, 2, 3]),
        ("at > '1969-12-31T23:00:00-02:00'", &[]),
        ("clock >= '00:00:02' and clock < '00:00:02.000001'", &[2]),
        ("cost = 1.5", &[1]),
        ("cost > 1", &[1, 2]),
        ("cost < 170141183460469231731687303715884105727", &[0, 1, 2, 3]),
        ("nothing = 1", &[]),
        ("not nothing = 1", &[]),
        ("nothing is null", &[0, 1, 2, 3]),
        ("params.density > 0.25", &[2, 3]),
        ("payload.price > 0", &[0, 3]),
        ("payload.price is null", &[1, 2]),
        ("payload is null", &[1]),
        ("`two words` = 3", &[2]),
    ] {
        assert_eq!(passing(filter), expected, "{filter}");
    }
}

#[test]
fn conditions_are_joined_as_in_sql() {
    for (filter, expected) in [
        ("tick = 0 or tick = 1 and small = 3", &[0][..]),
        ("(tick = 0 or tick = 1) and small = -1", &[0]),
        ("not (tick = 0 or tick = 1)", &[2, 3]),
        ("not not tick = 0", &[0]),
        // Unknown or true is true, unknown and false is false, not unknown is unknown.
        ("small = 3 or tick = 1", &[1, 2, 3]),
        ("not (small = 3 and tick = 0)", &[0, 1, 2, 3]),
        ("not (small = 3)", &[0]),
        ("small = 3 And Not flag = true Or name is null", &[2]),
    ] {
        assert_eq!(passing(filter), expected, "{filter}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (text, message) in [
        ("", "the filter cannot be read at `the end`: the name of a column is expected"),
        ("tick", "the filter cannot be read at `the end`: a comparison, such as `=` or `<` is expected"),
        ("tick = ", "at `the end`: a number, a text in quotes, `true` or `false` is expected"),
        ("tick = a", "at `a`: a number, a text in quotes, `true` or `false` is expected"),
        ("tick = 1 tick = 2", "at `tick = 2`: `and`, `or` or the end is expected"),
        ("(tick = 1", "at `the end`: `)` is expected"),
        ("tick not 1", "at `1`: `in` is expected"),
        ("tick is 1", "at `1`: `null` is expected"),
        ("tick in 1", "at `1`: `(` is expected"),
        ("tick in (1", "at `the end`: `,` or `)` is expected"),
        ("and = 1", "at `and = 1`: the name of a column is expected"),
        ("tick = 'a", "has a text without its closing `'`"),
        ("`tick = 1", "has a text without its closing ```"),
        ("tick = 1x", "`1x` in the filter is not a number"),
        ("tick = null", "`tick` is compared with null"),
    ] {
        let error = text.parse::<Filter>().unwrap_err();
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
    let deep = format!("{}tick = 1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(deep.parse::<Filter>().unwrap_err(), FilterError::TooDeep { limit: 64 });
    let long = vec!["tick = 1"; 20_000].join(" or ");
    assert!(long.parse::<Filter>().is_ok());
}

#[test]
fn what_does_not_fit_the_columns_is_told_with_a_next_step() {
    for (filter, message, hint) in [
        ("tik = 1", "the filter asks for `tik`, which is no column", "did you mean `tick`?"),
        ("params.densty = 1", "asks for `params.densty`", "did you mean `params.density`?"),
        ("weather = 1", "asks for `weather`", "the columns are tick, small, large, "),
        ("payload.volume = 1", "asks for `payload.volume`", "the columns are"),
        ("tick = '1'", "compares `tick` (Int64) with \"1\"", "write the number without quotes"),
        ("tick = true", "compares `tick` (Int64) with true", "compare it with a number"),
        ("name = 1", "compares `name` (Utf8) with 1", "write the value in quotes"),
        ("flag = 1", "compares `flag` (Boolean) with 1", "compare it with `true` or `false`"),
        ("day > 5", "compares `day` (Date32) with 5", "write the time in quotes"),
        ("day > 'soon'", "compares `day` (Date32) with \"soon\"", "write it like"),
        ("payload = 1", "compares `payload`", "only `is null`"),
    ] {
        let error = filter.parse::<Filter>().unwrap().bind(rows().schema_ref().fields()).unwrap_err();
        assert!(error.to_string().contains(message), "{filter}: {error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{filter}: {:?}", error.hint());
    }
}

/// The filters of one column of integers and one of floats.
fn filters() -> impl Strategy<Value = String> {
    let operator = prop_oneof![Just("="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")];
    let column = prop_oneof![Just("i"), Just("f"), Just("t")];
    let compare = (column, operator, -3_i64..4).prop_map(|(column, operator, value)| match column {
        "t" => format!("t {operator} '{}'", "b".repeat(value.unsigned_abs() as usize)),
        _ => format!("{column} {operator} {value}"),
    });
    let leaf = prop_oneof![
        compare,
        Just("i is null".to_owned()),
        Just("f is not null".to_owned()),
        (-3_i64..4).prop_map(|value| format!("i in ({value}, 2)")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("not ({one})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) and ({other})")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("({one}) or ({other})")),
        ]
    })
}

proptest! {
    /// Bounds never leave out a row, whether they are tight or not.
    #[test]
    fn rows_that_pass_are_within_the_bounds(
        filter in filters(),
        ints in prop::collection::vec(prop::option::of(-3_i64..4), 1..6),
        floats in prop::collection::vec(prop::option::weighted(0.9, prop_oneof![
            9 => (-3_i32..4).prop_map(f64::from), 1 => Just(f64::NAN)
        ]), 6),
        texts in prop::collection::vec(prop::option::of("b{0,3}"), 6),
        slack in 0_i64..2,
    ) {
        let rows = ints.len();
        let batch = RecordBatch::try_from_iter([
            ("i", Arc::new(Int64Array::from(ints.clone())) as ArrayRef),
            ("f", Arc::new(Float64Array::from(floats[..rows].to_vec()))),
            ("t", Arc::new(StringArray::from(texts[..rows].to_vec()))),
        ]).unwrap();
        let bound = filter.parse::<Filter>().unwrap().bind(batch.schema_ref().fields()).unwrap();
        let found = bound.rows(&batch).unwrap().true_count() > 0;
        let between = |all: Vec<Literal>, order: fn(&Literal, &Literal) -> Ordering| {
            let (min, max) = (all.iter().cloned().min_by(order), all.into_iter().max_by(order));
            min.zip(max).map_or(Bounds::Null, |(min, max)| Bounds::Between(min, max))
        };
        let may = bound.may_hold(|column| match column[0].as_str() {
            "i" => {
                let ints = ints.iter().flatten();
                let all = ints.flat_map(|int| [int - slack, int + slack]).map(|int| Literal::Int(int.into()));
                between(all.collect(), |one, other| match (one, other) {
                    (Literal::Int(one), Literal::Int(other)) => one.cmp(other),
                    _ => unreachable!(),
                })
            }
            "f" => {
                let known: Vec<f64> = floats[..rows].iter().flatten().copied().collect();
                let all: Vec<Literal> =
                    known.iter().filter(|float| !float.is_nan()).map(|float| Literal::Float(*float)).collect();
                // Parquet has no bounds where every value is NaN.
                if all.is_empty() && !known.is_empty() {
                    return Bounds::Unknown;
                }
                between(all, |one, other| match (one, other) {
                    (Literal::Float(one), Literal::Float(other)) => one.total_cmp(other),
                    _ => unreachable!(),
                })
            }
            _ => {
                let all = texts[..rows].iter().flatten().flat_map(|text| {
                    [text.get(..1).unwrap_or_default().to_owned(), format!("{}{}", text, "c".repeat(slack as usize))]
                });
                between(all.map(Literal::Text).collect(), |one, other| match (one, other) {
                    (Literal::Text(one), Literal::Text(other)) => one.cmp(other),
                    _ => unreachable!(),
                })
            }
        });
        prop_assert!(may || !found, "{filter}");
    }
}

#[test]
fn bounds_leave_rows_out() {
    let fields = rows().schema_ref().fields().clone();
    let may = |filter: &str, bounds: &Bounds| {
        let bound = filter.parse::<Filter>().unwrap().bind(&fields).unwrap();
        bound.may_hold(|path| if path[0] == "payload" { Bounds::Unknown } else { bounds.clone() })
    };
    let ints = Bounds::Between(Literal::Int(5), Literal::Int(9));
    for filter in [
        "tick < 5",
        "tick > 9",
        "tick = 4",
        "tick in (1, 2)",
        "not tick >= 5",
        "tick > 9 and payload.price > 0",
    ] {
        assert!(!may(filter, &ints), "{filter}");
    }
    assert!(!may("x > 9", &Bounds::Between(Literal::Float(1.0), Literal::Float(9.0))));
    assert!(!may("name = 'z'", &Bounds::Between(Literal::Text("a".into()), Literal::Text("b".into()))));
    assert!(!may("tick != 5", &Bounds::Between(Literal::Int(5), Literal::Int(5))));
    assert!(!may("tick = 5", &Bounds::Null) && may("tick is null", &Bounds::Null));
    let mut asked = Vec::new();
    let bound = "payload.price > 0".parse::<Filter>().unwrap().bind(&fields).unwrap();
    bound.may_hold(|path| {
        asked.push(path.join("/"));
        Bounds::Unknown
    });
    assert_eq!(asked, ["payload/price"]);
}
