//! The run bundle: one JSON document, `bundle.manifest.json`, that says what a run is and what is in it.
//!
//! [`Dataset::write_bundle`] gathers it - tables from manifests and the log alone, artifacts from their directory,
//! where it came from ([`origin`]) - and writes it durably, in place of the one before. It is a copy for people and
//! other programs: nothing in this crate reads it back but for the time the run began, and its `meta`, which is kept.

mod document;
mod meta;
pub mod origin;
mod tables;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub use document::{BundleIo, BundleRun, BundleTable, RunBundle};
pub use meta::{BundleMeta, MAX_META_BYTES, MAX_META_DEPTH};
pub use origin::{GitState, Versions};
pub use tables::{TableIndex, collect_tables_index};

use crate::artifacts::{self, hinted};
use crate::config::IoSettings;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::paths::{self, RunPaths};
use crate::stamp;

/// The path of a run's bundle.
pub fn bundle_manifest_path(settings: &IoSettings, run_id: &str) -> Result<String> {
    let run = RunPaths::new(paths::validate_run_id(run_id)?);
    Ok(paths::full_path(settings, &run.bundle()))
}

/// Writes the bundle of a run and gives what it says; without `meta`, that of the bundle before is kept.
pub fn write_run_bundle_manifest(
    settings: &IoSettings,
    run_id: &str,
    meta: impl Into<Option<BundleMeta>>,
) -> Result<RunBundle> {
    Dataset::open(settings.clone(), run_id)?.write_bundle(meta, Versions::default())
}

impl Dataset {
    /// Writes the bundle of this run in place of the one before, durably, and gives what it says.
    ///
    /// `run.created_at` is when the run began: the earliest of what the bundle before said and of its tables'
    /// own times; now, for a run without either. Without `meta`, what the bundle before said is kept: an error of kind
    /// [`Read`](ErrorKind::Read) where that cannot be told. `languages` are the versions of a front in another language.
    pub fn write_bundle(
        &self,
        meta: impl Into<Option<BundleMeta>>,
        languages: Versions,
    ) -> Result<RunBundle> {
        let states = self.log().table_index()?;
        let earlier = self.earlier_bundle()?;
        let began = states.iter().map(|state| state.created_at);
        let created_at = began.chain(earlier.as_ref().and_then(Earlier::created_at)).min();
        let created_at = created_at.unwrap_or_else(stamp::now);
        let meta = match (meta.into(), earlier) {
            (Some(meta), _) => meta,
            (None, earlier) => self.earlier_meta(earlier)?,
        };
        let bundle = RunBundle {
            schema_version: RunBundle::VERSION,
            run: BundleRun::new(self.run_id().clone(), stamp::text(created_at)),
            env: languages.complete(),
            io: BundleIo::from(self.settings()),
            tables: states.iter().map(|state| (state.table, BundleTable::from(&**state))).collect(),
            artifacts: self.artifacts_index()?,
            meta,
        };
        let (store, run) = self.storage();
        let mut text = serde_json::to_string_pretty(&bundle).map_err(|error| {
            Error::new(ErrorKind::Write, format!("run `{}`: its bundle is no JSON: {error}", run.run()))
        })?;
        text.push('\n');
        artifacts::replace(&**store, &run.bundle(), text.as_bytes())
            .map_err(|error| error.in_context(format_args!("run `{}`", run.run())))?;
        Ok(bundle)
    }

    /// The bundle that is there.
    fn earlier_bundle(&self) -> Result<Option<Earlier>> {
        let (store, run) = self.storage();
        let read = store.read(&run.bundle()).map_err(|error| hinted(ErrorKind::Read, error))?;
        Ok(read.map(|(bytes, _)| Earlier(serde_json::from_slice(&bytes).unwrap_or(Value::Null))))
    }

    /// The metadata of the bundle that is there; of none, nothing.
    fn earlier_meta(&self, earlier: Option<Earlier>) -> Result<BundleMeta> {
        let Some(Earlier(document)) = earlier else { return Ok(BundleMeta::default()) };
        let meta = match document {
            Value::Object(mut members) => members.remove("meta").unwrap_or(Value::Object(Map::new())),
            _ => Value::Null,
        };
        let meta = match meta {
            Value::Object(meta) => BundleMeta::new(meta).ok(),
            _ => None,
        };
        meta.ok_or_else(|| {
            let (store, run) = self.storage();
            let path = store.locate(&run.bundle());
            let text = format!(
                "run `{}`: the `meta` of its bundle `{path}` cannot be read, and so not kept",
                run.run()
            );
            Error::new(ErrorKind::Read, text).with_hint("give `meta` again, as {} where there is none")
        })
    }
}

/// A bundle as it was written, possibly by another version, or by hand; null where it is no JSON.
struct Earlier(Value);

impl Earlier {
    /// When the run began, if it says so.
    fn created_at(&self) -> Option<Timestamp> {
        self.0.get("run")?.get("created_at")?.as_str()?.parse().ok()
    }
}
