//! The run bundle: one JSON document, `bundle.manifest.json`, that says what a run is and what is in it.
//!
//! [`Dataset::write_bundle`] gathers it - tables from manifests and the log alone, artifacts from their directory,
//! where it came from ([`origin`]) - and writes it durably, in place of the one before. It is a copy for people and
//! other programs: nothing in this crate reads it back but for the time the run began.

mod document;
mod meta;
pub mod origin;
mod tables;

use jiff::Timestamp;
use serde::Deserialize;

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

/// Writes the bundle of a run and gives what it says.
pub fn write_run_bundle_manifest(settings: &IoSettings, run_id: &str, meta: BundleMeta) -> Result<RunBundle> {
    Dataset::open(settings.clone(), run_id)?.write_bundle(meta, Versions::default())
}

impl Dataset {
    /// Writes the bundle of this run in place of the one before, durably, and gives what it says.
    ///
    /// `run.created_at` is when the run began: the earliest of what the bundle before said and of its tables'
    /// own times; now, for a run without either. `languages` are the versions of a front in another language.
    pub fn write_bundle(&self, meta: BundleMeta, languages: Versions) -> Result<RunBundle> {
        let states = self.log().table_index()?;
        let began = states.iter().map(|state| state.created_at);
        let created_at = began.chain(self.earlier_bundle()?).min().unwrap_or_else(stamp::now);
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

    /// When the run began by the bundle that is there; one that cannot be understood says nothing.
    fn earlier_bundle(&self) -> Result<Option<Timestamp>> {
        #[derive(Deserialize)]
        struct Earlier {
            run: EarlierRun,
        }
        #[derive(Deserialize)]
        struct EarlierRun {
            created_at: String,
        }
        let (store, run) = self.storage();
        let read = store.read(&run.bundle()).map_err(|error| hinted(ErrorKind::Read, error))?;
        let earlier = read.and_then(|(bytes, _)| serde_json::from_slice::<Earlier>(&bytes).ok());
        Ok(earlier.and_then(|earlier| earlier.run.created_at.parse().ok()))
    }
}
