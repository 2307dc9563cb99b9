//! The schema of a table over many runs.

use std::sync::Arc;

use crv_core::ids::RunId;
use crv_core::tables::TableId;

use crate::error::{Error, ErrorKind, Result};
use crate::schema::TableSchema;

/// Unites the schemas of a table, run by run. A column that some run lacks may be null.
#[derive(Debug)]
pub(crate) struct SchemaUnion {
    table: TableId,
    all: Option<TableSchema>,
    last: Option<Arc<TableSchema>>,
    /// The runs whose schemas had something new, for errors.
    sources: Vec<(RunId, Arc<TableSchema>)>,
}

impl SchemaUnion {
    pub(crate) fn new(table: TableId) -> Self {
        Self { table, all: None, last: None, sources: Vec::new() }
    }

    /// Adds the table's schema in `run`. An error of kind [`Schema`](ErrorKind::Schema), naming both runs, if it does not
    /// fit that of a run before.
    pub(crate) fn add(&mut self, run: &RunId, schema: &Arc<TableSchema>) -> Result<()> {
        let Some(all) = &mut self.all else {
            self.all = Some((**schema).clone());
            self.sources.push((run.clone(), Arc::clone(schema)));
            self.last = Some(Arc::clone(schema));
            return Ok(());
        };
        if self.last.as_ref().is_some_and(|last| last == schema) {
            return Ok(());
        }
        let lacks = |field: &str| all.field(field).is_none();
        let new: Vec<String> =
            schema.fields.iter().map(|field| field.name.clone()).filter(|name| lacks(name)).collect();
        let mut united = all.union_with_part(schema).map_err(|conflict| {
            let other = self.sources.iter().find(|(_, other)| other.union(schema).is_err());
            let before =
                other.map_or_else(|| "the runs before it".to_owned(), |(run, _)| format!("run `{run}`"));
            let text = format!(
                "table `{}`: field `{}` is {} in {before}, and {} in run `{run}`",
                self.table, conflict.path, conflict.left, conflict.right,
            );
            Error::new(ErrorKind::Schema, text).with_hint("select runs whose tables fit, or read them apart")
        })?;
        for field in &mut united.fields {
            field.required &= !new.contains(&field.name);
        }
        if united != *all {
            self.sources.push((run.clone(), Arc::clone(schema)));
            *all = united;
        }
        self.last = Some(Arc::clone(schema));
        Ok(())
    }

    /// The schema over all runs that were added.
    pub(crate) fn finish(self) -> TableSchema {
        self.all.unwrap_or_default()
    }
}
