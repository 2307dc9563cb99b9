//! Everything, for as long as one likes: seeds one after the other, on every core.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::broken::Broken;
use crate::faults::Operation;
use crate::plant::Bug;
use crate::process::writers;
use crate::process::{Place, full, kills};
use crate::{crashes, damage, faults, hunt, interleave};

/// How much to try.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The first seed; each piece of work takes the next.
    pub seed: u64,
    /// Crash states, at least.
    pub states: u64,
    /// Processes to kill.
    pub kills: u64,
    /// How long at least; more is tried until then.
    pub time: Duration,
    /// Where to work.
    pub place: Place,
}

/// What was tried, and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Crashes.
    pub crashes: crashes::Tally,
    /// Two processes, call by call.
    pub interleave: interleave::Tally,
    /// Calls that failed.
    pub faults: faults::Tally,
    /// Damaged files.
    pub damage: damage::Tally,
    /// Writers at once.
    pub writers: writers::Tally,
    /// Killed processes.
    pub kills: kills::Tally,
    /// How the disk was filled.
    pub full: Option<full::How>,
    /// Planted bugs, and what found them.
    pub planted: Vec<(Bug, Option<Broken>)>,
    /// What is broken in the store.
    pub broken: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Runs everything until there was enough of each.
pub fn run(plan: &Plan, watch: &(dyn Fn(&Report) + Sync)) -> Report {
    let start = Instant::now();
    let until = start + plan.time;
    let report = Mutex::new(Report::default());
    let told = |work: &dyn Fn(&mut Report)| {
        if let Ok(mut report) = report.lock() {
            work(&mut report);
            report.took = start.elapsed();
            watch(&report);
        }
    };
    for bug in Bug::ALL {
        let found = hunt::hunt(bug, 0..6);
        told(&|report| report.planted.push((bug, found.clone())));
    }
    let effort = writers::Effort { writers: 16, commits: 200 };
    match writers::run(&plan.place, "writers", effort) {
        Ok(tally) => told(&|report| report.writers = tally),
        Err(why) => told(&|report| report.broken.push(format!("writers: {why}"))),
    }
    match full::run(&plan.place) {
        Ok(how) => told(&|report| report.full = Some(how)),
        Err(why) => told(&|report| report.broken.push(format!("full disk: {why}"))),
    }
    let next = AtomicU64::new(plan.seed);
    let killed_enough = AtomicBool::new(false);
    let simulate = || {
        loop {
            let states = report.lock().map_or(u64::MAX, |report| report.crashes.states);
            if states >= plan.states && Instant::now() >= until && killed_enough.load(Ordering::Relaxed) {
                break;
            }
            let seed = next.fetch_add(1, Ordering::Relaxed);
            one_seed(seed, &told);
        }
    };
    thread::scope(|scope| {
        for _ in 1..thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(simulate);
        }
        let mut round = 0;
        while report.lock().is_ok_and(|report| report.kills.kills < plan.kills && report.broken.len() < 20) {
            match kills::run(&plan.place, plan.seed + round, 100.min(plan.kills)) {
                Ok(tally) => told(&|report| {
                    report.kills.kills += tally.kills;
                    report.kills.commits += tally.commits;
                    report.kills.whole += tally.whole;
                    report.kills.absent += tally.absent;
                }),
                Err(why) => told(&|report| report.broken.push(format!("kills: {why}"))),
            }
            round += 1;
        }
        killed_enough.store(true, Ordering::Relaxed);
        simulate();
    });
    report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One seed of everything that is simulated.
fn one_seed(seed: u64, told: &dyn Fn(&dyn Fn(&mut Report))) {
    let broken = |found: &Broken| told(&|report| report.broken.push(found.to_string()));
    match crashes::run(seed, None, crashes::Effort::default()) {
        Ok(tally) => told(&|report| report.crashes += tally),
        Err(found) => broken(&found),
    }
    match damage::run(seed, None) {
        Ok(tally) => told(&|report| report.damage += tally),
        Err(found) => broken(&found),
    }
    // These are exhaustive already: another seed changes the order of what goes on side by side.
    if seed.is_multiple_of(8) {
        match interleave::run(seed, None) {
            Ok(tally) => told(&|report| report.interleave += tally),
            Err(found) => broken(&found),
        }
        for operation in Operation::ALL {
            match faults::run(operation, seed, None) {
                Ok(tally) => told(&|report| report.faults += tally),
                Err(found) => broken(&found),
            }
        }
    }
}

/// The harness's own program, for children, and a directory to work in.
pub fn place(root: &Path) -> std::io::Result<Place> {
    Ok(Place { program: std::env::current_exe()?, root: PathBuf::from(root) })
}

impl Report {
    /// The table of what was tried.
    pub fn table(&self) -> String {
        let Self { crashes, interleave, faults, damage, writers, kills, .. } = self;
        let caught = self.planted.iter().filter(|(_, found)| found.is_some()).count();
        let full = match self.full {
            None => "not tried".to_owned(),
            Some(full::How::SmallMount) => "filled, emptied a little, written on".to_owned(),
            Some(full::How::SizeLimit) => "by a limit of the size of files".to_owned(),
        };
        let rows = [
            ("workloads", crashes.workloads.to_string()),
            ("operations, each with a crash after it", crashes.moments.to_string()),
            ("crash states judged", (crashes.states + interleave.states).to_string()),
            ("  of them left by a crash during recovery", crashes.during_recovery.to_string()),
            ("interleavings of two processes", interleave.interleavings.to_string()),
            ("faults hit", faults.faults.to_string()),
            ("  told to the caller", faults.told.to_string()),
            ("  got over", faults.overcome.to_string()),
            ("pieces of damage", damage.pieces.to_string()),
            ("  noticed by a check", damage.noticed.to_string()),
            ("  mended by a repair", damage.mended.to_string()),
            ("writers at once", writers.writers.to_string()),
            ("  commits of theirs", writers.commits.to_string()),
            ("processes killed", kills.kills.to_string()),
            ("  commits acknowledged before", kills.commits.to_string()),
            ("  under way then: whole / absent", format!("{} / {}", kills.whole, kills.absent)),
            ("full disk", full),
            ("planted bugs caught", format!("{caught} of {}", self.planted.len())),
            ("broken promises", self.broken.len().to_string()),
            ("seconds", self.took.as_secs().to_string()),
        ];
        rows.iter().map(|(what, count)| format!("{what:<44}{count:>12}\n")).collect()
    }
}
