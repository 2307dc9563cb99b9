//! Arrow C streams, read batch by batch.
//!
//! In the Arrow C data interface, an array of type null has no buffers. Polars gives it one buffer, a null pointer,
//! which the `arrow` crates refuse. Columns and payload fields that are all null are common here, so the number of
//! buffers is corrected before an array is imported.

#![expect(unsafe_code, reason = "the Arrow C stream interface is made of pointers to C structs")]

use std::ffi::{CStr, c_int, c_void};
use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch, RecordBatchOptions, StructArray};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// A stream of record batches that another library produces.
pub(crate) struct Stream {
    stream: FFI_ArrowArrayStream,
    schema: SchemaRef,
}

impl Stream {
    /// Moves the stream out of its capsule, and reads its schema.
    pub(super) fn take(capsule: &Bound<'_, PyCapsule>) -> PyResult<Result<Self, ArrowError>> {
        let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
        // SAFETY: the capsule's name guarantees the type of its pointer. An empty stream is left in its place.
        let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.as_ptr().cast()) };
        Ok(Self::new(stream))
    }

    fn new(mut stream: FFI_ArrowArrayStream) -> Result<Self, ArrowError> {
        let Some(get_schema) = stream.get_schema else { return Err(closed()) };
        let mut schema = FFI_ArrowSchema::empty();
        // SAFETY: `stream` is live, and `schema` is an empty struct for the callback to fill.
        let code = unsafe { get_schema(&raw mut stream, &raw mut schema) };
        check(&mut stream, code)?;
        let schema = Arc::new(Schema::try_from(&schema)?);
        Ok(Self { stream, schema })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(get_next) = self.stream.get_next else { return Err(closed()) };
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: the stream is live, and `array` is an empty struct for the callback to fill.
        let code = unsafe { get_next(&raw mut self.stream, &raw mut array) };
        check(&mut self.stream, code)?;
        if array.is_released() {
            return Ok(None);
        }
        let data_type = DataType::Struct(self.schema.fields().clone());
        // SAFETY: the callback filled `array` with an array of the stream's schema.
        let data = unsafe {
            mend((&raw mut array).cast(), &data_type);
            from_ffi_and_data_type(array, data_type)?
        };
        let rows = StructArray::from(data);
        if rows.null_count() > 0 {
            return Err(ArrowError::CDataInterface("a record batch has null rows".to_owned()));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(self.schema(), rows.columns().to_vec(), &options).map(Some)
    }
}

impl Iterator for Stream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

fn closed() -> ArrowError {
    ArrowError::CDataInterface("the stream was already read".to_owned())
}

fn check(stream: &mut FFI_ArrowArrayStream, code: c_int) -> Result<(), ArrowError> {
    if code == 0 {
        return Ok(());
    }
    let text = stream.get_last_error.and_then(|get_last_error| {
        // SAFETY: the stream is live, and the text it returns is valid until its next call.
        let text = unsafe { get_last_error(&raw mut *stream) };
        // SAFETY: as above; the pointer is not null.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    });
    Err(ArrowError::CDataInterface(text.unwrap_or_else(|| format!("error {code}"))))
}

/// The struct `ArrowArray` of the C data interface.
#[repr(C)]
struct RawArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut RawArray,
    dictionary: *mut RawArray,
    release: Option<unsafe extern "C" fn(*mut RawArray)>,
    private_data: *mut c_void,
}

/// Sets the number of buffers of every array of type null in `array` to zero.
///
/// # Safety
///
/// `array` points to an array of type `data_type`, as its producer made it.
unsafe fn mend(array: *mut RawArray, data_type: &DataType) {
    // SAFETY: the caller's promise, and the layout of the C data interface.
    let Some(array) = (unsafe { array.as_mut() }) else { return };
    let child = |array: &RawArray, at: usize, data_type: &DataType| {
        if !array.children.is_null() && i64::try_from(at).is_ok_and(|at| at < array.n_children) {
            // SAFETY: there are `n_children` pointers, each to an array of the child's type.
            unsafe { mend(*array.children.add(at), data_type) };
        }
    };
    match data_type {
        DataType::Null => array.n_buffers = 0,
        DataType::Struct(fields) => {
            for (at, field) in fields.iter().enumerate() {
                child(array, at, field.data_type());
            }
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => child(array, 0, item.data_type()),
        // SAFETY: a dictionary of type null is an array like any other.
        DataType::Dictionary(_, values) => unsafe { mend(array.dictionary, values) },
        _ => {}
    }
}
