//! Truncation: removes the rows beyond a tick from every table, as one commit.
//!
//! Parts beyond the tick are taken out; a part on both sides is replaced, at its place, by one with the rows up to the
//! tick. Its footer says which part it was made from, so that no rebuild takes both. Files stay for readers of earlier
//! snapshots until a vacuum removes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::tables::TableId;
use serde::Serialize;

use super::compact::{Group, TableMerge};
use crate::commit::{Merge, Publisher, TableChange};
use crate::config::IoSettings;
use crate::error::{Error, Result};
use crate::manifest::{Part, TableState};
use crate::parallel;
use crate::paths::{BucketId, PartId, StorePath};
use crate::ticks::TickRange;

/// The report of a truncation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TruncateReport {
    /// The last tick that was kept.
    pub after_tick: i64,
    /// The number of the commit; `None` if there were no rows beyond the tick.
    pub commit: Option<u64>,
    /// The rows that were removed, over all tables.
    pub rows: u64,
    /// The parts that were taken out as a whole.
    pub parts_removed: u64,
    /// The parts that were replaced by one with their rows up to the tick.
    pub parts_cut: u64,
    /// The tables that had rows beyond the tick.
    pub tables: Vec<TableId>,
}

impl TruncateReport {
    fn of(after_tick: i64) -> Self {
        Self { after_tick, commit: None, rows: 0, parts_removed: 0, parts_cut: 0, tables: Vec::new() }
    }
}

/// Removes the rows of ticks greater than `after_tick` from every table of the run.
pub(crate) fn truncate(
    publisher: &Publisher,
    settings: &IoSettings,
    after_tick: i64,
) -> Result<TruncateReport> {
    let mut report = TruncateReport::of(after_tick);
    let staged = std::cell::RefCell::new(Vec::new());
    let remove_staged = || {
        for path in staged.borrow_mut().drain(..) {
            // Error ignored: a part that stays is an orphan.
            let _ = publisher.log().store.remove(&path);
        }
    };
    let plan = |states: &[Arc<TableState>]| {
        report = TruncateReport::of(after_tick);
        let mut tables = BTreeMap::new();
        for state in states {
            let cut = Cut { publisher, settings, state, after_tick };
            let change = cut.plan(&mut staged.borrow_mut(), &mut report)?;
            tables.insert(state.table, change);
        }
        let log = publisher.log();
        // Guard: the parts are durable under their names before the commit that names them.
        log.store.sync(&staged.borrow()).map_err(|error| log.write_failed(error))?;
        Ok(tables)
    };
    let number = publisher.truncate(plan, remove_staged).map_err(Error::while_writing)?;
    report.commit = number.map(crate::paths::CommitNumber::get);
    Ok(report)
}

/// One table, to be cut.
struct Cut<'a> {
    publisher: &'a Publisher,
    settings: &'a IoSettings,
    state: &'a TableState,
    after_tick: i64,
}

impl Cut<'_> {
    /// Plans the change of the table, and stages the parts that replace others. `staged` has their paths, also after an
    /// error.
    fn plan(&self, staged: &mut Vec<StorePath>, report: &mut TruncateReport) -> Result<TableChange> {
        let beyond = self.state.parts().filter(|(_, part)| part.ticks.max > self.after_tick);
        let (whole, on_both_sides): (Vec<_>, Vec<_>) =
            beyond.partition(|(_, part)| part.ticks.min > self.after_tick);
        if whole.is_empty() && on_both_sides.is_empty() {
            return Ok(TableChange::default());
        }
        let replacements = self.rewrite(&on_both_sides, staged)?;
        report.tables.push(self.state.table);
        report.parts_removed += whole.len() as u64;
        report.parts_cut += on_both_sides.len() as u64;
        report.rows += whole.iter().map(|(_, part)| part.rows).sum::<u64>();
        report.rows += on_both_sides.iter().map(|(_, part)| part.rows).sum::<u64>();
        report.rows -= replacements.iter().map(|merge| merge.part.rows).sum::<u64>();
        let place = |(bucket, part): &(BucketId, &Part)| (*bucket, part.id);
        let remove: Vec<(BucketId, PartId)> = on_both_sides.iter().chain(&whole).map(place).collect();
        let add = replacements.into_iter().map(|merge| (merge.bucket, merge.part)).collect();
        Ok(TableChange { add, remove, ..TableChange::default() })
    }

    /// Stages a part with the rows up to the tick for each of these parts, in this order.
    fn rewrite(&self, parts: &[(BucketId, &Part)], staged: &mut Vec<StorePath>) -> Result<Vec<Merge>> {
        let descriptor = self.state.descriptor();
        let schema = self.state.schema.clone().unwrap_or_else(|| Arc::clone(descriptor.schema()));
        let work = TableMerge {
            publisher: self.publisher,
            settings: self.settings,
            table: self.state.table,
            descriptor,
            schema,
            ticks: TickRange::from(i64::MIN..=self.after_tick),
        };
        let groups: Vec<Group> = parts
            .iter()
            .map(|(bucket, part)| Group { bucket: *bucket, parts: vec![Part::clone(part)] })
            .collect();
        let done = parallel::map(&groups, parallel::computing(), |group| {
            // An error of one must not lose the paths of the others.
            Ok::<_, std::convert::Infallible>(work.merge(group, &|| {}))
        });
        let Ok(done) = done;
        let ready = done.iter().filter_map(|merge| merge.as_ref().ok());
        staged.extend(ready.map(|merge| work.path(merge.bucket, merge.part.id)));
        done.into_iter().collect()
    }
}
