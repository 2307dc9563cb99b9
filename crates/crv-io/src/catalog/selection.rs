//! [`Selection`]: which of the runs under a root.

use std::collections::HashSet;

use arrow_array::ArrayRef;
use crv_core::ids::RunId;
use crv_core::suggest::nearest;
use crv_schema::filter::{Filter, FilterError};
use glob::Pattern;

use super::frame;
use super::frame::PARAMS;
use super::row::RunRow;
use crate::error::{Error, Result};

/// Columns that more than a run's facts say; its facts alone say the others, which are parameters but for a few.
const MORE: [&str; 17] = [
    "state",
    "status",
    "created_at",
    "created",
    "ended_at",
    "ended",
    "duration_s",
    "tags",
    "tables",
    "rows",
    "bytes",
    "tick_min",
    "tick_max",
    "commit",
    "model_version",
    "model_commit",
    "problem",
];

/// Which runs. Everything that is said must hold of a run.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    glob: Option<Pattern>,
    ids: Option<Vec<RunId>>,
    filter: Option<Filter>,
}

impl Selection {
    /// All runs.
    pub fn all() -> Self {
        Self::default()
    }

    /// Runs whose id matches: `*` stands for any text, `?` for one character, `[ab]` for one of these.
    pub fn glob(mut self, pattern: &str) -> Result<Self> {
        let parsed = Pattern::new(pattern).map_err(|error| {
            Error::argument(format!("`{pattern}` is not a pattern of run ids: {error}"))
                .with_hint("write it like `w-*` or `run-[0-9]?`")
        })?;
        self.glob = Some(parsed);
        Ok(self)
    }

    /// These runs.
    #[must_use]
    pub fn ids(mut self, ids: impl IntoIterator<Item = RunId>) -> Self {
        self.ids = Some(ids.into_iter().collect());
        self
    }

    /// Runs for which a filter on the columns of [`Catalog::frame`](super::Catalog::frame) is true. A parameter may be named without `params.`;
    /// `status`, `id`, `created` and `ended` are other names of `state`, `run_id`, `created_at` and `ended_at`.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(match self.filter {
            Some(earlier) => earlier.and(filter),
            None => filter,
        });
        self
    }

    /// Runs of this sweep.
    pub fn sweep(self, name: &str) -> Result<Self> {
        let filter: Filter = format!("sweep = \"{}\"", name.replace('"', "\"\"")).parse()?;
        Ok(self.filter(filter))
    }

    /// Those of `runs`, all that there are, whose ids are selected. An error of kind
    /// [`NotFound`](crate::ErrorKind::NotFound) if the pattern matches no id, or an id is that of no run.
    pub(super) fn wanted(&self, runs: &[RunId]) -> Result<Vec<RunId>> {
        if let Some(ids) = &self.ids {
            let known: HashSet<&RunId> = runs.iter().collect();
            if let Some(missing) = ids.iter().find(|id| !known.contains(id)) {
                let error = Error::argument(format!("there is no run `{missing}`")).not_found();
                let meant = nearest(missing.as_str(), runs.iter().map(RunId::as_str));
                return Err(match meant {
                    Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                    None => error.with_hint("`crv runs` lists the runs"),
                });
            }
        }
        let asked: Option<HashSet<&RunId>> = self.ids.as_ref().map(|ids| ids.iter().collect());
        let is_wanted = |run: &&RunId| {
            self.glob.as_ref().is_none_or(|glob| glob.matches(run.as_str()))
                && asked.as_ref().is_none_or(|ids| ids.contains(run))
        };
        let wanted: Vec<RunId> = runs.iter().filter(is_wanted).cloned().collect();
        match &self.glob {
            Some(glob) if !runs.iter().any(|run| glob.matches(run.as_str())) => {
                let error = Error::argument(format!("no run matches `{glob}`")).not_found();
                Err(error.with_hint(match runs.first() {
                    Some(first) => format!("there are {} runs, the first is `{first}`", runs.len()),
                    None => "there are no runs".to_owned(),
                }))
            }
            _ => Ok(wanted),
        }
    }

    /// Whether its filter asks only for what a run's facts say, which never changes.
    pub(super) fn asks_for_facts_only(&self) -> bool {
        let Some(filter) = &self.filter else { return false };
        filter.columns().iter().all(|column| !MORE.contains(column))
    }

    /// For each row whether the filter is true of it.
    pub(super) fn passes(&self, rows: &[&RunRow]) -> Result<Vec<bool>> {
        // Of no rows nothing is known of their parameters.
        let Some(filter) = self.filter.as_ref().filter(|_| !rows.is_empty()) else {
            return Ok(vec![true; rows.len()]);
        };
        let table = frame::named(rows, &filter.columns())?;
        let fields = table.schema_ref().fields();
        let filter = filter.renamed(|name| frame::resolve(fields, name));
        let bound = filter.bind(fields).map_err(|error| match &error {
            FilterError::Unknown { column, .. } => match frame::of(rows) {
                Ok(all) => frame::unknown(all.schema_ref().fields(), column),
                Err(error) => error,
            },
            _ => Error::from(error).in_context("runs cannot be selected"),
        })?;
        let passes = bound.rows(&table);
        let passes = passes.map_err(|error| Error::argument(format!("runs cannot be selected: {error}")))?;
        Ok(passes.values().iter().collect())
    }
}

/// The values of a parameter of runs, whether or not its name begins with `params.`.
pub(super) fn param(rows: &[RunRow], name: &str) -> Result<ArrayRef> {
    let bare = name.strip_prefix(PARAMS).unwrap_or(name);
    for name in [name, bare] {
        if rows.iter().any(|row| row.params.contains_key(name)) {
            return Ok(frame::param(&rows.iter().collect::<Vec<_>>(), name));
        }
    }
    let known: Vec<&str> = rows.iter().flat_map(|row| row.params.keys()).map(String::as_str).collect();
    let error = Error::argument(format!("no run has a parameter `{bare}`"));
    Err(match nearest(bare, known.iter().copied()) {
        Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
        None => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column that is not in the list would be taken for one that facts say, and be null for every run of the index.
    #[test]
    fn every_column_of_the_listing_is_known_by_facts_or_is_in_the_list() {
        let of_facts = ["run_id", "seed", "sweep", "model"];
        let frame = frame::of(&[]).unwrap();
        for field in frame.schema_ref().fields() {
            let name = field.name().as_str();
            assert!(MORE.contains(&name) != of_facts.contains(&name), "column `{name}`");
        }
    }
}
