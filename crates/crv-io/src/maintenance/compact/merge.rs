//! Merges parts into one, row by row.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use crv_core::tables::TableId;

use super::plan::Group;
use crate::commit::{Merge, Publisher};
use crate::config::IoSettings;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Part;
use crate::part::{Encoder, lineage};
use crate::paths::{BucketId, PartId, StorePath};
use crate::read::{PartReader, Target, Texts};
use crate::schema::{Descriptor, TableSchema};
use crate::stamp;
use crate::ticks::{TickRange, TickSpan};
use crate::validate::MergedLayout;

/// Merges parts of one table.
#[derive(Debug)]
pub(in crate::maintenance) struct TableMerge<'a> {
    pub(in crate::maintenance) publisher: &'a Publisher,
    pub(in crate::maintenance) settings: &'a IoSettings,
    pub(in crate::maintenance) table: TableId,
    pub(in crate::maintenance) descriptor: Descriptor,
    pub(in crate::maintenance) schema: Arc<TableSchema>,
    /// The ticks whose rows are kept; all of them in a compaction.
    pub(in crate::maintenance) ticks: TickRange,
}

/// The bytes of a part, and what its entry says of them.
struct Encoded {
    bytes: Vec<u8>,
    rows: u64,
    ticks: Option<TickSpan>,
    provisional: bool,
}

/// The first and last tick of a batch.
fn span(batch: &RecordBatch) -> Option<TickSpan> {
    let ticks = batch.column_by_name("tick").and_then(|column| column.as_primitive_opt::<Int64Type>())?;
    TickSpan::of(ticks.values())
}

impl TableMerge<'_> {
    /// Reads every byte of the group's parts, and stages one part with their rows in the same order. The caller must
    /// make its name durable. `merged` is called after each part.
    pub(in crate::maintenance) fn merge(&self, group: &Group, merged: &(dyn Fn() + Sync)) -> Result<Merge> {
        let inputs = group.ids();
        // Earlier ancestors are known only after all parts were read; they are written to the footer, which comes last.
        let Encoded { bytes, rows, ticks, provisional } = self.encode(group, &inputs, merged)?;
        let part = Part {
            id: stamp::part_id(),
            rows,
            bytes: bytes.len() as u64,
            ticks: ticks.ok_or_else(|| Error::new(ErrorKind::Write, "cannot write a part without rows"))?,
            created_at: stamp::now(),
            crc32c: Some(crc32c::crc32c(&bytes)),
            provisional,
        };
        let path = self.path(group.bucket, part.id);
        let staged = self.publisher.log().store.put_new(&path, &bytes);
        staged.map_err(|error| {
            // A write that fails may have taken effect.
            let _ = self.publisher.log().store.remove(&path);
            self.publisher.log().write_failed(error)
        })?;
        Ok(Merge { bucket: group.bucket, inputs, part })
    }

    fn encode(&self, group: &Group, inputs: &[PartId], merged: &(dyn Fn() + Sync)) -> Result<Encoded> {
        let layout = MergedLayout::of(&self.schema);
        let name = self.publisher.log().name(self.table);
        let failed = |why: &dyn std::fmt::Display| {
            let text = format!("{name}: could not merge the parts of bucket {}: {why}", group.bucket);
            Error::new(ErrorKind::Write, text)
        };
        let encoder = Encoder::new(
            self.settings,
            self.publisher.log().paths.run().as_ref(),
            &self.descriptor,
            layout.schema(),
            layout.needs_arrow_metadata(),
        );
        let mut writer = encoder.begin(group.rows()).map_err(|error| failed(&error))?;
        let filters = group.parts.iter().any(|part| !self.ticks.covers(part.ticks));
        let into = Arc::new(Target::new((*self.schema).clone(), filters, Texts::Plain));
        let mut ancestors = inputs.to_vec();
        let (mut rows, mut ticks) = (0, None);
        for part in &group.parts {
            let reader = PartReader {
                store: Arc::clone(&self.publisher.log().store),
                name: name.clone(),
                path: self.path(group.bucket, part.id),
                bytes: part.bytes,
                rows: part.rows,
                crc32c: part.crc32c,
                pinned: None,
                filter: (!self.ticks.covers(part.ticks)).then_some(self.ticks),
                into: Arc::clone(&into),
                share: None,
                origin: 0,
            };
            let mut refused = None;
            let earlier = reader.read(|batch| {
                rows += batch.num_rows() as u64;
                ticks = ticks.into_iter().chain(span(&batch)).reduce(TickSpan::union);
                let laid_out = layout.lay_out(&batch).map_err(|error| failed(&error));
                let written = laid_out.and_then(|batch| writer.write(&batch).map_err(|error| failed(&error)));
                refused = written.err();
                refused.is_none()
            })?;
            if let Some(error) = refused {
                return Err(error);
            }
            ancestors.extend(earlier);
            merged();
        }
        writer.append_key_value_metadata(lineage::entry(&ancestors));
        let bytes = writer.into_inner().map_err(|error| failed(&error))?;
        Ok(Encoded { bytes, rows, ticks, provisional: layout.provisional() })
    }

    pub(in crate::maintenance) fn path(&self, bucket: BucketId, id: PartId) -> StorePath {
        self.publisher.log().paths.part(self.table, bucket, id)
    }
}
