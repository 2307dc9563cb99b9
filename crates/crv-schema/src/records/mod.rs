//! Records: rows of any type that implements `Serialize`, as a frame for any table.
//!
//! A record is a struct or a map; its fields are columns. Types follow from the values, and an append casts them to the
//! types of the table. Structs and lists become payloads.

mod column;
mod datum;

use std::fmt;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use serde::Serialize;

use self::datum::Datum;
use crate::frame::Frame;

/// A record that cannot be a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsError {
    row: Option<usize>,
    reason: String,
}

impl RecordsError {
    fn new(reason: impl Into<String>) -> Self {
        Self { row: None, reason: reason.into() }
    }

    fn at(mut self, row: usize) -> Self {
        self.row = self.row.or(Some(row));
        self
    }
}

impl fmt::Display for RecordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "row {row}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for RecordsError {}

impl serde::ser::Error for RecordsError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// Converts records to a frame. A field that a record lacks is null.
///
/// ```
/// use crv_schema::records::records_to_frame;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Agent {
///     tick: u32,
///     agent_id: u64,
///     wealth: Option<f32>,
/// }
///
/// let agents = [
///     Agent { tick: 0, agent_id: 1, wealth: Some(0.5) },
///     Agent { tick: 0, agent_id: 2, wealth: None },
/// ];
/// let frame = records_to_frame(&agents)?;
/// assert_eq!((frame.num_rows(), frame.schema().fields().len()), (2, 3));
/// # Ok::<(), crv_schema::records::RecordsError>(())
/// ```
///
/// # Errors
/// [`RecordsError`] names the row and the field: a value that no column can hold, two types in one column, a record that
/// has no fields.
pub fn records_to_frame<R: Serialize>(records: &[R]) -> Result<Frame, RecordsError> {
    let mut names: Vec<String> = Vec::new();
    let mut columns: Vec<Vec<Datum>> = Vec::new();
    for (row, record) in records.iter().enumerate() {
        let fields = match record.serialize(datum::Serializer).map_err(|error| error.at(row))? {
            Datum::Object(fields) => fields,
            other => {
                let reason = format!("the record is {}, and a row has named fields", other.kind());
                return Err(RecordsError::new(reason).at(row));
            }
        };
        for (at, (name, value)) in fields.into_iter().enumerate() {
            // Records of one type have their fields in one order.
            let known =
                if names.get(at) == Some(&name) { Some(at) } else { names.iter().position(|n| *n == name) };
            let index = known.unwrap_or_else(|| {
                names.push(name);
                columns.push(Vec::new());
                names.len() - 1
            });
            if columns[index].len() > row {
                return Err(RecordsError::new(format!("`{}` is there twice", names[index])).at(row));
            }
            columns[index].resize_with(row, || Datum::Null);
            columns[index].push(value);
        }
    }
    let mut fields = Vec::with_capacity(names.len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(names.len());
    for (name, mut values) in names.into_iter().zip(columns) {
        values.resize_with(records.len(), || Datum::Null);
        let array = column::build(&name, values)?;
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(records.len()));
    let batch = RecordBatch::try_new_with_options(Schema::new(fields).into(), arrays, &options);
    Ok(batch.map_err(|error| RecordsError::new(error.to_string()))?.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    enum Kind {
        Well,
        Ill { since: i64 },
    }

    #[derive(Serialize)]
    struct Id(u64);

    #[derive(Serialize)]
    struct Row {
        tick: i8,
        id: Id,
        weight: f32,
        at: (f64, f64),
        kind: Option<Kind>,
        name: char,
        done: bool,
        none: (),
    }

    fn row(tick: i8, id: u64, kind: Option<Kind>) -> Row {
        Row { tick, id: Id(id), weight: 0.1, at: (1.0, 2.0), kind, name: 'x', done: tick > 0, none: () }
    }

    #[test]
    fn every_kind_of_field_is_a_column() {
        let frame =
            records_to_frame(&[row(0, u64::MAX, None), row(1, 7, Some(Kind::Ill { since: 3 }))]).unwrap();
        let types: Vec<String> = frame
            .schema()
            .fields()
            .iter()
            .map(|field| format!("{}: {}", field.name(), field.data_type()))
            .collect();
        assert_eq!(
            types,
            [
                "tick: Int64",
                "id: UInt64",
                "weight: Float64",
                "at: List(Float64)",
                "kind: Struct(\"Ill\": Struct(\"since\": Int64))",
                "name: Utf8",
                "done: Boolean",
                "none: Null"
            ]
        );
        let batch = &frame.batches()[0];
        assert_eq!(batch.column(1).as_primitive::<UInt64Type>().values(), &[u64::MAX, 7]);
        assert_eq!(batch.column(2).as_primitive::<Float64Type>().values(), &[f64::from(0.1_f32); 2]);
        assert!(batch.column(4).is_null(0) && batch.column(4).is_valid(1));
        let unit = records_to_frame(&[row(0, 1, Some(Kind::Well))]).unwrap();
        assert_eq!(unit.batches()[0].column(4).as_string::<i32>().value(0), "Well");
    }

    #[test]
    fn fields_that_only_some_records_have_are_null_in_the_others() {
        let record = |pairs: &[(&str, f64)]| -> BTreeMap<String, f64> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
        };
        let frame =
            records_to_frame(&[record(&[("a", 1.0)]), record(&[("b", f64::NAN)]), record(&[("a", 2.0)])])
                .unwrap();
        let batch = &frame.batches()[0];
        let a = batch.column_by_name("a").unwrap().as_primitive::<Float64Type>();
        let b = batch.column_by_name("b").unwrap().as_primitive::<Float64Type>();
        assert_eq!(a.iter().collect::<Vec<_>>(), [Some(1.0), None, Some(2.0)]);
        assert!(b.is_null(0) && b.value(1).is_nan() && b.is_null(2));
        assert_eq!(records_to_frame::<BTreeMap<String, f64>>(&[]).unwrap().num_rows(), 0);
    }

    #[test]
    fn a_field_that_is_there_twice_is_refused() {
        #[derive(Serialize)]
        struct Base {
            wealth: f64,
        }
        #[derive(Serialize)]
        struct Agent {
            tick: i64,
            wealth: f64,
            #[serde(flatten)]
            base: Base,
        }
        #[derive(Serialize)]
        struct Nested {
            tick: i64,
            agent: Agent,
        }
        let agent = |tick| Agent { tick, wealth: 1.0, base: Base { wealth: 2.0 } };
        let error = records_to_frame(&[agent(0)]).unwrap_err().to_string();
        assert_eq!(error, "row 0: `wealth` is there twice");
        let error = records_to_frame(&[Nested { tick: 0, agent: agent(1) }]).unwrap_err().to_string();
        assert_eq!(error, "row 0: `agent.wealth` is there twice");
    }

    #[test]
    fn what_no_column_can_hold_is_refused_by_row_and_field() {
        let refusal = |values: &[serde_json::Value]| {
            let records: Vec<_> = values.iter().map(|value| BTreeMap::from([("x", value)])).collect();
            records_to_frame(&records).unwrap_err().to_string()
        };
        assert_eq!(
            refusal(&[1.into(), "a".into()]),
            "row 1: `x` is text here and an integer in a row before"
        );
        assert_eq!(
            refusal(&[serde_json::json!({"a": 1}), serde_json::json!({"a": "b"})]),
            "row 1: `x.a` is text here and a number in a row before"
        );
        assert_eq!(
            records_to_frame(&[1]).unwrap_err().to_string(),
            "row 0: the record is an integer, and a row has named fields"
        );
        let nan = BTreeMap::from([("x", [f64::NAN])]);
        assert_eq!(
            records_to_frame(&[nan]).unwrap_err().to_string(),
            "row 0: `x[]` is NaN, which no payload can hold"
        );
        let wide = [BTreeMap::from([("x", i128::from(u64::MAX))]), BTreeMap::from([("x", -1)])];
        assert!(records_to_frame(&wide).unwrap_err().to_string().contains("`x` has integers beyond 64 bits"));
        let mixed =
            [BTreeMap::from([("x", serde_json::json!(0.5))]), BTreeMap::from([("x", serde_json::json!(1))])];
        let frame = records_to_frame(&mixed).unwrap();
        assert_eq!(frame.batches()[0].column(0).as_primitive::<Float64Type>().values(), &[0.5, 1.0]);
        let whole = [BTreeMap::from([("x", 1_i64 << 53 | 1)])];
        assert_eq!(
            records_to_frame(&whole).unwrap().batches()[0].column(0).as_primitive::<Int64Type>().value(0),
            1 << 53 | 1
        );
    }
}
