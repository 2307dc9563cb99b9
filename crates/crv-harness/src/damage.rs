//! Damage: flipped bits and files that are cut, emptied, zeroed or lost, and what check and repair do then.

use std::time::Duration;

use crv_io::{CheckOptions, Dataset, simulation};
use fastrand::Rng;

use crate::broken::Broken;
use crate::disk::Disk;
use crate::machine::Machine;
use crate::model::{Told, tables};
use crate::plant::Bug;

/// How often a file of one run is damaged, one at a time.
const PIECES: usize = 120;

/// A kind of damage to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// One bit is flipped.
    Flip,
    /// The end is cut off.
    Cut,
    /// The file is empty.
    Empty,
    /// The end is zeroed.
    Zeros,
    /// The file is removed.
    Lost,
}

/// Every kind of damage.
const HARMS: [Harm; 5] = [Harm::Flip, Harm::Cut, Harm::Empty, Harm::Zeros, Harm::Lost];

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files that were damaged, one at a time.
    pub pieces: u64,
    /// How many of them a check detected. The others were not needed, and no row was lost.
    pub noticed: u64,
    /// How many of them a repair corrected, so that a check finds nothing more.
    pub mended: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.pieces += other.pieces;
        self.noticed += other.noticed;
        self.mended += other.mended;
    }
}

/// Damages the files of a run, one at a time, and judges what check, repair and reads do then.
pub fn run(seed: u64, bug: Option<Bug>) -> Result<Tally, Broken> {
    simulation::run(seed, || {
        let mut random = Rng::with_seed(seed);
        let broken = |why: String| Broken::new("damage", seed, why);
        let machine = prepare(bug, &mut random).map_err(broken)?;
        let whole = machine.sim.disk().everything();
        let files: Vec<String> = whole.files().into_keys().collect();
        let mut tally = Tally::default();
        for _ in 0..PIECES {
            let Some(path) = random.choice(&files) else { break };
            let harm = random.choice(HARMS).unwrap_or(Harm::Flip);
            let Some(disk) = harm.done_to(&whole, path, &mut random) else { continue };
            let (noticed, mended) = judge(&machine, disk, path, harm)
                .map_err(|why| broken(format!("{harm:?} of `{path}`: {why}")))?;
            tally += Tally { pieces: 1, noticed: noticed.into(), mended: mended.into() };
        }
        Ok(tally)
    })
}

/// Creates a run with commits, checkpoints and, one time in two, a base.
fn prepare(bug: Option<Bug>, random: &mut Rng) -> Result<Machine, String> {
    let machine = Machine::new(bug, random.choice([None, Some(1), Some(100)]).flatten());
    let dataset = machine.open()?;
    let pruned = random.bool();
    for tick in 0..4 {
        machine.write(&dataset, &tables(), &[tick, tick + 2]).map_err(|error| error.to_string())?;
        if tick == 1 && pruned {
            dataset.prune(Duration::ZERO).map_err(|error| error.to_string())?;
        }
    }
    if random.bool() {
        dataset.close().map_err(|error| error.to_string())?;
    }
    // A copy of the disk before the handle is dropped, which writes manifests.
    let copy = machine.after(machine.sim.disk().everything(), usize::MAX - 1);
    Ok(copy)
}

/// Returns whether a check detected the damage, and whether a repair corrected it; an error if check, repair or reads
/// do something wrong.
fn judge(machine: &Machine, disk: Disk, path: &str, harm: Harm) -> Result<(bool, bool), String> {
    let damaged = machine.after(disk, usize::MAX - 1);
    let dataset = damaged.open()?;
    let noticed = !is_well(&dataset)?;
    if !noticed {
        // Damage that a check does not detect must be harmless: to a manifest that is older than the log, or to
        // the file of a commit that no reader needs any more.
        if harm == Harm::Flip {
            return Err("a check did not detect a flipped bit".to_owned());
        }
        if harm == Harm::Lost && is_newest_commit(&machine.sim.disk(), path) {
            // No manifest included it: no trace of it is left.
            forget_newest(&damaged);
        }
        damaged.look(&dataset, false).map_err(|why| format!("a check finds nothing, but {why}"))?;
        return Ok((false, false));
    }
    if !path.ends_with(".parquet") && damaged.look(&dataset, false).is_err() {
        // A read returns every row or an error, never some of the rows.
        readable_or_whole(&damaged, &dataset)?;
    }
    let report = dataset.repair().map_err(|error| format!("repair failed: {error}"))?;
    if report.actions.is_empty() {
        return Ok((true, false));
    }
    let left = report.left.iter().filter(|problem| !problem.harmless).count();
    if left > 0 {
        return Ok((true, false));
    }
    if !is_well(&dataset)? {
        return Err("repair reports that nothing is left, but a check finds a problem".to_owned());
    }
    // The damaged commit was acknowledged here, which cannot happen on storage that honours `fsync`.
    let set_aside =
        report.actions.iter().any(|action| action.kept.is_some() && action.path.contains("_commits"));
    if set_aside {
        forget_newest(&damaged);
    }
    let fresh = damaged.open()?;
    damaged.look(&fresh, true).map_err(|why| format!("after a repair: {why}"))?;
    damaged.write(&fresh, &tables(), &[1]).map_err(|error| format!("after a repair: {error}"))?;
    damaged.look(&damaged.open()?, false).map_err(|why| format!("after a repair and an append: {why}"))?;
    Ok((true, true))
}

fn is_newest_commit(disk: &Disk, path: &str) -> bool {
    let files = disk.files();
    let mut commits = files.keys().filter(|file| file.contains("/_commits/0") && file.ends_with(".json"));
    commits.next_back().is_some_and(|newest| newest == path)
}

/// Gives the newest transaction an unknown outcome.
fn forget_newest(machine: &Machine) {
    if let Some(entry) = machine.model().entries.last_mut() {
        entry.told.1 = Told::Unknown;
    }
}

/// Checks that a read of a table returns every row or an error.
fn readable_or_whole(machine: &Machine, dataset: &Dataset) -> Result<(), String> {
    for table in tables() {
        let Ok(Some(rows)) = crate::rows::read(dataset, table) else { continue };
        let expected =
            machine.model().entries.iter().filter_map(|entry| entry.rows.get(&table)).flatten().count();
        if rows.len() != expected {
            return Err(format!("`{table}` has {} rows of {expected}, and no error", rows.len()));
        }
    }
    Ok(())
}

fn is_well(dataset: &Dataset) -> Result<bool, String> {
    dataset
        .check(CheckOptions { deep: true })
        .map(|report| report.ok)
        .map_err(|error| format!("the check failed: {error}"))
}

impl Harm {
    /// Returns the disk with this damage to a file; `None` if nothing changes.
    fn done_to(self, disk: &Disk, path: &str, random: &mut Rng) -> Option<Disk> {
        let bytes = disk.read(path)?;
        let at = random.usize(..bytes.len().max(1));
        let harmed = match self {
            Self::Flip => {
                let mut harmed = bytes.to_vec();
                *harmed.get_mut(at)? ^= 1 << random.u8(..8);
                Some(harmed)
            }
            Self::Cut => Some(bytes.get(..at)?.to_vec()),
            Self::Empty => Some(Vec::new()),
            Self::Zeros => {
                let mut harmed = bytes.to_vec();
                harmed.get_mut(at..)?.fill(0);
                Some(harmed)
            }
            Self::Lost => None,
        };
        if harmed.as_deref() == Some(bytes) {
            return None;
        }
        let mut disk = disk.clone();
        disk.set(path, harmed);
        Some(disk)
    }
}
