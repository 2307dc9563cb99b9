//! [`Ticks`]: the digest of each tick of a scan, in order, as its rows are read.

use std::collections::{BTreeMap, VecDeque};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Fields};
use arrow_select::take::take_record_batch;
use sha2::{Digest as _, Sha256};

use super::{ContentHash, encode};
use crate::error::{Error, ErrorKind, Result};
use crate::read::{Scan, ScanBatches};

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
    paths: Vec<Path>,
    /// The order of the paths in a digest.
    sorted: Vec<usize>,
    bucket: Option<i64>,
    open: BTreeMap<i64, Open>,
    done: VecDeque<TickDigest>,
    is_over: bool,
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

/// A tick whose rows are being read.
struct Open {
    rows: u64,
    /// For each path.
    hashes: Vec<Sha256>,
    /// Whether it has a value that is not null.
    has_values: Vec<bool>,
}

impl Ticks {
    pub(super) fn new(scan: Scan) -> Self {
        let scan = scan.string_views();
        let paths = paths_of(scan.schema().fields());
        let mut sorted: Vec<usize> = (0..paths.len()).collect();
        sorted.sort_unstable_by(|one, other| paths[*one].name.cmp(&paths[*other].name));
        Self {
            batches: scan.batches(),
            paths,
            sorted,
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
        let buckets = integers(batch, "bucket")?;
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
        let columns: Vec<(ArrayRef, Option<NullBuffer>)> =
            self.paths.iter().map(|path| path.column(batch)).collect::<Result<_, String>>()?;
        let mut buffer = Vec::new();
        let (ticks, mut start) = (integers(batch, "tick")?, 0);
        for of_tick in ticks.values().chunk_by(|one, other| one == other) {
            let Some(tick) = of_tick.first() else { continue };
            let rows = of_tick.len();
            let open = self.open.entry(*tick).or_insert_with(|| Open::new(columns.len()));
            open.rows += rows as u64;
            for (place, (column, nulls)) in columns.iter().enumerate() {
                buffer.clear();
                let nulls = nulls.as_ref().map(|nulls| nulls.slice(start, rows));
                let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
                let has_values = encode::column(&column.slice(start, rows), nulls.as_ref(), &mut buffer)?;
                if let (Some(hash), Some(has)) = (open.hashes.get_mut(place), open.has_values.get_mut(place))
                {
                    hash.update(&buffer);
                    *has |= has_values;
                }
            }
            start += rows;
        }
        Ok(())
    }

    /// No further rows of the open ticks will come.
    fn close(&mut self) {
        for (tick, open) in std::mem::take(&mut self.open) {
            let Open { rows, hashes, has_values } = open;
            let mut hashes: Vec<Option<Sha256>> =
                hashes.into_iter().zip(has_values).map(|(hash, has)| has.then_some(hash)).collect();
            let mut digest = Sha256::new();
            digest.update(tick.to_le_bytes());
            digest.update(rows.to_le_bytes());
            for place in &self.sorted {
                let hash = hashes.get_mut(*place).and_then(Option::take);
                if let Some((hash, path)) = hash.zip(self.paths.get(*place)) {
                    digest.update((path.name.len() as u32).to_le_bytes());
                    digest.update(&path.name);
                    digest.update(hash.finalize());
                }
            }
            self.done.push_back(TickDigest { tick, rows, digest: ContentHash(digest.finalize().into()) });
        }
    }
}

impl Open {
    fn new(paths: usize) -> Self {
        Self { rows: 0, hashes: vec![Sha256::new(); paths], has_values: vec![false; paths] }
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
    paths.retain(|path| path.shown != "bucket" || path.places.len() > 1);
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
    let ticks = integers(&batch, "tick")?;
    if ticks.values().is_sorted() {
        return Ok(batch);
    }
    let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
    order.sort_by_key(|row| ticks.value(*row as usize));
    take_record_batch(&batch, &UInt32Array::from(order)).map_err(|error| error.to_string())
}
