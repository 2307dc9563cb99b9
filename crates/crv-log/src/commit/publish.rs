//! [`Publisher`]: publishing a commit, the step that makes it visible.
//!
//! The commit file with the next number is put *if absent*. A writer that finds the number taken reads the commits that
//! were published meanwhile, rebases its change, waits a little and takes the next number. If storage cannot say
//! whether a put took effect, the file is read back; nothing is deleted on an unknown outcome.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::append::Draft;
use super::backoff;
use super::cache::Cache;
use super::change::{Change, Commit};
use super::checkpoint::Checkpointer;
use super::errors::encoding_failed;
use super::file;
use super::outcome::Outcome;
use super::queue::{Queue, Turn};
use super::reader::LogReader;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Part, TableState};
use crate::parallel;
use crate::paths::{BucketId, CommitNumber, StorePath};
use crate::stamp;
use crate::store::{PreparedPut, PutOutcome, StoreError};

/// How often a number is retried when its put did not succeed and no file is there afterwards.
const UNCLEAR_TRIES: u32 = 8;

/// Publishes commits of one run, one at a time, and rewrites manifests after them.
#[derive(Debug)]
pub struct Publisher {
    pub(super) log: Arc<LogReader>,
    pub(super) checkpointer: Checkpointer,
    pub(super) queue: Arc<Queue>,
    /// Whether the last commit lost a race. Then the next one begins with a refresh.
    pub(super) raced: AtomicBool,
    /// Whether the directory of the log was looked at: whether it is durable.
    pub(super) trusts_log: AtomicBool,
    watcher: OnceLock<Arc<dyn CommitWatcher>>,
}

/// Receives every commit that a [`Publisher`] has published.
pub trait CommitWatcher: fmt::Debug + Send + Sync {
    /// The commit is visible and durable. Called before the call that made it returns; of several appends that are one
    /// commit, on the thread of each.
    fn committed(&self, commit: &Commit);
}

impl Publisher {
    /// A publisher of commits to the log that `log` reads. A checkpoint of a table is due after `write_manifest_every_n`
    /// commits, or, with `None`, by the number of its parts.
    pub fn new(log: Arc<LogReader>, write_manifest_every_n: Option<u64>) -> Self {
        let checkpointer = Checkpointer::new(Arc::clone(&log), write_manifest_every_n);
        let queue = Queue::of(&*log.store, &log.paths, log.tick_bucket_size, write_manifest_every_n);
        Self {
            log,
            checkpointer,
            queue,
            raced: AtomicBool::new(false),
            trusts_log: AtomicBool::new(false),
            watcher: OnceLock::new(),
        }
    }

    /// Calls `watcher` with every commit from now on. Only the first watcher counts.
    pub fn watch(&self, watcher: Arc<dyn CommitWatcher>) {
        // Error ignored: there is one already.
        let _ = self.watcher.set(watcher);
    }

    /// The reader of the same log, with the same cached state.
    pub fn log(&self) -> &Arc<LogReader> {
        &self.log
    }

    /// Waits until no other thread publishes through a handle of this process.
    pub(super) fn turn(&self) -> Turn<'_> {
        self.queue.turn()
    }

    /// Publishes `change` as the next commit. `rebase` adapts the change to the newest commit, or returns the conflict: once at first, and after each race lost.
    pub(super) fn publish(
        &self,
        turn: &Turn<'_>,
        change: Change,
        rebase: impl FnMut(&mut Cache, &mut Change) -> Result<()>,
    ) -> Result<Arc<Commit>> {
        self.publish_drafted(turn, change, Vec::new(), None, rebase)
    }

    /// The same; makes `names`, those of the objects that the change adds, durable before. Publishes `draft` if it is the
    /// commit.
    pub(super) fn publish_drafted(
        &self,
        _: &Turn<'_>,
        mut change: Change,
        mut names: Vec<StorePath>,
        mut draft: Option<Draft>,
        mut rebase: impl FnMut(&mut Cache, &mut Change) -> Result<()>,
    ) -> Result<Arc<Commit>> {
        let mut id = stamp::attempt_id();
        let mut attempt = 0;
        // Attempts at the current number after which no file was there. A race lost resets it: that is not a fault
        // of storage.
        let mut absent = 0;
        // The error of a put of unknown outcome that no read-back has resolved yet.
        let mut unclear: Option<StoreError> = None;
        let mut number = self.rebased(&mut change, self.raced.load(Ordering::Relaxed), &mut rebase)?;
        self.raced.store(false, Ordering::Relaxed);
        loop {
            if number.next() == number {
                return Err(self.log_is_full(number));
            }
            let fits = |draft: &Draft| draft.commit.number == number && draft.commit.change == change;
            let (commit, ready) = if let Some(draft) = draft.take().filter(fits) {
                id.clone_from(&draft.commit.id);
                self.sync_before(number, &names)?;
                (draft.commit, draft.ready)
            } else {
                let created_at = stamp::now();
                change.date(created_at);
                let commit = Commit { number, id: id.clone(), created_at, change };
                match self.prepare(&commit, &names)? {
                    Ok(ready) => (commit, ready),
                    Err(error) => return Err(self.not_put(&commit, error, unclear)),
                }
            };
            names.clear();
            let outcome = match self.log.store.publish(ready) {
                Ok(PutOutcome::Stored(_)) => Outcome::Ours,
                // Taken, perhaps by an earlier put of ours whose reply was lost: its id tells.
                Ok(PutOutcome::Refused) => self.whose(number, &id, unclear.take())?,
                Err(error) if error.is_unknown() => self.whose(number, &id, Some(error))?,
                Err(error) => return Err(self.not_put(&commit, error, unclear)),
            };
            match outcome {
                // Guard: the base is read after the put. A void commit must not be acknowledged.
                Outcome::Ours if !self.stands(&commit)? => {
                    self.remove_void(number);
                    absent = 0;
                    backoff::wait(attempt);
                    change = commit.change;
                    number = self.rebased(&mut change, true, &mut rebase)?;
                    id = stamp::attempt_id();
                }
                Outcome::Ours => {
                    self.queue.published(number);
                    self.note(&commit);
                    return Ok(Arc::new(commit));
                }
                Outcome::Theirs => {
                    self.raced.store(true, Ordering::Relaxed);
                    absent = 0;
                    backoff::wait(attempt);
                    change = commit.change;
                    number = self.rebased(&mut change, true, &mut rebase)?;
                }
                Outcome::Absent(error) => {
                    if absent >= UNCLEAR_TRIES {
                        return Err(match error {
                            Some(error) => self.unknown(number, &id, error),
                            None => self.contradiction(number),
                        });
                    }
                    absent += 1;
                    backoff::wait(attempt);
                    change = commit.change;
                    unclear = error;
                }
            }
            attempt += 1;
        }
    }

    /// The error for a commit that was not put, unless an earlier put of it, which failed with `unclear`, took effect.
    fn not_put(&self, commit: &Commit, error: StoreError, unclear: Option<StoreError>) -> Error {
        match unclear {
            Some(earlier) => self.unknown(commit.number, &commit.id, earlier),
            None => self.log.write_failed(error),
        }
    }

    /// Makes durable what must be durable before commit `number` is published: `names`, and every earlier commit (guards
    /// of invariants 1 and 2).
    fn sync_before(&self, number: CommitNumber, names: &[StorePath]) -> Result<()> {
        self.checkpointer.sync_log(number.previous())?;
        self.log.store.sync(names).map_err(|error| self.log.write_failed(error))
    }

    /// Writes the file of `commit` under a temporary name, and meanwhile does [`sync_before`](Self::sync_before).
    fn prepare(
        &self,
        commit: &Commit,
        names: &[StorePath],
    ) -> Result<std::result::Result<PreparedPut, StoreError>> {
        let bytes = file::encode(commit).map_err(|error| encoding_failed(&error))?;
        let prepare = || self.log.store.prepare(&self.log.paths.commit(commit.number), &bytes);
        if names.is_empty() && self.log.cache().durable >= commit.number.previous() {
            return Ok(prepare());
        }
        let (synced, prepared) = parallel::both(|| self.sync_before(commit.number, names), prepare);
        synced.map(|()| prepared)
    }

    /// Rebases `change` onto the cached head, after a refresh if one is asked for, nothing is cached, or another handle
    /// of this process has published since; returns the number after that head.
    fn rebased(
        &self,
        change: &mut Change,
        refresh: bool,
        rebase: &mut impl FnMut(&mut Cache, &mut Change) -> Result<()>,
    ) -> Result<CommitNumber> {
        let mut cache = self.log.cache();
        if refresh || cache.head.is_none_or(|head| head < self.queue.newest()) {
            self.log.refresh(&mut cache)?;
        }
        rebase(&mut cache, change)?;
        self.refuse_vacuumed(&cache, change)?;
        Ok(cache.head().next())
    }

    /// Includes a commit that was just published, by this handle or for it, in the cached state.
    pub(super) fn note(&self, commit: &Commit) {
        let mut cache = self.log.cache();
        // A reader of this handle may have read the commit already, or have dropped what it had read before.
        if cache.head == Some(commit.number.previous()) && cache.apply(commit).is_err() {
            // `rebase` has checked it, and it is published: the cached state must be wrong.
            *cache = Cache::default();
        }
        cache.durable = cache.durable.max(commit.number);
        cache.ours.extend(commit.change.tables.keys());
        drop(cache);
        if let Some(watcher) = self.watcher.get() {
            watcher.committed(commit);
        }
    }

    /// Refuses a change that adds a part whose removal a vacuum has announced: the file is removed, or is about to
    /// be (invariant 7). Guard: this is checked again after each race lost.
    fn refuse_vacuumed(&self, cache: &Cache, change: &Change) -> Result<()> {
        let states = change.tables.keys().filter_map(|table| cache.state(*table));
        states.into_iter().try_for_each(|state| {
            let change = change.tables.get(&state.table);
            self.refuse_vacuumed_in(state, change.map_or(&[], |change| &change.add))
        })
    }

    /// The same for the parts `added` to one table.
    pub(super) fn refuse_vacuumed_in(&self, state: &TableState, added: &[(BucketId, Part)]) -> Result<()> {
        let table = state.table;
        let Some((bucket, part)) = added.iter().find(|(bucket, part)| state.was_vacuumed(*bucket, part.id))
        else {
            return Ok(());
        };
        let path = self.log.store.locate(&self.log.paths.part(table, *bucket, part.id));
        let text = format!(
            "{}: part `{path}` waited so long for its commit that a vacuum removed it",
            self.log.name(table)
        );
        Err(Error::new(ErrorKind::Conflict, text).with_hint("nothing was committed; try the same again"))
    }

    /// The error for a head that leaves no number: a document or a file name with such a number is not genuine.
    fn log_is_full(&self, number: CommitNumber) -> Error {
        let path = self.log.store.locate(&self.log.paths.commits());
        Error::new(
            ErrorKind::Write,
            format!("run `{}`: no commit can have the number {number}", self.log.paths.run()),
        )
        .with_hint(format!(
            "look in or beside `{path}` for a commit file or a manifest that does not belong to this run"
        ))
    }
}
