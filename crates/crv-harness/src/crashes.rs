//! Crashes a simulated machine after every call of a workload, and judges the states that may be left.

use std::collections::HashSet;

use crv_io::simulation;
use fastrand::Rng;

use crate::broken::Broken;
use crate::judge;
use crate::machine::Machine;
use crate::plant::Bug;
use crate::workload::{self, Processes};

/// How much to try.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Turns of a workload.
    pub turns: usize,
    /// Crash states of each moment, at most.
    pub states: usize,
    /// One in this many states is crashed during its recovery too.
    pub recoveries: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { turns: 12, states: 24, recoveries: 16 }
    }
}

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Workloads.
    pub workloads: u64,
    /// Calls that changed something, after each of which the machine was stopped.
    pub moments: u64,
    /// Distinct crash states that were judged.
    pub states: u64,
    /// Those of them that were left by a crash during recovery.
    pub during_recovery: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.workloads += other.workloads;
        self.moments += other.moments;
        self.states += other.states;
        self.during_recovery += other.during_recovery;
    }
}

/// Runs the workload of `seed`, crashes the machine after every call of it, and judges the states that may be left.
pub fn run(seed: u64, bug: Option<Bug>, effort: Effort) -> Result<Tally, Broken> {
    simulation::run(seed, || {
        let mut random = Rng::with_seed(seed);
        let every_n = random.choice([None, None, Some(1), Some(3)]).flatten();
        let machine = Machine::new(bug, every_n).sealing(random.bool());
        machine.sim.remember();
        let turns = workload::draw(effort.turns, &mut random);
        let broken = |why: String| Broken::new("crash states", seed, why);
        let mut done = Vec::new();
        {
            let processes = Processes::start(&machine).map_err(broken)?;
            for turn in &turns {
                processes.take(turn).map_err(|why| broken(format!("{turn}: {why}")))?;
                done.push((machine.moment(), turn.to_string()));
            }
        }
        let history = machine.sim.history();
        judge::manifests_go_forward(&history).map_err(broken)?;
        let mut tally = Tally { workloads: 1, moments: history.len() as u64, ..Tally::default() };
        let mut judged = HashSet::new();
        for (moment, disk) in history.iter().enumerate() {
            let known = machine.model().known_at(moment);
            for left in disk.crashes(effort.states, &mut random) {
                if !judged.insert((left.digest(), known)) {
                    continue;
                }
                tally.states += 1;
                let turn = done.iter().find(|(until, _)| *until > moment).map_or("the end", |(_, turn)| turn);
                let told = |why: String| broken(format!("crash after call {moment}, while {turn}: {why}"));
                let after = judge::survives(&machine, left, moment).map_err(told)?;
                if tally.states.is_multiple_of(effort.recoveries as u64) {
                    let recovered = during_recovery(&after, &mut random);
                    let states = recovered.map_err(|why| told(format!("then, {why}")))?;
                    tally.states += states;
                    tally.during_recovery += states;
                }
            }
        }
        Ok(tally)
    })
}

/// Crashes the machine after every call of its recovery. Returns the number of states that were judged.
fn during_recovery(machine: &Machine, random: &mut Rng) -> Result<u64, String> {
    let mut states = 0;
    let mut seen = HashSet::new();
    for (moment, disk) in machine.sim.history().iter().enumerate() {
        for left in disk.crashes(2, random) {
            if seen.insert((left.digest(), machine.model().known_at(moment))) {
                states += 1;
                judge::survives(machine, left, moment)
                    .map_err(|why| format!("crash after call {moment} of the recovery: {why}"))?;
            }
        }
    }
    Ok(states)
}
