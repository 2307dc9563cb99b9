//! The run bundle: one JSON document, `bundle.manifest.json`, that describes a run and its contents.
//!
//! [`Dataset::write_bundle`] collects the totals of the tables (from manifests and the log alone), the artifacts (from
//! their directory), the run's facts and status, and its origin, and writes them durably in place of the previous
//! bundle. The bundle is for people and other programs: this crate reads back only the time when the run began, `meta`, and
//! facts of which there is no other copy, to keep them.

mod document;
mod meta;
mod tables;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

pub use crate::run::origin::{GitState, Versions};
pub use document::{BundleIo, BundleRun, BundleTable, RunBundle};
pub use meta::{BundleMeta, MAX_META_BYTES, MAX_META_DEPTH};
pub use tables::{TableIndex, collect_tables_index};

use crate::config::IoSettings;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::paths::{self, RunPaths};
use crate::run::artifacts::{self, hinted};
use crate::stamp;

/// Returns the path of a run's bundle.
pub fn bundle_manifest_path(settings: &IoSettings, run_id: &str) -> Result<String> {
    let run = RunPaths::new(paths::validate_run_id(run_id)?);
    Ok(settings.locate(&run.bundle()))
}

/// Writes the bundle of a run and returns it. Without `meta`, that of the previous bundle is kept.
pub fn write_run_bundle_manifest(
    settings: &IoSettings,
    run_id: &str,
    meta: impl Into<Option<BundleMeta>>,
) -> Result<RunBundle> {
    Dataset::open(settings.clone(), run_id)?.write_bundle(meta, Versions::default())
}

impl Dataset {
    /// Writes the bundle of this run durably, in place of the previous one, and returns it.
    ///
    /// `run.created_at` is when the run began: the earliest time of the previous bundle, of the facts and of the tables; now,
    /// if there are none. Facts and a status that are lost or damaged are kept from the previous bundle. Without `meta`, that of the previous bundle is kept; an error of kind
    /// [`Read`](ErrorKind::Read) if it cannot be read. `languages` are the versions of a front end in another language.
    pub fn write_bundle(
        &self,
        meta: impl Into<Option<BundleMeta>>,
        languages: Versions,
    ) -> Result<RunBundle> {
        let index = self.log().table_index()?;
        let earlier = self.earlier_bundle()?;
        let facts = kept(self.facts(), earlier.as_ref(), "facts")?;
        let status = kept(self.status(), earlier.as_ref(), "status")?;
        let began = index.iter().map(|state| state.created_at).chain(time_of(&facts));
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
            tables: index.iter().map(|state| (state.table, BundleTable::from(&**state))).collect(),
            artifacts: self.artifacts_index()?,
            facts,
            status,
            meta,
        };
        let (store, run) = self.storage();
        let mut text = serde_json::to_string_pretty(&bundle).map_err(|error| {
            Error::new(
                ErrorKind::Write,
                format!("run `{}`: could not serialize its bundle: {error}", run.run()),
            )
        })?;
        text.push('\n');
        artifacts::replace(&**store, &run.bundle(), text.as_bytes())
            .map_err(|error| error.in_context(format_args!("run `{}`", run.run())))?;
        Ok(bundle)
    }

    /// Reads the existing bundle.
    fn earlier_bundle(&self) -> Result<Option<Earlier>> {
        let (store, run) = self.storage();
        let read = store.read(&run.bundle()).map_err(|error| hinted(ErrorKind::Read, error))?;
        Ok(read.map(|(bytes, _)| Earlier(serde_json::from_slice(&bytes).unwrap_or(Value::Null))))
    }

    /// The metadata of the existing bundle; empty if there is no bundle.
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
                "run `{}`: the `meta` of its bundle `{path}` cannot be read, so it cannot be kept",
                run.run()
            );
            Error::new(ErrorKind::Read, text).with_hint("pass `meta` again, or {} for none")
        })
    }
}

/// A document of the run as JSON. Where it is absent or damaged, that of the earlier bundle: it is the only copy then.
fn kept<T: Serialize>(read: Result<Option<T>>, earlier: Option<&Earlier>, key: &str) -> Result<Value> {
    let read = match read {
        Err(error) if error.kind() == ErrorKind::Manifest => None,
        other => other?,
    };
    let value = read.and_then(|document| serde_json::to_value(document).ok());
    Ok(value.or_else(|| earlier?.0.get(key).cloned()).unwrap_or(Value::Null))
}

/// When a run began, as its facts say.
fn time_of(facts: &Value) -> Option<Timestamp> {
    facts.get("created_at")?.as_str()?.parse().ok()
}

/// A bundle as it was written, possibly by another version or by hand; null if it is not JSON.
struct Earlier(Value);

impl Earlier {
    /// When the run began, if the bundle has the time.
    fn created_at(&self) -> Option<Timestamp> {
        self.0.get("run")?.get("created_at")?.as_str()?.parse().ok()
    }
}
