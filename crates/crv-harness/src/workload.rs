//! What processes do to a run: steps that are drawn from a seed, some interrupted by the other process.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crv_core::tables::TableId;
use crv_io::{AppendOptions, CompactOptions, Dataset, ErrorKind, VacuumOptions};
use fastrand::Rng;

use crate::disk::fault::{Fault, Lasts, Plan};
use crate::machine::{Machine, ready};
use crate::model::{Row, tables};
use crate::rows;
use crate::torn::Torn;

/// Options of a vacuum that removes every file that is not needed now.
pub const NOW: VacuumOptions = VacuumOptions { older_than: Duration::ZERO, dry_run: false };

/// How many states of the simulation are kept.
const KEEP: NonZeroU64 = NonZeroU64::MIN.saturating_add(1);

/// A step of a process.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Appends rows of these ticks to these tables, as one transaction.
    Write(Vec<TableId>, Vec<i64>),
    /// The same through a buffered writer, with a commit for each bucket.
    Gather(Vec<TableId>, Vec<i64>),
    /// Appends rows of these ticks to these tables, several transactions as one commit.
    Together(Vec<(Vec<TableId>, Vec<i64>)>),
    /// Writes a tick through a buffered writer whose bound tears it, and writes it again after a failure.
    Tear(i64),
    /// Begins a transaction and aborts it.
    Abort(TableId),
    /// Closes the handle, which writes manifests.
    Close,
    /// Opens the run again.
    Reopen,
    /// Reads every table.
    Read,
    /// Prunes every commit file that may be pruned.
    Prune,
    /// Rebuilds the manifest of a table.
    Rebuild(TableId),
    /// Merges the parts of a table.
    Compact(TableId),
    /// Declares that many further columns of the table that is not canonical.
    Grow(usize),
    /// Removes the rows beyond this tick.
    Truncate(i64),
    /// Writes a row of this tick, and the state of the simulation with it. Two states are kept.
    Checkpoint(i64),
    /// Removes every file that no table needs.
    Vacuum,
    /// Another implementation writes back the manifest of a table that it read the last time, without our keys.
    PutBack(TableId),
    /// Fills the disk until the turn ends. Failures that it causes are excused.
    FillDisk,
}

/// The step of a process, and the steps of the other in the middle of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Which process: 0 or 1.
    pub process: usize,
    /// What it does.
    pub step: Step,
    /// The number of calls after which the other process interrupts it, and the steps that the other takes.
    pub between: Option<(u64, Vec<Step>)>,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} does {:?}", self.process, self.step)?;
        match &self.between {
            Some((calls, steps)) => write!(f, ", interrupted after {calls} calls by {steps:?}"),
            None => Ok(()),
        }
    }
}

/// Draws `count` turns. The first writes the first tick of the run.
pub fn draw(count: usize, random: &mut Rng) -> Vec<Turn> {
    let mut tick = 0;
    let mut turns = vec![Turn { process: 0, step: write(&mut tick, random), between: None }];
    while turns.len() < count {
        let step = draw_step(&mut tick, random);
        // Scans read on several threads, whose calls have no fixed order.
        let between = (random.u8(..3) == 0 && step != Step::Read).then(|| {
            (random.u64(..60), (0..random.u8(1..4)).map(|_| draw_step(&mut tick, random)).collect())
        });
        turns.push(Turn { process: random.usize(..2), step, between });
    }
    turns
}

fn write(tick: &mut i64, random: &mut Rng) -> Step {
    let count = random.usize(1..=tables().len());
    let mut tables = tables().to_vec();
    random.shuffle(&mut tables);
    tables.truncate(count);
    *tick += random.i64(0..3);
    let last = *tick + random.i64(0..3);
    let ticks = (*tick..=last).collect();
    match random.u8(..8) {
        0 | 1 => Step::Gather(tables, ticks),
        2 => Step::Tear(*tick),
        3 | 4 => {
            let first = tables.first().copied().unwrap_or(TableId::HOLDINGS);
            Step::Together(vec![
                (tables, ticks),
                (vec![first], vec![*tick]),
                (vec![TableId::EXCHANGE], vec![last]),
            ])
        }
        _ => Step::Write(tables, ticks),
    }
}

fn draw_step(tick: &mut i64, random: &mut Rng) -> Step {
    let table = random.choice(tables()).unwrap_or(TableId::HOLDINGS);
    // Checkpoints are merged and rebuilt, too.
    let any = if random.u8(..4) == 0 { TableId::MODEL_STATE } else { table };
    match random.u8(..24) {
        0 => Step::Abort(table),
        1 | 2 => Step::Close,
        3 | 4 => Step::Reopen,
        5 => Step::Read,
        6 | 7 => Step::Prune,
        8 => Step::Rebuild(any),
        9 | 10 => Step::Compact(any),
        11 => Step::Vacuum,
        12 => Step::PutBack(table),
        14 => Step::Truncate((*tick - random.i64(0..4)).max(-1)),
        13 => Step::Grow(random.usize(0..=rows::GROWTH.len())),
        15 | 16 => Step::Checkpoint(*tick),
        _ => write(tick, random),
    }
}

/// Two processes on one machine.
#[derive(Debug, Clone)]
pub struct Processes {
    machine: Machine,
    handles: Arc<Mutex<[Dataset; 2]>>,
}

impl Processes {
    /// Opens the run in both processes.
    pub fn start(machine: &Machine) -> Result<Self, String> {
        let handles = [machine.open()?, machine.open()?];
        Ok(Self { machine: machine.clone(), handles: Arc::new(Mutex::new(handles)) })
    }

    /// Takes a turn. Returns whether the other process acted in between; an error if a step failed that should have
    /// succeeded.
    pub fn take(&self, turn: &Turn) -> Result<bool, String> {
        let failed = Arc::new(Mutex::new(None));
        if let Some((calls, steps)) = &turn.between {
            let (other, steps, failed) = (self.clone(), steps.clone(), Arc::clone(&failed));
            let process = 1 - turn.process;
            self.machine.sim.interrupt(*calls, move || {
                if let Err(why) = steps.iter().try_for_each(|step| other.step(process, step)) {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                }
            });
        }
        let result = self.step(turn.process, &turn.step);
        let waits_still = self.machine.sim.uninterrupt();
        let was_full = !self.machine.sim.mend().is_empty();
        match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(why) => Err(why),
            None => result
                .or_else(|why| if was_full { Ok(()) } else { Err(why) })
                .map(|()| turn.between.is_some() && !waits_still),
        }
    }

    fn handle(&self, process: usize) -> Dataset {
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let [first, second] = &*handles;
        if process == 0 { first.clone() } else { second.clone() }
    }

    fn step(&self, process: usize, step: &Step) -> Result<(), String> {
        let dataset = self.handle(process);
        let told = |error: crv_io::Error| format!("{step:?} failed: {error}");
        match step {
            Step::Write(tables, ticks) => {
                unless(self.machine.write(&dataset, tables, ticks), &[ErrorKind::Conflict]).map_err(told)
            }
            Step::Together(groups) => {
                unless(self.machine.together(&dataset, groups), &[ErrorKind::Conflict]).map_err(told)
            }
            Step::Gather(tables, ticks) => {
                unless(self.machine.gather(&dataset, tables, ticks), &[ErrorKind::Conflict]).map_err(told)
            }
            Step::Tear(tick) => {
                let mut torn = Torn::begin(&self.machine, &dataset, *tick).map_err(told)?;
                let done = torn.go_on(&self.machine).or_else(|error| match error.kind() {
                    ErrorKind::Write | ErrorKind::UnknownOutcome => torn.go_on(&self.machine),
                    _ => Err(error),
                });
                unless(done, &[ErrorKind::Conflict]).map_err(told)
            }
            Step::Abort(table) => {
                let wanted = BTreeMap::from([(*table, Vec::new())]);
                ready(&dataset, &wanted).map_err(told)?;
                let frame =
                    rows::frame(*table, &[Row { tick: 0, id: -1 }]).map_err(|error| error.to_string())?;
                let mut transaction = dataset.transaction();
                transaction.append(*table, frame, AppendOptions::default()).map_err(told)?;
                transaction.abort();
                Ok(())
            }
            Step::Close => dataset.close().map_err(told),
            Step::Reopen => {
                let fresh = self.machine.open()?;
                let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
                // The old handle is dropped after the lock is released: its drop writes manifests.
                let _old = handles.get_mut(process).map(|handle| std::mem::replace(handle, fresh));
                drop(handles);
                Ok(())
            }
            Step::Read => self.machine.look(&dataset, false),
            Step::FillDisk => {
                self.machine.sim.plan(Plan::new(Fault::Full, Lasts::UntilMended, 0));
                Ok(())
            }
            Step::Prune => unless(dataset.prune(Duration::ZERO), &[ErrorKind::Conflict]).map_err(told),
            Step::Compact(table) => {
                let merged = dataset.compact(*table, CompactOptions::default());
                unless(merged, &[ErrorKind::Conflict, ErrorKind::NotFound]).map_err(told)
            }
            Step::Truncate(after) => {
                unless(self.machine.truncate(&dataset, *after), &[ErrorKind::Conflict]).map_err(told)
            }
            Step::Checkpoint(tick) => {
                unless(self.machine.checkpoint(&dataset, *tick, KEEP), &[ErrorKind::Conflict]).map_err(told)
            }
            Step::Grow(more) => self.machine.grow(&dataset, *more).map_err(told),
            Step::PutBack(table) => self.machine.put_back(&dataset, *table),
            Step::Vacuum => unless(dataset.vacuum(NOW), &[ErrorKind::NotFound]).map_err(told),
            Step::Rebuild(table) => {
                unless(dataset.rebuild_manifest(*table), &[ErrorKind::Conflict, ErrorKind::NotFound])
                    .map_err(told)
            }
        }
    }
}

/// Ignores errors of the `excused` kinds: parts look old here, so that a vacuum may remove one before its commit, the
/// interrupted process may hold the lock of a manifest, and a table may not have been written yet.
fn unless<T>(outcome: Result<T, crv_io::Error>, excused: &[ErrorKind]) -> Result<(), crv_io::Error> {
    match outcome {
        Err(error) if !excused.contains(&error.kind()) => Err(error),
        _ => Ok(()),
    }
}
