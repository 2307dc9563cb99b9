//! Arrow columns from plain values, and payload columns from JSON: the struct type is what the values have.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, NullArray, StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use serde_json::Value;

/// An `i64` column without nulls.
pub(super) fn integers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<Int64Array>())
}

/// An `f64` column.
pub(super) fn numbers(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

/// A `str` column.
pub(super) fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// A `str` column without nulls.
pub(super) fn names<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    texts(values.into_iter().map(Some))
}

/// A `struct` column: its fields are those that any of the values has.
pub(super) fn structs<'a>(values: impl IntoIterator<Item = &'a Value>) -> Result<ArrayRef, ArrowError> {
    let values: Vec<&Value> = values.into_iter().collect();
    struct_column(&values)
}

/// A `list[struct]` column.
pub(super) fn struct_lists<'a>(
    values: impl IntoIterator<Item = &'a [Value]>,
) -> Result<ArrayRef, ArrowError> {
    let lists: Vec<&[Value]> = values.into_iter().collect();
    let items: Vec<&Value> = lists.iter().copied().flatten().collect();
    let lengths = lists.iter().map(|list| list.len());
    list_column(struct_column(&items)?, lengths, None)
}

fn list_column(
    items: ArrayRef,
    lengths: impl IntoIterator<Item = usize>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), items, nulls)?))
}

fn struct_column(values: &[&Value]) -> Result<ArrayRef, ArrowError> {
    let valid: Vec<bool> = values.iter().map(|value| value.is_object()).collect();
    let nulls = valid.contains(&false).then(|| NullBuffer::from(valid));
    let names: BTreeSet<&String> =
        values.iter().filter_map(|value| value.as_object()).flat_map(|object| object.keys()).collect();
    if names.is_empty() {
        return Ok(Arc::new(StructArray::new_empty_fields(values.len(), nulls)));
    }
    let mut fields = Vec::with_capacity(names.len());
    let mut children = Vec::with_capacity(names.len());
    for name in names {
        let column: Vec<&Value> =
            values.iter().map(|value| value.get(name).unwrap_or(&Value::Null)).collect();
        let child = column_of(name, &column)?;
        fields.push(Field::new(name, child.data_type().clone(), true));
        children.push(child);
    }
    Ok(Arc::new(StructArray::try_new(Fields::from(fields), children, nulls)?))
}

/// A column of whatever its first value is; integers and floats together are floats.
fn column_of(name: &str, values: &[&Value]) -> Result<ArrayRef, ArrowError> {
    let present = || values.iter().filter(|value| !value.is_null());
    let whole = present().all(|value| value.is_i64());
    let column: ArrayRef = match present().next() {
        None | Some(Value::Null) => Arc::new(NullArray::new(values.len())),
        Some(Value::Bool(_)) => {
            Arc::new(values.iter().map(|value| value.as_bool()).collect::<BooleanArray>())
        }
        Some(Value::Number(_)) if whole => {
            Arc::new(values.iter().map(|value| value.as_i64()).collect::<Int64Array>())
        }
        Some(Value::Number(_)) => numbers(values.iter().map(|value| value.as_f64())),
        Some(Value::String(_)) => texts(values.iter().map(|value| value.as_str())),
        Some(Value::Object(_)) => struct_column(values)?,
        Some(Value::Array(_)) => {
            let lists: Vec<Option<&Vec<Value>>> = values.iter().map(|value| value.as_array()).collect();
            let items: Vec<&Value> = lists.iter().flatten().copied().flatten().collect();
            let nulls = lists.iter().map(Option::is_some).collect::<Vec<bool>>();
            let lengths = lists.iter().map(|list| list.map_or(0, Vec::len));
            list_column(column_of(name, &items)?, lengths, Some(NullBuffer::from(nulls)))?
        }
    };
    // A value of another kind than the first would have become a null.
    let nulls = values.len() - present().count();
    if column.data_type() != &DataType::Null && column.null_count() != nulls {
        return Err(ArrowError::InvalidArgumentError(format!(
            "the field `{name}` has values of several kinds"
        )));
    }
    Ok(column)
}

#[cfg(test)]
mod tests {
    use arrow_schema::DataType;
    use serde_json::json;

    use super::{struct_lists, structs};

    #[test]
    fn a_payload_column_has_the_fields_of_all_its_rows() {
        let rows = [json!({"a": 1, "b": {"c": "x"}}), json!({"a": 2.5, "d": [true]})];
        let column = structs(&rows).unwrap();
        let DataType::Struct(fields) = column.data_type() else { panic!("{:?}", column.data_type()) };
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["a", "b", "d"]);
        assert_eq!(fields[0].data_type(), &DataType::Float64, "an integer beside a float is a float");
        assert_eq!(column.null_count(), 0);
    }

    #[test]
    fn a_payload_without_fields_is_an_empty_struct_and_not_a_null() {
        let column = structs(&[json!({}), json!({})]).unwrap();
        assert_eq!((column.len(), column.null_count()), (2, 0));
        assert!(matches!(column.data_type(), DataType::Struct(fields) if fields.is_empty()));
    }

    #[test]
    fn lists_keep_their_lengths() {
        let (one, none) = ([json!({"a": 1})], []);
        let column = struct_lists([&none[..], &one[..]]).unwrap();
        assert_eq!((column.len(), column.null_count()), (2, 0));
    }

    #[test]
    fn a_field_with_values_of_two_kinds_is_refused() {
        let refused = structs(&[json!({"a": 1}), json!({"a": "x"})]).unwrap_err();
        assert!(refused.to_string().contains("`a`"), "{refused}");
    }
}
