//! Starting a run: its facts first, then its status, then its rows.

use std::sync::Arc;

use crv_core::ids::{RunId, make_run_id};

use super::handle::Run;
use super::options::{IfExists, RunOptions};
use super::reporter::Reporter;
use crate::config::IoSettings;
use crate::dataset::{Dataset, open_store};
use crate::error::{Error, ErrorKind, Result};
use crate::paths::{self, RunPaths, TMP_SUFFIX};
use crate::run::artifacts::hinted;
use crate::run::facts::{ModelFacts, RunFacts, RunState, RunStatus, encode_facts};
use crate::run::origin::GitState;
use crate::run::process::ProcessId;
use crate::stamp;
use crate::store::{PutMode, PutOutcome, Store};

/// The beginning of ids that are made.
const PREFIX: &str = "run";
/// How often an id is made before the error that it is taken is returned.
const TRIES: u32 = 64;

/// Starts a run: writes its facts, `run.json`, durably before any row, and its status, `status.json`.
///
/// ```
/// use crv_io::IoSettings;
/// use crv_io::run::{Outcome, RunOptions, RunState, Seed, start_run};
///
/// # let root = tempfile::tempdir()?;
/// # let root = root.path().to_string_lossy().into_owned();
/// let settings = IoSettings::default().with_root_dir(root)?;
/// let options = RunOptions { run_id: Some("baseline".to_owned()), seed: Some(Seed::from(7_u64)), ..RunOptions::default() };
/// let run = start_run(&settings, &options)?;
/// assert_eq!(run.facts()?.and_then(|facts| facts.seed), Some(Seed::from(7_u64)));
/// assert_eq!(run.finish(Outcome::Succeeded)?.state, RunState::Succeeded);
/// assert!(start_run(&settings, &options).is_err(), "it exists");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Argument`](ErrorKind::Argument) if the run exists and [`IfExists::Error`] is asked for; or if it exists with other
/// parameters or another seed than these, if any are given. [`Conflict`](ErrorKind::Conflict) if a run that is to be
/// resumed still runs.
pub fn start_run(settings: &IoSettings, options: &RunOptions) -> Result<Run> {
    start_run_in(&open_store(settings)?, settings, options)
}

/// The same in `store`, whatever root and protocol the settings name.
pub fn start_run_in(store: &Arc<dyn Store>, settings: &IoSettings, options: &RunOptions) -> Result<Run> {
    let given = options.run_id.as_deref().map(paths::validate_run_id).transpose()?;
    let mut tries = 0;
    loop {
        tries += 1;
        let run_id = match &given {
            Some(run_id) => run_id.clone(),
            None => make_run_id(PREFIX).map_err(|error| Error::argument(error.to_string()))?,
        };
        let dataset =
            Dataset::with_store(settings.clone().of_a_started_run(), run_id.as_str(), Arc::clone(store))?;
        match begin(dataset, options)? {
            Some(run) => return Ok(run),
            // An id that was made is tried again; a made one exists only by chance.
            None if given.is_none() && tries < TRIES => {}
            None => return Err(exists(settings, &run_id)),
        }
    }
}

/// Begins the run of `dataset`; `None` if it exists and must not.
fn begin(dataset: Dataset, options: &RunOptions) -> Result<Option<Run>> {
    let exists = is_begun(&dataset)?;
    if exists && (options.if_exists == IfExists::Error || options.run_id.is_none()) {
        return Ok(None);
    }
    let (store, run) = dataset.storage();
    let process = ProcessId::current();
    let facts = if let Some(facts) = dataset.facts()? {
        facts
    } else {
        let facts = facts_of(run.run(), options, &process);
        if put_facts(&**store, run, &facts)? {
            facts
        } else if options.if_exists == IfExists::Error || options.run_id.is_none() {
            return Ok(None);
        } else {
            // Begun by another process a moment ago: it exists.
            dataset.facts()?.ok_or_else(|| raced(run.run()))?
        }
    };
    let (mut last_tick, mut commit) = (None, 0);
    check_same(run.run(), &facts, options)?;
    if exists {
        if options.if_exists == IfExists::Resume {
            check_ended(&dataset)?;
        }
        last_tick = dataset.last_tick()?;
        commit = dataset.log().head()?.get();
    }
    let now = stamp::text(stamp::now());
    let status = RunStatus {
        state: RunState::Running,
        error: None,
        started_at: now.clone(),
        updated_at: now,
        ended_at: None,
        last_tick,
        commit,
        host: process.host,
        pid: process.pid,
        process_start: process.start,
    };
    let reporter = Reporter::begin(Arc::clone(store), run.status(), status)
        .map_err(|error| error.in_context(format_args!("run `{}`", run.run())))?;
    Ok(Some(Run::new(dataset, Arc::new(reporter), options.keep_merged)))
}

/// Whether anything lies in the run's directory but what a start that was killed left.
fn is_begun(dataset: &Dataset) -> Result<bool> {
    let (store, run) = dataset.storage();
    let entries = store.list(run.root(), None).map_err(|error| hinted(ErrorKind::Read, error))?;
    Ok(entries.iter().any(|entry| !entry.name.ends_with(TMP_SUFFIX)))
}

fn facts_of(run_id: &RunId, options: &RunOptions, process: &ProcessId) -> RunFacts {
    let RunOptions { params, seed, sweep, tags, model, extra, command, versions, .. } = options.clone();
    let command = command.unwrap_or_else(|| {
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect()
    });
    RunFacts {
        run_id: run_id.clone(),
        created_at: stamp::text(stamp::now()),
        params,
        seed,
        sweep,
        tags,
        model: ModelFacts {
            name: model.name,
            version: model.version,
            git: model.source.map_or_else(GitState::of_current_dir, |source| GitState::of_dir(&source)),
        },
        command,
        host: process.host.clone(),
        pid: process.pid,
        process_start: process.start.clone(),
        versions: versions.complete(),
        extra,
    }
}

/// Writes the facts if there are none; `false` if another process was first.
fn put_facts(store: &dyn Store, run: &RunPaths, facts: &RunFacts) -> Result<bool> {
    let context = |error: Error| error.in_context(format_args!("run `{}`", run.run()));
    let bytes = encode_facts(facts).map_err(context)?;
    match store.put(&run.facts(), &bytes, PutMode::IfAbsent) {
        Ok(PutOutcome::Stored(_)) => Ok(true),
        Ok(PutOutcome::Refused) => Ok(false),
        Err(error) if error.is_unknown() => {
            // Ours has the time and the process in it: no other start writes the same bytes.
            let found = store.read(&run.facts()).map_err(|error| context(hinted(ErrorKind::Read, error)))?;
            match found {
                Some((found, _)) if found == bytes => {
                    store.sync(&[run.facts()]).map_err(|error| context(hinted(ErrorKind::Write, error)))?;
                    Ok(true)
                }
                Some(_) => Ok(false),
                None => Err(context(hinted(ErrorKind::Write, error))),
            }
        }
        Err(error) => Err(context(hinted(ErrorKind::Write, error))),
    }
}

/// The error for a run that exists.
fn exists(settings: &IoSettings, run_id: &RunId) -> Error {
    let root = settings.root_dir();
    Error::argument(format!("there is a run `{run_id}` under `{root}` already")).with_hint(format!(
        "continue it with if_exists=\"resume\", add to it with if_exists=\"append\", choose another run id, or remove it with `crv rm {run_id}`"
    ))
}

fn raced(run_id: &RunId) -> Error {
    Error::new(ErrorKind::Conflict, format!("run `{run_id}`: its facts are there, and then they are not"))
        .with_hint("is another process removing the run? Try again")
}

/// Refuses to continue a run with other parameters or another seed than it has: its facts never change.
fn check_same(run_id: &RunId, facts: &RunFacts, options: &RunOptions) -> Result<()> {
    let mut differs = None;
    if !options.params.is_empty() {
        let keys = options.params.keys().chain(facts.params.keys());
        let different = keys.into_iter().find(|key| options.params.get(*key) != facts.params.get(*key));
        differs = different.map(|key| {
            let text = |params: &serde_json::Map<_, serde_json::Value>| {
                params.get(key).map_or_else(|| "missing".to_owned(), ToString::to_string)
            };
            (format!("params.{key}"), text(&facts.params), text(&options.params))
        });
    }
    if let Some(seed) = options.seed.as_ref().filter(|seed| facts.seed.as_ref() != Some(*seed)) {
        let was = facts.seed.as_ref().map_or_else(|| "missing".to_owned(), ToString::to_string);
        differs = differs.or(Some(("seed".to_owned(), was, seed.to_string())));
    }
    let Some((key, was, is)) = differs else { return Ok(()) };
    let text = format!("run `{run_id}` was started with other facts: `{key}` was {was} and is {is} now");
    Err(Error::argument(text)
        .with_hint("leave it out, or start another run: the facts of a run never change"))
}

/// Refuses to resume a run whose process still runs. A run without a status that can be read may be resumed.
fn check_ended(dataset: &Dataset) -> Result<()> {
    let Ok(Some(status)) = dataset.status() else { return Ok(()) };
    // In another container, another process may have the same number.
    if status.state != RunState::Running || status.process() == ProcessId::current() {
        return Ok(());
    }
    let (run, pid) = (dataset.run_id(), status.pid);
    let host = status.host.map_or_else(String::new, |host| format!(" on `{host}`"));
    let text = format!("run `{run}` still runs: process {pid}{host} gave a sign at {}", status.updated_at);
    Err(Error::new(ErrorKind::Conflict, text)
        .with_hint("wait for it, end it, or add to the run beside it with if_exists=\"append\""))
}
