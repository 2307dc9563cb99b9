//! Runs every part of the harness with successive seeds, on every core, until the limits of a plan are reached.

use std::fmt::{self, Write as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::broken::Broken;
use crate::faults::Operation;
use crate::plant::Bug;
use crate::process::{Place, full, kills, sweeps, writers};
use crate::{crashes, damage, faults, hunt, interleave};

/// After more broken promises than this, no more processes are killed.
const MANY: usize = 20;

/// How much to try.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The first seed; each work item takes the next one.
    pub seed: u64,
    /// Crash states to judge, at least.
    pub states: u64,
    /// Processes to kill.
    pub kills: u64,
    /// Time to run, at least: simulations go on until it has passed.
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
    /// Injected faults.
    pub faults: faults::Tally,
    /// Damaged files.
    pub damage: damage::Tally,
    /// Concurrent writers.
    pub writers: writers::Tally,
    /// Killed processes.
    pub kills: kills::Tally,
    /// Runs that come and go while they are listed.
    pub sweeps: sweeps::Tally,
    /// How the disk was filled.
    pub full: Option<full::How>,
    /// Planted bugs, and what found them.
    pub planted: Vec<(Bug, Option<Broken>)>,
    /// Broken promises.
    pub broken: Vec<String>,
    /// The time it took.
    pub took: Duration,
}

/// A growing report and its progress callback.
struct Watched<'a> {
    report: Mutex<Report>,
    start: Instant,
    watch: &'a (dyn Fn(&Report) + Sync),
}

impl Watched<'_> {
    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Report)) {
        let mut report = self.report();
        change(&mut report);
        report.took = self.start.elapsed();
        (self.watch)(&report);
    }

    /// Records the outcome of a work item: its tally, or a broken promise.
    fn take<T, E: fmt::Display>(&self, outcome: Result<T, E>, note: impl FnOnce(&mut Report, T)) {
        self.note(|report| match outcome {
            Ok(tally) => note(report, tally),
            Err(why) => report.broken.push(why.to_string()),
        });
    }
}

/// Runs every part until the limits of `plan` are reached. Calls `watch` after every change of the report.
pub fn run(plan: &Plan, watch: &(dyn Fn(&Report) + Sync)) -> Report {
    let start = Instant::now();
    let watched = Watched { report: Mutex::default(), start, watch };
    for bug in Bug::ALL {
        let found = hunt::hunt(bug, 0..6);
        watched.note(|report| report.planted.push((bug, found)));
    }
    let effort = writers::Effort { writers: 16, commits: 200 };
    watched.take(writers::run(&plan.place, "writers", effort), |report, tally| report.writers = tally);
    watched.take(full::run(&plan.place), |report, how| report.full = Some(how));
    let next = AtomicU64::new(plan.seed);
    let killed_enough = AtomicBool::new(false);
    let enough = || {
        let states = watched.report().crashes.states;
        states >= plan.states && start.elapsed() >= plan.time && killed_enough.load(Ordering::Relaxed)
    };
    let simulate = || {
        while !enough() {
            one_seed(next.fetch_add(1, Ordering::Relaxed), &watched);
        }
    };
    thread::scope(|scope| {
        for _ in 1..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(simulate);
        }
        for round in 0.. {
            let left = plan.kills.saturating_sub(watched.report().kills.kills);
            if left == 0 || watched.report().broken.len() > MANY {
                break;
            }
            let outcome = kills::run(&plan.place, plan.seed + round, left.min(100));
            watched.take(outcome, |report, tally| report.kills += tally);
            let outcome = sweeps::run(&plan.place, plan.seed + round, left.min(10));
            watched.take(outcome, |report, tally| report.sweeps += tally);
        }
        killed_enough.store(true, Ordering::Relaxed);
        simulate();
    });
    watched.report.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Runs every simulated part with one seed.
fn one_seed(seed: u64, watched: &Watched<'_>) {
    let crashed = crashes::run(seed, None, crashes::Effort::default());
    watched.take(crashed, |report, tally| report.crashes += tally);
    watched.take(damage::run(seed, None), |report, tally| report.damage += tally);
    // These are exhaustive already: another seed only changes the order of concurrent calls.
    if seed.is_multiple_of(16) {
        watched.take(interleave::run(seed, None), |report, tally| report.interleave += tally);
        for operation in Operation::ALL {
            watched.take(faults::run(operation, seed, None), |report, tally| report.faults += tally);
        }
    }
}

/// The harness's own program, which its child processes run, and a directory to work in.
pub fn place(root: &Path) -> std::io::Result<Place> {
    Ok(Place { program: std::env::current_exe()?, root: PathBuf::from(root) })
}

impl Report {
    /// Returns the report as a table.
    pub fn table(&self) -> String {
        let Self { crashes, interleave, faults, damage, writers, kills, sweeps, .. } = self;
        let caught = self.planted.iter().filter(|(_, found)| found.is_some()).count();
        let full = match self.full {
            None => "not tried".to_owned(),
            Some(full::How::SmallMount) => "filled, room made, written to again".to_owned(),
            Some(full::How::SizeLimit) => "by a limit on file sizes".to_owned(),
        };
        let rows = [
            ("workloads", crashes.workloads.to_string()),
            ("operations, each with a crash after it", crashes.moments.to_string()),
            ("crash states judged", (crashes.states + interleave.states).to_string()),
            ("  of them left by a crash during recovery", crashes.during_recovery.to_string()),
            ("interleavings of two processes", interleave.interleavings.to_string()),
            ("faults injected", faults.faults.to_string()),
            ("  reported to the caller", faults.told.to_string()),
            ("  tolerated", faults.overcome.to_string()),
            ("damaged files", damage.pieces.to_string()),
            ("  detected by a check", damage.noticed.to_string()),
            ("  repaired", damage.mended.to_string()),
            ("concurrent writers", writers.writers.to_string()),
            ("  their commits", writers.commits.to_string()),
            ("processes killed", kills.kills.to_string()),
            ("  commits acknowledged before the kill", kills.commits.to_string()),
            ("  in flight at the kill: whole / absent", format!("{} / {}", kills.whole, kills.absent)),
            ("listings while runs came and went", sweeps.listings.to_string()),
            (
                "  runs in them: known by the index / changing",
                format!("{} / {}", sweeps.known, sweeps.changing),
            ),
            ("  scans of all runs", sweeps.scans.to_string()),
            ("  processes killed meanwhile", sweeps.kills.to_string()),
            ("full disk", full),
            ("planted bugs caught", format!("{caught} of {}", self.planted.len())),
            ("broken promises", self.broken.len().to_string()),
            ("seconds", self.took.as_secs().to_string()),
        ];
        rows.iter().fold(String::new(), |mut table, (what, count)| {
            let _ = writeln!(table, "{what:<44}{count:>12}");
            table
        })
    }
}
