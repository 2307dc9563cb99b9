//! Declaring a table: a commit that says which columns it has.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_schema::schema::{DeclarationError, Descriptor};

use super::cache::Cache;
use super::change::{Change, Operation, TableChange};
use super::publish::Publisher;
use crate::error::{Error, ErrorKind, Result};

impl Publisher {
    /// Declares a table, or adds columns to a declared one, as one commit. Returns the declaration that the table has
    /// then. Publishes nothing if the table has every column already.
    ///
    /// An error of kind [`Schema`](ErrorKind::Schema) if the table is declared otherwise; it names the column and both
    /// types.
    pub fn declare(&self, wanted: &Descriptor) -> Result<Descriptor> {
        let table = wanted.id();
        if let Some(table) = table.canonical() {
            return Err(self.refused(wanted, &DeclarationError::Canonical { table }));
        }
        // Refused, or nothing to do: before anything is created.
        let known = self.log.state(table)?;
        if let Some(declared) = known.as_ref().and_then(|state| state.declared.as_ref())
            && self.grown(declared, wanted)?.is_none()
        {
            return Ok(declared.clone());
        }
        self.ensure_table(table)?;
        let turn = self.turn();
        self.adopt_unlogged(&turn, &[table])?;
        let mut declared = wanted.clone();
        let mut is_there = false;
        let change = Change { operation: Operation::Declare, tables: BTreeMap::new() };
        let published = self.publish(&turn, change, |cache, change| {
            // Guard: what another writer has declared is determined again after each race lost.
            let planned = self.plan_declaration(cache, wanted)?;
            is_there = planned.is_none();
            let Some(planned) = planned else {
                return Err(Error::new(ErrorKind::Conflict, "already declared"));
            };
            declared = planned.declared.clone().unwrap_or_else(|| wanted.clone());
            change.tables = BTreeMap::from([(table, planned)]);
            Ok(())
        });
        match published {
            Ok(_) => self.after_commit(&turn, &[table]),
            Err(_) if is_there => {
                let state = self.log.cache().state(table).cloned();
                return Ok(state.and_then(|state| state.declared.clone()).unwrap_or(declared));
            }
            Err(error) => return Err(error),
        }
        Ok(declared)
    }

    /// The change that declares `wanted`; `None` if the table has every column already.
    fn plan_declaration(&self, cache: &mut Cache, wanted: &Descriptor) -> Result<Option<TableChange>> {
        let table = wanted.id();
        self.log.load_all(cache, &[table])?;
        let state = cache.state(table).cloned();
        let known = state.as_ref().and_then(|state| state.declared.as_ref());
        let declared = match known {
            None => wanted.clone(),
            Some(known) => match self.grown(known, wanted)? {
                None => return Ok(None),
                Some(grown) => grown,
            },
        };
        let schema = match state.as_ref().and_then(|state| state.schema.as_ref()) {
            None => Arc::clone(declared.schema()),
            // Columns outside the declaration may have been written: they must not contradict it.
            Some(schema) => {
                declared.check_fits(schema).map_err(|error| {
                    self.refused(wanted, &error).with_hint(
                        "rows with that column were written before it was declared; declare it with their type",
                    )
                })?;
                let union = schema.union(declared.schema());
                Arc::new(union.map_err(|conflict| {
                    Error::new(ErrorKind::Schema, format!("{}: {conflict}", self.log.name(table)))
                })?)
            }
        };
        Ok(Some(TableChange {
            declared: Some(declared),
            schema: Some(schema),
            tick_bucket_size: Some(self.log.tick_bucket_size()),
            ..TableChange::default()
        }))
    }

    fn grown(&self, known: &Descriptor, wanted: &Descriptor) -> Result<Option<Descriptor>> {
        known.grown(wanted).map_err(|error| self.refused(wanted, &error))
    }

    fn refused(&self, wanted: &Descriptor, error: &DeclarationError) -> Error {
        let text = format!("{}: {error}", self.log.name(wanted.id()));
        Error::caused_by(ErrorKind::Schema, text, error.hint(), error.clone())
    }
}
