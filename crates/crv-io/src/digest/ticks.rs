//! [`Ticks`]: the digest of each tick of a scan, in order, as its rows are read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Fields};
use arrow_select::take::take_record_batch;
use sha2::{Digest as _, Sha256};

use super::{ContentHash, encode};
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;
use crate::read::{Scan, ScanBatches};

const TICK: &str = "tick";
const BUCKET: &str = "bucket";

/// The digest of a tick.
#[derive(Debug, Clone, Copy)]
pub(super) struct TickDigest {
    pub(super) tick: i64,
    pub(super) rows: u64,
    pub(super) digest: ContentHash,
}

/// Hashes the rows of a scan tick by tick. All rows of a tick are in one bucket, and buckets are read in order: so only the
/// ticks of one bucket are open at a time.
pub(super) struct Ticks {
    batches: ScanBatches,
    /// Sorted by name.
    columns: Vec<Mutex<Column>>,
    bucket: Option<i64>,
    /// The open ticks, and how many rows of each were read.
    open: BTreeMap<i64, u64>,
    done: VecDeque<TickDigest>,
    is_over: bool,
}

/// A column or field, and what was hashed of it.
struct Column {
    path: Path,
    open: BTreeMap<i64, Stream>,
    buffer: Vec<u8>,
}

/// The values of a column in a tick.
#[derive(Default)]
struct Stream {
    hash: Sha256,
    /// Whether one of them is not null.
    has_values: bool,
}

/// A column, or a field of a struct.
pub(super) struct Path {
    /// The places of the column and of the fields.
    places: Vec<usize>,
    /// The names, each with its length: what is hashed.
    pub(super) name: Vec<u8>,
    /// The names, joined by dots.
    pub(super) shown: String,
}

impl Ticks {
    pub(super) fn new(scan: Scan) -> Self {
        let scan = scan.string_views();
        let mut paths = paths_of(scan.schema().fields());
        // It is hashed once for all rows of a tick.
        paths.retain(|path| path.shown != TICK || path.places.len() > 1);
        paths.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let column = |path| Mutex::new(Column { path, open: BTreeMap::new(), buffer: Vec::new() });
        Self {
            batches: scan.batches(),
            columns: paths.into_iter().map(column).collect(),
            bucket: None,
            open: BTreeMap::new(),
            done: VecDeque::new(),
            is_over: false,
        }
    }

    /// The next tick that has rows.
    pub(super) fn next(&mut self) -> Result<Option<TickDigest>> {
        loop {
            if let Some(tick) = self.done.pop_front() {
                return Ok(Some(tick));
            }
            if self.is_over {
                return Ok(None);
            }
            if let Some(batch) = self.batches.next().transpose()? {
                let failed = |why: String| Error::new(ErrorKind::Read, format!("rows have no digest: {why}"));
                self.add(&batch).map_err(failed)?;
            } else {
                self.is_over = true;
                self.close();
            }
        }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let buckets = integers(batch, BUCKET)?;
        let mut start = 0;
        for of_bucket in buckets.values().chunk_by(|one, other| one == other) {
            let rows = batch.slice(start, of_bucket.len());
            start += of_bucket.len();
            if self.bucket != of_bucket.first().copied() {
                self.close();
                self.bucket = of_bucket.first().copied();
            }
            self.add_of_bucket(&sorted_by_tick(rows)?)?;
        }
        Ok(())
    }

    fn add_of_bucket(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let ticks = integers(batch, TICK)?.values();
        let runs = ticks.chunk_by(|one, other| one == other);
        let runs: Vec<(i64, usize)> = runs.filter_map(|run| Some((*run.first()?, run.len()))).collect();
        for (tick, rows) in &runs {
            *self.open.entry(*tick).or_default() += *rows as u64;
        }
        parallel::for_each(&self.columns, parallel::computing(), |column| {
            column.lock().unwrap_or_else(PoisonError::into_inner).add(batch, &runs)
        })
    }

    /// No further rows of the open ticks will come.
    fn close(&mut self) {
        for (tick, rows) in std::mem::take(&mut self.open) {
            let mut digest = Sha256::new();
            digest.update(tick.to_le_bytes());
            digest.update(rows.to_le_bytes());
            for column in &mut self.columns {
                let Column { path, open, .. } = column.get_mut().unwrap_or_else(PoisonError::into_inner);
                if let Some(Stream { hash, has_values: true }) = open.remove(&tick) {
                    digest.update((path.name.len() as u32).to_le_bytes());
                    digest.update(&path.name);
                    digest.update(hash.finalize());
                }
            }
            self.done.push_back(TickDigest { tick, rows, digest: ContentHash(digest.finalize().into()) });
        }
    }
}

impl Column {
    /// Hashes the values of rows, whose ticks are `runs`: each so many rows.
    fn add(&mut self, batch: &RecordBatch, runs: &[(i64, usize)]) -> Result<(), String> {
        let (values, nulls) = self.path.column(batch)?;
        let mut start = 0;
        for (tick, rows) in runs {
            self.buffer.clear();
            let nulls = nulls.as_ref().map(|nulls| nulls.slice(start, *rows));
            let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
            let has_values = encode::column(&values.slice(start, *rows), nulls.as_ref(), &mut self.buffer)?;
            let stream = self.open.entry(*tick).or_default();
            stream.hash.update(&self.buffer);
            stream.has_values |= has_values;
            start += rows;
        }
        Ok(())
    }
}

impl Path {
    /// The column or field, and where it or a struct around it is null.
    pub(super) fn column(&self, batch: &RecordBatch) -> Result<(ArrayRef, Option<NullBuffer>), String> {
        let missing = || "a column is missing".to_owned();
        let (first, rest) = self.places.split_first().ok_or_else(missing)?;
        let mut column = batch.columns().get(*first).ok_or_else(missing)?;
        let mut nulls = column.logical_nulls();
        for place in rest {
            column = column
                .as_struct_opt()
                .and_then(|members| members.columns().get(*place))
                .ok_or_else(missing)?;
            nulls = NullBuffer::union(nulls.as_ref(), column.logical_nulls().as_ref());
        }
        Ok((column.clone(), nulls))
    }
}

/// The paths of all columns but `bucket`, which depends on the layout, and of the fields in structs.
pub(super) fn paths_of(fields: &Fields) -> Vec<Path> {
    let mut paths = Vec::new();
    add_paths(fields, None, &mut paths);
    paths.retain(|path| path.shown != BUCKET || path.places.len() > 1);
    paths
}

fn add_paths(fields: &Fields, above: Option<&Path>, paths: &mut Vec<Path>) {
    for (place, field) in fields.iter().enumerate() {
        let mut path = Path { places: vec![place], name: Vec::new(), shown: field.name().clone() };
        if let Some(above) = above {
            path.places.splice(0..0, above.places.iter().copied());
            path.name.clone_from(&above.name);
            path.shown = format!("{}.{}", above.shown, field.name());
        }
        encode::name(field.name(), |bytes| path.name.extend_from_slice(bytes));
        if let DataType::Struct(members) = field.data_type() {
            add_paths(members, Some(&path), paths);
        }
        paths.push(path);
    }
}

fn integers<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a arrow_array::Int64Array, String> {
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
    column.ok_or_else(|| format!("they have no column `{name}` of 64-bit integers"))
}

/// The rows by tick, those of a tick in their order.
fn sorted_by_tick(batch: RecordBatch) -> Result<RecordBatch, String> {
    let ticks = integers(&batch, TICK)?;
    if ticks.values().is_sorted() {
        return Ok(batch);
    }
    let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
    order.sort_by_key(|row| ticks.value(*row as usize));
    take_record_batch(&batch, &UInt32Array::from(order)).map_err(|error| error.to_string())
}
