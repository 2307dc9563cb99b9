//! Foreign manifests, of other implementations: they name no commit, and may name parts that the log does not.
//!
//! Such a manifest is joined with the log, and the log decides: a part that it took out stays out, and a part whose
//! rows are in a merged part of the log is not added again. Other parts are *unlogged* until an `adopt` commit
//! names them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crv_core::tables::TableId;

use super::change::Commit;
use super::lineage;
use super::reader::LogReader;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Part, TableState};
use crate::parallel;
use crate::paths::{BucketId, CommitNumber, PartId};
use crv_schema::schema::TableSchema;

/// Parts that a manifest names and the log does not.
pub(super) type Unlogged = Vec<(BucketId, Part)>;

/// A part's place: its bucket and its id.
type Place = (BucketId, PartId);

/// A foreign manifest joined with the log.
pub(super) struct Joined {
    /// As of the last commit before `commits`.
    pub(super) state: TableState,
    /// The parts of `state` that the log does not name.
    pub(super) unlogged: Unlogged,
    /// The commits after the base, in order.
    pub(super) commits: Vec<Commit>,
    /// The last commit that the base includes.
    pub(super) through: CommitNumber,
}

/// Joins `manifest` with the log's base. Returns the state, and the parts of it that the base does not name. Parts that
/// the base records as taken out or vacuumed stay out.
pub fn join_base(manifest: TableState, base: Option<&TableState>) -> (TableState, HashSet<Place>) {
    let mut state = manifest;
    let mut unlogged: HashSet<Place> = state.parts().map(|(bucket, part)| (bucket, part.id)).collect();
    let Some(base) = base else { return (state, unlogged) };
    let is_out = |place: &Place| base.removed().contains_key(place) || base.was_vacuumed(place.0, place.1);
    let out: HashSet<Place> = unlogged.iter().copied().filter(is_out).collect();
    unlogged.retain(|place| !out.contains(place));
    state.remove(out);
    for (bucket, part) in base.parts() {
        unlogged.remove(&(bucket, part.id));
        state.add(bucket, part.clone());
    }
    state.declared.clone_from(&base.declared);
    state.schema.clone_from(&base.schema);
    state.tick_bucket_size = state.tick_bucket_size.or(base.tick_bucket_size);
    state.copy_notes(base);
    (state, unlogged)
}

impl LogReader {
    /// Joins a foreign `manifest` with the log.
    pub(super) fn join_log(&self, manifest: TableState) -> Result<Joined> {
        let (base, commits) = self.read_whole_log()?;
        let known = base.tables.get(&manifest.table);
        let (mut state, mut unlogged) = join_base(manifest, known);
        for commit in &commits {
            if let Some(change) = commit.change.tables.get(&state.table) {
                change.add.iter().for_each(|(bucket, part)| _ = unlogged.remove(&(*bucket, part.id)));
            }
        }
        state.commit = commits.first().map_or(base.through, |first| first.number.previous());
        let unlogged = state.parts().filter(|(bucket, part)| unlogged.contains(&(*bucket, part.id)));
        let unlogged = unlogged.map(|(bucket, part)| (bucket, part.clone())).collect();
        Ok(Joined { state, unlogged, commits, through: base.through })
    }

    /// Takes those `unlogged` parts out of `state` (as of the newest commit) whose rows are in a merged part of the
    /// log: an earlier version of the manifest was put back after the merge. Their files need not be there.
    pub fn drop_merged(&self, state: &mut TableState, unlogged: &HashSet<Place>) -> Result<()> {
        let buckets: BTreeSet<BucketId> = unlogged.iter().map(|(bucket, _)| *bucket).collect();
        let logged: Vec<Place> = buckets
            .iter()
            .filter_map(|bucket| state.partitions().get(bucket).map(|partition| (*bucket, partition)))
            .flat_map(|(bucket, partition)| partition.parts().iter().map(move |part| (bucket, part.id)))
            .filter(|place| !unlogged.contains(place))
            .collect();
        let table = state.table;
        let lineages = parallel::map(&logged, parallel::WAITING, |(bucket, id)| {
            self.footers
                .lineage(&*self.store, &self.paths.part(table, *bucket, *id))
                .map_err(|error| error.in_context(self.name(table)))
        })?;
        let held = logged
            .iter()
            .zip(lineages)
            .flat_map(|((bucket, _), from)| from.into_iter().map(move |id| (*bucket, id)))
            .filter(|place| unlogged.contains(place));
        state.remove(held.collect::<Vec<_>>());
        Ok(())
    }

    /// Reads from the footers of `unlogged` parts what a foreign manifest does not say: their schema, and which of them
    /// hold the rows of others. Parts whose rows are in another part are removed from `state` and `unlogged`.
    pub(super) fn learn_unlogged(&self, state: &mut TableState, unlogged: &mut Unlogged) -> Result<()> {
        if unlogged.is_empty() {
            return Ok(());
        }
        let table = state.table;
        let places: HashSet<Place> = unlogged.iter().map(|(bucket, part)| (*bucket, part.id)).collect();
        self.drop_merged(state, &places)?;
        unlogged.retain(|(bucket, part)| state.contains(*bucket, part.id));
        let learned = parallel::map(unlogged, parallel::WAITING, |(bucket, part)| {
            let path = self.paths.part(table, *bucket, part.id);
            self.footers
                .schema(&*self.store, &path, table)
                .map_err(|error| error.in_context(self.name(table)))
        })?;
        let mut lineages: BTreeMap<BucketId, Vec<(PartId, &[PartId])>> = BTreeMap::new();
        for ((bucket, part), found) in unlogged.iter().zip(&learned) {
            lineages.entry(*bucket).or_default().push((part.id, &found.merged_from));
        }
        let doubled = self.superseded(table, &lineages)?;
        let mut schema = if let Some(schema) = &state.schema {
            TableSchema::clone(schema)
        } else {
            for part in &learned {
                state.learn_declaration(part.declared.as_ref());
            }
            TableSchema::clone(state.descriptor().schema())
        };
        state.remove(doubled.iter().copied());
        let mut found: HashMap<Place, _> =
            unlogged.iter().map(|(bucket, part)| (*bucket, part.id)).zip(learned).collect();
        unlogged.retain(|(bucket, part)| !doubled.contains(&(*bucket, part.id)));
        for (bucket, part) in unlogged.iter_mut() {
            let Some(found) = found.remove(&(*bucket, part.id)) else { continue };
            schema = schema.union_with_part(&found.schema).map_err(|conflict| {
                let path = self.store.locate(&self.paths.part(table, *bucket, part.id));
                Error::new(
                    ErrorKind::Schema,
                    format!("{}: part `{path}` does not fit the others: {conflict}", self.name(table)),
                )
            })?;
            part.provisional = found.provisional;
            state.add(*bucket, part.clone());
        }
        state.schema = Some(Arc::new(schema));
        Ok(())
    }

    /// Returns those of `parts`, each with the parts it was merged from, whose rows another part of its bucket holds.
    pub fn superseded(
        &self,
        table: TableId,
        parts: &BTreeMap<BucketId, Vec<(PartId, &[PartId])>>,
    ) -> Result<HashSet<Place>> {
        let mut found = HashSet::new();
        for (bucket, parts) in parts {
            let left_out = lineage::superseded(parts).map_err(|(one, other)| {
                let path = |id| self.store.locate(&self.paths.part(table, *bucket, id));
                Error::manifest(format!(
                    "{}: parts `{}` and `{}` were both merged from the same parts, and neither holds all rows of the other",
                    self.name(table),
                    path(one),
                    path(other)
                ))
                .with_hint("move one of them out of the table's directory, then rebuild the table")
            })?;
            found.extend(left_out.into_iter().map(|id| (*bucket, id)));
        }
        Ok(found)
    }
}
