//! Decoding parts in order: consecutive small parts of one schema together, as one batch; a large one batch by batch.

use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::part::{BATCH_ROWS, Begun, PartReader, Ready};
use super::target::{Layout, Origin};
use crate::error::Result;
use crate::part::file::decoding;
use crate::part::pages::{Chunks, Source};

/// Bytes of the parts of a group, at most.
pub(super) const GROUP_BYTES: u64 = 1 << 20;

/// Reads `parts` in order, and passes every batch to `sink` until it returns `false` or `is_stopped` returns `true`. The
/// consumer wants `limit` rows at most: small parts are not gathered beyond that.
pub(super) fn read(
    parts: &[PartReader],
    limit: u64,
    is_stopped: impl Fn() -> bool,
    mut sink: impl FnMut(RecordBatch) -> bool,
) -> Result<()> {
    // How many rows pass a filter is not known before.
    let is_exact = parts.iter().all(|part| !part.into.has_condition());
    let most = if is_exact { limit.min(BATCH_ROWS as u64) } else { BATCH_ROWS as u64 };
    let mut group = Group::default();
    for part in parts {
        if is_stopped() {
            return Ok(());
        }
        let begun = part.begin();
        let wanted = match begun {
            Ok(Begun::Ready(ready)) if ready.is_small => {
                let wanted = group.takes(part, &ready, most) || group.flush(&mut sink)?;
                group.add(part, ready);
                wanted
            }
            // The rows before it come first, also if it cannot be read.
            begun => group.flush(&mut sink)? && read_alone(part, begun?, &mut sink)?,
        };
        if !wanted {
            return Ok(());
        }
    }
    group.flush(&mut sink).map(drop)
}

/// Reads a large part, or one of another implementation. Returns whether more is wanted.
fn read_alone(part: &PartReader, begun: Begun, sink: &mut impl FnMut(RecordBatch) -> bool) -> Result<bool> {
    let mut wanted = true;
    let mut found = false;
    let mut counted = |batch: RecordBatch| {
        found = true;
        wanted = batch.num_rows() == 0 || sink(batch);
        wanted
    };
    match begun {
        Begun::Alone(file) => part.read_begun(&file, counted)?,
        Begun::Ready(Ready { source, layout, .. }) => {
            let decoded = decoding(|| {
                decode(vec![source], &layout, |batch| {
                    Ok(counted(part.into.rows(batch, part.filter, Origin::One(part.origin))?))
                })
            });
            if let Err(why) = decoded.unwrap_or_else(|why| Err(why.to_owned())) {
                if found {
                    return Err(part.cannot_decode(&why));
                }
                // Its pages may be of other kinds.
                part.read(|batch| {
                    wanted = sink(batch);
                    wanted
                })?;
            }
        }
    }
    Ok(wanted)
}

/// Decodes parts of one layout, and passes every batch to `sink` until it returns `false`.
fn decode(
    sources: Vec<Source>,
    layout: &Layout,
    mut sink: impl FnMut(&RecordBatch) -> Result<bool, String>,
) -> Result<(), String> {
    let Some(chunks) = Chunks::new(sources) else { return Ok(()) };
    let batches =
        ParquetRecordBatchReader::try_new_with_row_groups(&layout.levels, &chunks, BATCH_ROWS, None);
    for batch in batches.map_err(|error| error.to_string())? {
        if !sink(&batch.map_err(|error| error.to_string())?)? {
            break;
        }
    }
    Ok(())
}

/// Small parts that were opened and not decoded yet.
#[derive(Default)]
struct Group<'a> {
    parts: Vec<&'a PartReader>,
    sources: Vec<Source>,
    layout: Option<Arc<Layout>>,
    /// The rows of each part, and of all.
    counts: Vec<u64>,
    rows: u64,
    bytes: u64,
}

impl<'a> Group<'a> {
    fn takes(&self, part: &PartReader, ready: &Ready, most: u64) -> bool {
        self.layout.as_ref().is_none_or(|layout| Arc::ptr_eq(layout, &ready.layout))
            && (self.parts.is_empty()
                || self.rows + ready.rows <= most && self.bytes + part.bytes <= GROUP_BYTES)
    }

    fn add(&mut self, part: &'a PartReader, ready: Ready) {
        self.counts.push(ready.rows);
        self.rows += ready.rows;
        self.bytes += part.bytes;
        self.layout = Some(ready.layout);
        self.parts.push(part);
        self.sources.push(ready.source);
    }

    /// The run of each row; `None` if all are of one.
    fn origins(&self) -> Option<UInt32Array> {
        let first = self.parts.first()?.origin;
        if self.parts.iter().all(|part| part.origin == first) {
            return None;
        }
        let counts = self.parts.iter().zip(&self.counts);
        Some(
            counts
                .flat_map(|(part, rows)| std::iter::repeat_n(part.origin, *rows as usize))
                .collect::<Vec<_>>()
                .into(),
        )
    }

    /// Decodes the parts and passes on their rows. Returns whether more are wanted.
    fn flush(&mut self, sink: &mut impl FnMut(RecordBatch) -> bool) -> Result<bool> {
        let group = std::mem::take(self);
        let (Some(first), Some(layout)) = (group.parts.first(), &group.layout) else { return Ok(true) };
        let filter = group.parts.iter().find_map(|part| part.filter);
        let origins = group.origins();
        let (mut rows, mut batches) = (0, Vec::new());
        let decoded = decoding(|| {
            decode(group.sources, layout, |batch| {
                let origin = match &origins {
                    Some(each) if rows + batch.num_rows() <= each.len() => {
                        Origin::Each(each.slice(rows, batch.num_rows()))
                    }
                    Some(_) => return Err("there are more rows than the footers say".to_owned()),
                    None => Origin::One(first.origin),
                };
                rows += batch.num_rows();
                batches.push(first.into.rows(batch, filter, origin)?);
                Ok(true)
            })
        });
        if decoded == Ok(Ok(())) && rows as u64 == group.rows {
            return Ok(batches.into_iter().filter(|batch| batch.num_rows() > 0).all(sink));
        }
        // Read one by one, a part that cannot be decoded is named in the error.
        let mut wanted = true;
        for part in group.parts {
            part.read(|batch| {
                wanted = sink(batch);
                wanted
            })?;
            if !wanted {
                break;
            }
        }
        Ok(wanted)
    }
}
