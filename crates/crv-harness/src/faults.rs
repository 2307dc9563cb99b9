//! Fault loops: each call of an operation fails in turn, with each kind of fault, once or until the fault is removed.
//!
//! What must hold: the operation succeeds, or the caller gets an error of a fitting kind; acknowledged rows stay, and
//! a failed operation has no effect; no file is left behind that could have been removed; the same handle works
//! again when the fault is gone; and a crash right after loses nothing.

use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use crv_core::tables::TableId;
use crv_io::store::files::FileSystem as _;
use crv_io::{CompactOptions, Dataset, Error, ErrorKind, GarbageKind, VacuumOptions, simulation};
use fastrand::Rng;

use crate::broken::Broken;
use crate::disk::fault::{Fault, Lasts, Plan};
use crate::disk::{Call, Disk, Sim};
use crate::machine::{Machine, ROOT};
use crate::model::tables;
use crate::plant::Bug;
use crate::torn::Torn;
use crate::workload::NOW;

/// An operation that is tried with faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The first append of a run: directories, manifests and all.
    First,
    /// An append to one table, by a handle that knows the run.
    Append,
    /// A transaction over all tables, into two buckets.
    Transaction,
    /// A buffered writer that flushes once for each of two buckets.
    Gather,
    /// A tick that is torn by the bound of a buffered writer.
    Tear,
    /// An append by a handle that has just been opened.
    AppendAnew,
    /// Reading every table.
    Read,
    /// Closing a handle: manifests are written.
    Close,
    /// Pruning the log.
    Prune,
    /// Rebuilding a manifest.
    Rebuild,
    /// Declaring a further column.
    Grow,
    /// Removing the rows beyond a tick, which some parts have on both sides.
    Truncate,
    /// Writing the state of the simulation twice, where one is kept.
    Checkpoint,
    /// Merging the parts of a table.
    Compact,
    /// Removing what no table needs: parts that were merged, and an orphan.
    Vacuum,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 15] = [
        Self::First,
        Self::Append,
        Self::Transaction,
        Self::Gather,
        Self::Tear,
        Self::AppendAnew,
        Self::Read,
        Self::Close,
        Self::Prune,
        Self::Rebuild,
        Self::Grow,
        Self::Truncate,
        Self::Checkpoint,
        Self::Compact,
        Self::Vacuum,
    ];

    fn needs_run(self) -> bool {
        self != Self::First
    }

    /// Runs the operation, and records what it writes in the model of `machine`.
    /// A torn tick, which can be continued when the fault is gone, is left in `torn`.
    fn run(self, machine: &Machine, dataset: &Dataset, torn: &mut Option<Torn>) -> Result<(), Error> {
        match self {
            Self::First | Self::Transaction => machine.write(dataset, &tables(), &[3, 4]),
            Self::Gather => machine.gather(dataset, &tables(), &[3, 4]),
            Self::Tear => torn.insert(Torn::begin(machine, dataset, 3)?).go_on(machine),
            Self::Append | Self::AppendAnew => machine.write(dataset, &[TableId::EXCHANGE], &[3]),
            Self::Read => machine.look(dataset, false).map_err(|why| Error::new(ErrorKind::Read, why)),
            Self::Close => dataset.close(),
            Self::Prune => dataset.prune(Duration::ZERO).map(drop),
            Self::Rebuild => dataset.rebuild_manifest(TableId::HOLDINGS).map(drop),
            Self::Grow => machine.grow(dataset, 1),
            Self::Truncate => machine.truncate(dataset, 0),
            Self::Checkpoint => {
                machine.checkpoint(dataset, 3, NonZeroU64::MIN)?;
                machine.checkpoint(dataset, 4, NonZeroU64::MIN)
            }
            Self::Compact => dataset.compact(TableId::EXCHANGE, CompactOptions::default()).map(drop),
            Self::Vacuum => dataset.vacuum(NOW).map(drop),
        }
    }

    /// Returns whether a fault may make the operation fail with this kind of error.
    fn may_fail_with(self, kind: ErrorKind) -> bool {
        match self {
            Self::First
            | Self::Append
            | Self::Transaction
            | Self::Gather
            | Self::Tear
            | Self::AppendAnew
            | Self::Grow
            | Self::Truncate
            | Self::Checkpoint => {
                matches!(kind, ErrorKind::Write | ErrorKind::UnknownOutcome)
            }
            Self::Read => kind == ErrorKind::Read,
            Self::Close | Self::Prune | Self::Rebuild | Self::Compact | Self::Vacuum => {
                matches!(kind, ErrorKind::Write | ErrorKind::Read | ErrorKind::UnknownOutcome)
            }
        }
    }
}

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Faults that were injected.
    pub faults: u64,
    /// How many of them the operation reported to its caller.
    pub told: u64,
    /// How many of them it tolerated: it succeeded.
    pub overcome: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.faults += other.faults;
        self.told += other.told;
        self.overcome += other.overcome;
    }
}

/// Makes every call of `operation` fail in turn.
pub fn run(operation: Operation, seed: u64, bug: Option<Bug>) -> Result<Tally, Broken> {
    let mut tally = Tally::default();
    for fault in Fault::ALL {
        for lasts in [Lasts::Once, Lasts::UntilMended] {
            for skip in 0.. {
                let case = Case { operation, fault, lasts, skip };
                let told = simulation::run(seed, || case.run(bug, seed));
                let why = |why| {
                    Broken::new(
                        "fault loops",
                        seed,
                        format!("{operation:?}, {fault:?} {lasts:?} at {skip}: {why}"),
                    )
                };
                match told.map_err(why)? {
                    None => break,
                    Some(told) => {
                        tally.faults += 1;
                        tally.told += u64::from(told);
                        tally.overcome += u64::from(!told);
                    }
                }
            }
        }
    }
    Ok(tally)
}

struct Case {
    operation: Operation,
    fault: Fault,
    lasts: Lasts,
    skip: u64,
}

impl Case {
    /// Returns `None` if the operation ended before the fault; else whether it returned an error.
    fn run(self, bug: Option<Bug>, seed: u64) -> Result<Option<bool>, String> {
        let Self { operation, fault, lasts, skip } = self;
        let every_n = match operation {
            // No checkpoint before it, so that it has manifests to write.
            Operation::Close => Some(1_000),
            _ => Rng::with_seed(seed).choice([None, Some(1), Some(2)]).flatten(),
        };
        let machine = Machine::new(bug, every_n);
        let mut dataset = machine.open()?;
        if operation.needs_run() {
            prepare(&machine, &dataset).map_err(|error| error.to_string())?;
        }
        if operation == Operation::Vacuum {
            leave_garbage(&machine.sim, &dataset)?;
        }
        if operation == Operation::AppendAnew {
            drop(dataset);
            dataset = machine.open()?;
        }
        machine.sim.plan(Plan::new(fault, lasts, skip));
        let mut torn = None;
        let outcome = operation.run(&machine, &dataset, &mut torn);
        let failed = machine.sim.mend();
        if failed.is_empty() {
            outcome.map_err(|error| format!("it failed without a fault: {error}"))?;
            return Ok(None);
        }
        if let Err(error) = &outcome
            && !operation.may_fail_with(error.kind())
        {
            return Err(format!("unexpected kind of error, {:?}: {error}", error.kind()));
        }
        let unknown = outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::UnknownOutcome);
        // The crash keeps only what was synced, and is made before the reads: a commit of unknown outcome that they see
        // may be lost by it.
        let crashed = machine.after(machine.sim.disk().only_durable(), 0);
        machine.look(&machine.open()?, true).map_err(|why| format!("for another handle: {why}"))?;
        machine.look(&dataset, false).map_err(|why| format!("for the same handle: {why}"))?;
        if failed.iter().any(|(call, path)| is_excused(*call, path, fault)) {
            return Ok(Some(outcome.is_err()));
        }
        let told = |why| format!("after the fault at {:?} and a crash: {why}", failed.first());
        crashed.look(&crashed.open()?, true).map_err(told)?;
        // A file may stay that could not be removed, or whose commit may have taken effect.
        let removable = lasts == Lasts::Once && !failed.iter().any(|(call, _)| *call == Call::Unlink);
        if removable {
            no_temps(&machine.sim.disk())?;
        }
        match operation {
            // The next vacuum removes what this one did not.
            Operation::Vacuum => nothing_left(&dataset)?,
            _ if removable && !unknown => no_orphans(&dataset)?,
            _ => {}
        }
        let again = |error: Error| format!("the fault is gone, and the same handle still fails: {error}");
        if let (Some(torn), Err(_)) = (&mut torn, &outcome) {
            torn.go_on(&machine).map_err(again)?;
        }
        machine.write(&dataset, &tables(), &[5]).map_err(again)?;
        machine.look(&dataset, false).map_err(|why| format!("after an append: {why}"))?;
        let crashed = machine.after(machine.sim.disk().only_durable(), 0);
        crashed.look(&crashed.open()?, true).map_err(|why| format!("after an append and a crash: {why}"))?;
        dataset.close().map_err(again)?;
        Ok(Some(outcome.is_err()))
    }
}

/// Returns whether the call synced a directory above the root that the store may not open. Such a directory is not
/// the store's, and the store does not promise that it is durable.
fn is_excused(call: Call, path: &Path, fault: Fault) -> bool {
    call == Call::SyncDir
        && fault == Fault::Denied
        && Path::new(ROOT).ancestors().skip(1).any(|dir| dir == path)
}

/// Creates a run with some commits, and reads it with the handle that is going to fail.
fn prepare(machine: &Machine, dataset: &Dataset) -> Result<(), Error> {
    machine.write(dataset, &tables(), &[0, 1])?;
    machine.write(dataset, &[TableId::HOLDINGS], &[1])?;
    // Another process appends.
    let other = machine.open().map_err(|why| Error::new(ErrorKind::Config, why))?;
    machine.write(&other, &[TableId::EXCHANGE], &[2])?;
    machine.look(dataset, false).map_err(|why| Error::new(ErrorKind::Read, why))
}

fn no_temps(disk: &Disk) -> Result<(), String> {
    match disk.files().keys().find(|path| path.ends_with(".tmp")) {
        Some(path) => Err(format!("`{path}` is left behind")),
        None => Ok(()),
    }
}

/// Checks that there is no orphan: every part is live, or was merged.
fn no_orphans(dataset: &Dataset) -> Result<(), String> {
    let report = dataset.vacuum(VacuumOptions { dry_run: true, ..NOW }).map_err(|error| error.to_string())?;
    match report.removed.into_iter().find(|garbage| garbage.kind == GarbageKind::OrphanPart) {
        Some(garbage) => Err(format!("`{}` is left behind, and no table names it", garbage.path)),
        None => Ok(()),
    }
}

/// Leaves parts that were merged, and an orphan.
fn leave_garbage(sim: &Sim, dataset: &Dataset) -> Result<(), String> {
    let failed = |error: Error| error.to_string();
    let mut live = dataset.files(TableId::EXCHANGE).map_err(failed)?;
    let part = live.pop().ok_or("there is no part")?.path;
    let bytes = sim.disk().read(&part).map(<[u8]>::to_vec).ok_or("the part is not there")?;
    dataset.compact(TableId::EXCHANGE, CompactOptions::default()).map_err(failed)?;
    let orphan = Path::new(&part).with_file_name(format!("part-{:032x}.parquet", 0xaa));
    let mut file = sim.create_new(&orphan).map_err(|error| error.to_string())?;
    file.write_all(&bytes).map_err(|error| error.to_string())
}

/// Checks that a vacuum leaves nothing to remove.
fn nothing_left(dataset: &Dataset) -> Result<(), String> {
    dataset.vacuum(NOW).map_err(|error| format!("the fault is gone, and a vacuum still fails: {error}"))?;
    let report = dataset.vacuum(VacuumOptions { dry_run: true, ..NOW }).map_err(|error| error.to_string())?;
    match report.removed.first() {
        Some(garbage) => Err(format!("`{}` is left behind by a vacuum", garbage.path)),
        None => Ok(()),
    }
}

/// Makes storage fail for 40 ms: retries with backoff last longer.
pub fn outage(seed: u64, bug: Option<Bug>) -> Result<Tally, Broken> {
    let broken = |why: String| Broken::new("outage", seed, why);
    simulation::run_with(seed, bug == Some(Bug::NoBackoff), || {
        let machine = Machine::new(bug, None);
        let dataset = machine.open().map_err(broken)?;
        prepare(&machine, &dataset).map_err(|error| broken(error.to_string()))?;
        machine.sim.plan(Plan::new(Fault::Device, Lasts::For(40_000), 0).only(Call::Link));
        let outcome = machine.write(&dataset, &tables(), &[3]);
        let faults = machine.sim.mend().len() as u64;
        outcome.map_err(|error| broken(format!("an outage of 40 ms made an append fail: {error}")))?;
        machine.look(&dataset, false).map_err(broken)?;
        Ok(Tally { faults, told: 0, overcome: faults })
    })
}
