//! What every verb needs: the settings in effect, and how to print.

use crv_io::config::{DEFAULT_PREFIX, Origin, SettingValue};
use crv_io::{Dataset, ErrorKind, IoSettings, TableId, TableManifest};

use crate::args::{Globals, SettingFlags};
use crate::error::CliError;

/// The arguments that all verbs share, converted.
pub(crate) struct Context {
    pub(crate) settings: IoSettings,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// Whether the caller set a bucket size. If not, a run keeps the size it has.
    size_asked_for: bool,
}

impl Context {
    pub(crate) fn new(globals: &Globals) -> Result<Self, CliError> {
        let settings = settings(&globals.settings)?;
        let size_asked_for = globals.settings.tick_bucket_size.is_some()
            || settings.tick_bucket_size() != IoSettings::default().tick_bucket_size();
        Ok(Self { settings, json: globals.json, quiet: globals.quiet, size_asked_for })
    }

    /// Opens a run with these settings.
    pub(crate) fn open(&self, run: &str) -> Result<Dataset, CliError> {
        Ok(Dataset::open(self.settings.clone(), run)?)
    }

    /// Opens a run for appends. It need not exist yet; if it does, it keeps its bucket size.
    pub(crate) fn open_or_new(&self, run: &str) -> Result<Dataset, CliError> {
        let dataset = self.open(run)?;
        match dataset.tables()?.first() {
            Some(table) => self.fit(dataset, *table),
            None => Ok(dataset),
        }
    }

    /// Returns the same run with the bucket size that the table was written with, unless the caller set another.
    ///
    /// Other errors of the table are left to the verb: its purpose may be to repair them.
    pub(crate) fn fit(&self, dataset: Dataset, table: TableId) -> Result<Dataset, CliError> {
        let written_with = dataset.manifest(table).err().and_then(|error| error.tick_bucket_size());
        match written_with {
            Some(size) if !self.size_asked_for => {
                let settings = self.settings.clone().with_tick_bucket_size(size)?;
                Ok(Dataset::open(settings, dataset.run_id().as_str())?)
            }
            _ => Ok(dataset),
        }
    }

    /// Returns the manifest of a table.
    pub(crate) fn manifest(&self, dataset: &Dataset, table: TableId) -> Result<TableManifest, CliError> {
        Ok(self.fit(dataset.clone(), table)?.manifest(table)?)
    }

    /// Opens a run that must have tables, and returns them with it.
    pub(crate) fn existing(&self, run: &str) -> Result<(Dataset, Vec<TableId>), CliError> {
        let dataset = self.open(run)?;
        let tables = dataset.tables()?;
        if tables.is_empty() {
            no_run(&dataset)?;
            let root = self.settings.root_dir();
            let message = format!("run `{run}` has no tables under `{root}`");
            return Err(CliError::missing(message, "list the runs with `crv runs`, or name another --root"));
        }
        Ok((dataset, tables))
    }

    /// Opens a run that must exist; artifacts alone are enough.
    pub(crate) fn existing_run(&self, run: &str) -> Result<Dataset, CliError> {
        no_run(&self.open(run)?)?;
        self.open_or_new(run)
    }

    /// Opens a run that must exist, damaged or not.
    pub(crate) fn run_to_mend(&self, run: &str) -> Result<Dataset, CliError> {
        let dataset = self.open(run)?;
        no_run(&dataset)?;
        // A run whose tables cannot be listed can still be checked.
        Ok(self.open_or_new(run).unwrap_or(dataset))
    }

    /// Opens a run in which this table must exist.
    pub(crate) fn existing_table(&self, run: &str, table: TableId) -> Result<Dataset, CliError> {
        let (dataset, tables) = self.existing(run)?;
        if tables.contains(&table) {
            return self.fit(dataset, table);
        }
        let names: Vec<&str> = tables.iter().map(TableId::as_str).collect();
        let message = format!("run `{run}` has no table `{table}`");
        Err(CliError::missing(message, format!("its tables are {}", names.join(", "))))
    }
}

/// Returns the store's error if the run does not exist, as a missing run and not as a damaged one.
fn no_run(dataset: &Dataset) -> Result<(), CliError> {
    dataset.check_exists().map_err(|error| match error.kind() {
        ErrorKind::NotFound => CliError::missing(error.to_string(), error.hint().unwrap_or_default()),
        _ => error.into(),
    })
}

/// Merges the sources of settings: flags override the environment, the environment the file, the file the defaults.
fn settings(flags: &SettingFlags) -> Result<IoSettings, CliError> {
    let from_file = IoSettings::from_toml(flags.config.as_deref())?;
    let mut settings = IoSettings::from_env(from_file, DEFAULT_PREFIX)?;
    let given = [
        ("--root", "root_dir", &flags.root),
        ("--tick-bucket-size", "tick_bucket_size", &flags.tick_bucket_size),
        ("--row-group-size", "row_group_size", &flags.row_group_size),
        ("--compression", "compression", &flags.compression),
        ("--strict-schema", "strict_schema", &flags.strict_schema),
        ("--write-manifest-every-n", "write_manifest_every_n", &flags.write_manifest_every_n),
        ("--compact-sealed-buckets", "compact_sealed_buckets", &flags.compact_sealed_buckets),
        ("--verify-reads", "verify_reads", &flags.verify_reads),
    ];
    for (flag, key, text) in given {
        if let Some(text) = text {
            let origin = Origin::Flag(flag.to_owned());
            settings = settings.with_pairs(&origin, [(key, SettingValue::Text(text.clone()))])?;
        }
    }
    Ok(settings)
}
