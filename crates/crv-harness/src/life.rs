//! The life of a run: started, written to, ended and removed, with a crash after every call.
//!
//! What must hold: a run that was started has its facts, whole, before any row; one that has ended says so; a removal
//! leaves the run as it was, or nothing of it.

use std::collections::HashSet;

use crv_io::run::{
    IfExists, Outcome, RemoveOptions, RunOptions, RunState, Seed, remove_run_in, start_run_in,
};
use crv_io::{Dataset, ErrorKind, simulation};
use fastrand::Rng;

use crate::broken::Broken;
use crate::disk::Disk;
use crate::judge::is_whole;
use crate::machine::{Machine, RUN};
use crate::model::tables;
use crate::plant::Bug;

/// Crash states of each moment, at most.
const STATES: usize = 16;
/// The seed in the facts of the run.
const SEED: u64 = 7;

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that changed something, after each of which the machine was stopped.
    pub moments: u64,
    /// Distinct crash states that were judged.
    pub states: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.moments += other.moments;
        self.states += other.states;
    }
}

/// The moments at which each step of the run's life was acknowledged.
struct Steps {
    started: usize,
    ended: usize,
    removal_began: usize,
    removed: usize,
}

/// Starts a run, writes to it, ends it and removes it; crashes the machine after every call, and judges what is left.
pub fn run(seed: u64, bug: Option<Bug>) -> Result<Tally, Broken> {
    let lived = simulation::run(seed, || {
        let mut random = Rng::with_seed(seed);
        let machine = Machine::new(bug, random.choice([None, Some(1)]).flatten());
        machine.sim.remember();
        let steps = live(&machine, &mut random)?;
        let history = machine.sim.history();
        let mut tally = Tally { moments: history.len() as u64, ..Tally::default() };
        let mut judged = HashSet::new();
        for (moment, disk) in history.iter().enumerate() {
            for left in disk.crashes(STATES, &mut random) {
                if judged.insert((left.digest(), machine.model().known_at(moment), steps.at(moment))) {
                    tally.states += 1;
                    judge(&machine, &steps, left, moment)
                        .map_err(|why| format!("crash after call {moment}: {why}"))?;
                }
            }
        }
        Ok(tally)
    });
    lived.map_err(|why: String| Broken::new("the life of a run", seed, why))
}

impl Steps {
    /// How many steps were acknowledged at `moment`.
    fn at(&self, moment: usize) -> usize {
        let steps = [self.started, self.ended, self.removal_began, self.removed];
        steps.into_iter().filter(|step| *step <= moment).count()
    }
}

fn options(if_exists: IfExists) -> RunOptions {
    RunOptions {
        run_id: Some(RUN.to_owned()),
        seed: Some(Seed::from(SEED)),
        if_exists,
        ..RunOptions::default()
    }
}

fn live(machine: &Machine, random: &mut Rng) -> Result<Steps, String> {
    let told = |error: crv_io::Error| error.to_string();
    let store = machine.store();
    let settings = machine.settings()?;
    let run = start_run_in(&store, &settings, &options(IfExists::Error)).map_err(told)?;
    let started = machine.moment();
    for tick in 0..random.i64(2..6) {
        machine.write(&run, &tables(), &[tick]).map_err(told)?;
    }
    run.finish(Outcome::Succeeded).map_err(told)?;
    let ended = machine.moment();
    drop(run);
    let removal_began = machine.moment();
    remove_run_in(&store, &settings, RUN, RemoveOptions::default()).map_err(told)?;
    Ok(Steps { started, ended, removal_began, removed: machine.moment() })
}

fn judge(machine: &Machine, steps: &Steps, left: Disk, moment: usize) -> Result<(), String> {
    let after = machine.after(left, moment);
    let dataset = after.open()?;
    let has_facts = match dataset.facts() {
        Ok(Some(facts)) if facts.seed == Some(Seed::from(SEED)) => true,
        Ok(Some(facts)) => return Err(format!("the facts are others: {facts:?}")),
        Ok(None) => false,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(format!("the facts cannot be read: {error}")),
    };
    let may_be_gone = moment > steps.removal_began;
    if !has_facts && steps.started <= moment && !may_be_gone {
        return Err("the facts are lost".to_owned());
    }
    if has_facts && moment >= steps.removed {
        return Err("the run was removed, and its facts are there".to_owned());
    }
    if has_facts {
        after.look(&dataset, true)?;
        is_whole(&dataset)?;
        let status = dataset.status().map_err(|error| format!("the status cannot be read: {error}"))?;
        let state = status.map(|status| status.state);
        if steps.ended <= moment && state != Some(RunState::Succeeded) {
            return Err(format!("the run has ended well, and its state is {state:?}"));
        }
    } else {
        nothing_is_there(&dataset)?;
    }
    go_on(&after, has_facts)
}

/// Checks that nothing of the run is read.
fn nothing_is_there(dataset: &Dataset) -> Result<(), String> {
    match dataset.tables() {
        Ok(tables) if tables.is_empty() => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(tables) => Err(format!("the run has no facts, and tables: {tables:?}")),
        Err(error) => Err(format!("the tables cannot be listed: {error}")),
    }
}

/// Checks that the run can be continued if it is there, begun if it is not, and removed.
fn go_on(after: &Machine, is_there: bool) -> Result<(), String> {
    let told =
        |what: &'static str| move |error: crv_io::Error| format!("{what} after the crash failed: {error}");
    let store = after.store();
    let settings = after.settings()?;
    let if_exists = if is_there { IfExists::Append } else { IfExists::Error };
    let run = start_run_in(&store, &settings, &options(if_exists)).map_err(told("a start"))?;
    if is_there {
        after.write(&run, &tables(), &[9]).map_err(told("an append"))?;
        after.look(&run, false)?;
    }
    run.finish(Outcome::Succeeded).map_err(told("an end"))?;
    drop(run);
    remove_run_in(&store, &settings, RUN, RemoveOptions::default()).map_err(told("a removal"))?;
    nothing_is_there(&after.open()?)?;
    match after.sim.disk().files().keys().next() {
        Some(path) => Err(format!("`{path}` is left by a removal")),
        None => Ok(()),
    }
}
