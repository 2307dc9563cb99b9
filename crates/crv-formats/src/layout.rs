//! Converts what Parquet cannot store, in both directions: structs without fields, and untyped fields, which have only
//! nulls.
//!
//! Files outside the store follow the store's convention: a struct without fields has the placeholder
//! [`EMPTY_FIELD`](crv_schema::schema::EMPTY_FIELD), and an untyped field is not written. So a part of a run can be read as
//! a file too.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{
    Array as _, ArrayRef, GenericListArray, OffsetSizeTrait, RecordBatch, RecordBatchOptions, StructArray,
    new_empty_array, new_null_array,
};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};

use crv_schema::schema::EMPTY_FIELD;

/// The direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ToParquet,
    FromParquet,
}

impl Way {
    /// The converted schema.
    pub(super) fn schema(self, schema: &Schema) -> SchemaRef {
        let mut fields: Vec<FieldRef> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let mapped = self.array(&new_empty_array(field.data_type()));
            fields.push(with_type(field, mapped.data_type()));
        }
        Arc::new(Schema::new(fields))
    }

    /// Converts a batch to the converted schema. Columns that need no change are not copied.
    pub(super) fn batch(self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
            if column.data_type() == field.data_type() { Arc::clone(column) } else { self.array(column) }
        });
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect(), &options)
    }

    fn array(self, array: &ArrayRef) -> ArrayRef {
        match array.data_type() {
            DataType::Struct(_) => Arc::new(self.members(array.as_struct())),
            DataType::List(item) => Arc::new(self.items(item, array.as_list::<i32>())),
            DataType::LargeList(item) => Arc::new(self.items(item, array.as_list::<i64>())),
            _ => Arc::clone(array),
        }
    }

    fn members(self, array: &StructArray) -> StructArray {
        let mut fields: Vec<FieldRef> = Vec::new();
        let mut arrays = Vec::new();
        for (field, member) in array.fields().iter().zip(array.columns()) {
            let left_out = match self {
                Self::ToParquet => *member.data_type() == DataType::Null,
                Self::FromParquet => field.name() == EMPTY_FIELD,
            };
            if !left_out {
                let member = self.array(member);
                fields.push(with_type(field, member.data_type()));
                arrays.push(member);
            }
        }
        if fields.is_empty() && self == Self::ToParquet {
            fields.push(Arc::new(Field::new(EMPTY_FIELD, DataType::Boolean, true)));
            arrays.push(new_null_array(&DataType::Boolean, array.len()));
        }
        if fields.is_empty() {
            return StructArray::new_empty_fields(array.len(), array.nulls().cloned());
        }
        StructArray::new(fields.into(), arrays, array.nulls().cloned())
    }

    fn items<O: OffsetSizeTrait>(self, item: &FieldRef, list: &GenericListArray<O>) -> GenericListArray<O> {
        let items = self.array(list.values());
        let item = with_type(item, items.data_type());
        GenericListArray::new(item, list.offsets().clone(), items, list.nulls().cloned())
    }
}

fn with_type(field: &FieldRef, data_type: &DataType) -> FieldRef {
    if field.data_type() == data_type {
        return Arc::clone(field);
    }
    Arc::new(field.as_ref().clone().with_data_type(data_type.clone()))
}
