//! Replaces a manifest by hand: a commit makes it the table's state.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::commit::{Change, Operation, Publisher, TableChange};
use crate::error::{Error, Result};
use crate::manifest::{self, Part, TableManifest};
use crate::part::footer::{self, Undecided};
use crate::paths::{BucketId, PartId};
use crate::schema::TableSchema;

/// Makes `manifest` the state of its table: one commit adds the parts that are new in it and removes those that it does
/// not name, then `manifest.json` is written. Every part that it names must be on disk.
pub(crate) fn replace(publisher: &Publisher, manifest: &TableManifest) -> Result<()> {
    let log = publisher.log();
    let table = manifest.table;
    let invalid =
        |why: &str| Error::manifest(format!("{}: the manifest cannot be written: {why}", log.name(table)));
    let document = serde_json::to_vec(manifest).map_err(|error| invalid(&error.to_string()))?;
    let wanted = manifest::decode(table, &document).map_err(|why| invalid(&why))?.state;
    publisher.ensure_table(table)?;
    publisher.change_table(table, |state| {
        let live: HashSet<(BucketId, PartId)> = state
            .partitions()
            .iter()
            .flat_map(|(bucket, partition)| partition.parts().iter().map(|part| (*bucket, part.id)))
            .collect();
        let mut schema = match &state.schema {
            Some(schema) => TableSchema::clone(schema),
            None => TableSchema::clone(state.descriptor().schema()),
        };
        let mut add: Vec<(BucketId, Part)> = Vec::new();
        for (bucket, partition) in wanted.partitions() {
            for part in partition.parts().iter().filter(|part| !live.contains(&(*bucket, part.id))) {
                manifest::check_part(*bucket, part, state.tick_bucket_size).map_err(|why| invalid(&why))?;
                let path = log.paths.part(table, *bucket, part.id);
                let found = footer::read(&*log.store, &path, table, Undecided::Read)?;
                let told = (part.rows, part.bytes, Some(part.ticks));
                if told != (found.rows, found.bytes, found.ticks) {
                    let path = log.store.locate(&path);
                    return Err(invalid(&format!("its entry of part `{path}` disagrees with the part")));
                }
                schema = schema
                    .union_with_part(&found.columns.schema)
                    .map_err(|conflict| invalid(&conflict.to_string()))?;
                add.push((*bucket, Part { provisional: found.columns.provisional, ..part.clone() }));
            }
        }
        let remove = live.into_iter().filter(|(bucket, id)| !wanted.contains(*bucket, *id)).collect();
        let schema = (!add.is_empty()).then(|| Arc::new(schema));
        let change = TableChange {
            declared: None,
            tick_bucket_size: schema.as_ref().and(state.tick_bucket_size),
            add,
            remove,
            schema,
        };
        Ok(Change { operation: Operation::Manifest, tables: BTreeMap::from([(table, change)]) })
    })
}
