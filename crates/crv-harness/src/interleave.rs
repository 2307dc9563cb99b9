//! Two processes: every step of one is interrupted by the other, at every call in turn.

use std::path::{Path, PathBuf};

use crv_core::tables::TableId;
use crv_io::simulation;
use crv_io::store::files::FileSystem as _;
use fastrand::Rng;

use crate::broken::Broken;
use crate::judge;
use crate::machine::{Machine, ROOT, RUN};
use crate::model::tables;
use crate::plant::Bug;
use crate::workload::{Processes, Step, Turn};

/// Crash states that are judged for each interleaving.
const STATES: usize = 4;

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls at which a process was interrupted by the other.
    pub interleavings: u64,
    /// Crash states that were judged in them.
    pub states: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.interleavings += other.interleavings;
        self.states += other.states;
    }
}

fn write(tick: i64) -> Step {
    Step::Write(tables().to_vec(), vec![tick])
}

/// The steps that are interrupted.
fn steps() -> Vec<Step> {
    vec![
        write(3),
        Step::Write(vec![TableId::EXCHANGE], vec![9]),
        Step::Gather(tables().to_vec(), vec![3, 4]),
        Step::Tear(3),
        Step::Close,
        Step::Prune,
        Step::Rebuild(TableId::HOLDINGS),
        Step::Compact(TableId::EXCHANGE),
        Step::Vacuum,
        Step::Truncate(0),
        Step::Checkpoint(3),
    ]
}

/// The steps of the other process.
fn others() -> Vec<Vec<Step>> {
    vec![
        vec![write(4)],
        vec![write(4), Step::Close],
        vec![Step::Write(vec![TableId::HOLDINGS], vec![6]), Step::Reopen],
        vec![Step::Prune],
        // A writer whose number was pruned then cannot publish another commit.
        vec![Step::Prune, Step::FillDisk],
        vec![write(4), write(5), Step::Prune, Step::FillDisk],
        vec![write(4), write(5), Step::Prune],
        vec![Step::Rebuild(TableId::HOLDINGS)],
        vec![Step::Compact(TableId::EXCHANGE), write(4)],
        vec![Step::Vacuum],
        vec![Step::Checkpoint(4), Step::Truncate(0), Step::Vacuum],
        // The interrupted writer's parts may be merged, and its commit pruned, before it reads the commit back.
        vec![write(1), Step::Compact(TableId::EXCHANGE), Step::Prune, Step::Vacuum],
    ]
}

/// Interrupts each of a few steps at every call, by each of a few sequences of steps.
pub fn run(seed: u64, bug: Option<Bug>) -> Result<Tally, Broken> {
    let mut tally = Tally::default();
    for step in steps() {
        for other in others() {
            tally += at_every_call(&step, &other, true, seed, bug)?;
        }
        // On a run without commits.
        tally += at_every_call(&step, &[write(0)], false, seed, bug)?;
    }
    Ok(tally)
}

fn at_every_call(
    step: &Step,
    other: &[Step],
    is_begun: bool,
    seed: u64,
    bug: Option<Bug>,
) -> Result<Tally, Broken> {
    let mut tally = Tally::default();
    for calls in 0.. {
        let turn = Turn { process: 0, step: step.clone(), between: Some((calls, other.to_vec())) };
        let one = simulation::run(seed, || one(&turn, is_begun, bug, seed));
        match one.map_err(|why| Broken::new("two processes", seed, format!("{turn}: {why}")))? {
            None => break,
            Some(states) => tally += Tally { interleavings: 1, states },
        }
    }
    Ok(tally)
}

/// The directories from the top down to that of a table.
fn directories(table: &str) -> Vec<PathBuf> {
    let dir = Path::new(ROOT).join("runs").join(RUN).join("tables").join(table);
    let mut dirs: Vec<PathBuf> = dir.ancestors().map(Path::to_owned).collect();
    dirs.reverse();
    dirs
}

/// Runs one interleaving. Returns `None` if the turn ended before the other process acted.
fn one(turn: &Turn, is_begun: bool, bug: Option<Bug>, seed: u64) -> Result<Option<u64>, String> {
    let mut random = Rng::with_seed(seed);
    let machine = Machine::new(bug, random.choice([None, Some(1), Some(4)]).flatten());
    if !is_begun {
        // As a process leaves it that was killed in its first append: with directories and nothing else.
        for dir in tables().iter().flat_map(|table| directories(table.as_str())) {
            let _there = machine.sim.create_dir(&dir);
        }
    }
    let processes = Processes::start(&machine)?;
    let plain = |process, step| Turn { process, step, between: None };
    for (process, tick) in [(0, 0), (1, 1), (0, 1)].into_iter().filter(|_| is_begun) {
        processes.take(&plain(process, write(tick)))?;
    }
    machine.sim.remember();
    // Outcomes from before the recording of disks hold from the first disk on.
    let told = machine.model().stopped_at(usize::MAX - 1);
    *machine.model() = told;
    if !processes.take(turn)? {
        return Ok(None);
    }
    let moment = machine.moment();
    for process in [0, 1] {
        processes.take(&plain(process, Step::Read))?;
        processes.take(&plain(process, write(2)))?;
    }
    machine.look(&machine.open()?, false)?;
    drop(processes);
    let history = machine.sim.history();
    judge::manifests_go_forward(&history)?;
    for _ in 0..STATES {
        let at = random.usize(..=moment);
        for left in history.get(at).into_iter().flat_map(|disk| disk.crashes(1, &mut random)) {
            judge::survives(&machine, left, at).map_err(|why| format!("crash after call {at}: {why}"))?;
        }
    }
    Ok(Some(STATES as u64))
}
