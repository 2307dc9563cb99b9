//! Kills processes at random moments, and compares the rows that are there with the outcomes that they recorded.

use std::thread;
use std::time::Duration;

use crv_io::run::RunState;
use crv_io::{CheckOptions, Dataset};
use fastrand::Rng;

use super::expected::{self, APART};
use super::{Children, Place, open};
use crate::rows;

/// Kills on one run.
const KILLS_PER_RUN: u64 = 25;

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Processes that were killed.
    pub kills: u64,
    /// Commits that were acknowledged.
    pub commits: u64,
    /// Transactions that were in flight when their writer was killed, and are there.
    pub whole: u64,
    /// Those that were in flight and are not there.
    pub absent: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.commits += other.commits;
        self.whole += other.whole;
        self.absent += other.absent;
    }
}

/// Kills `kills` processes, writers and maintenance, while others go on.
pub fn run(place: &Place, seed: u64, kills: u64) -> Result<Tally, String> {
    let mut random = Rng::with_seed(seed);
    let mut tally = Tally::default();
    let mut number = 0;
    while tally.kills < kills {
        let run = format!("kills-{seed}-{number}");
        number += 1;
        let at_most = KILLS_PER_RUN.min(kills - tally.kills);
        one_run(place, &run, at_most, &mut random, &mut tally)
            .map_err(|why| format!("run {run}, seed {seed}: {why}"))?;
        for dir in [place.root.join("runs").join(&run), expected::dir(&place.root, &run)] {
            fs_err::remove_dir_all(dir).map_err(|error| error.to_string())?;
        }
    }
    Ok(tally)
}

fn one_run(place: &Place, run: &str, kills: u64, random: &mut Rng, tally: &mut Tally) -> Result<(), String> {
    let words = |verb, name, value| place.words(verb, run, &[(name, value)]);
    let mut writers = 0_i64;
    let mut next = |random: &mut Rng| {
        writers += 1;
        if random.u8(..4) == 0 {
            place.spawn(&words("child-keep", "seed", writers))
        } else {
            place.spawn(&words("child-write", "first", writers * APART))
        }
        .map_err(|error| error.to_string())
    };
    // Created first: every process may be killed before it creates them.
    for dir in [place.root.join("runs").join(run), expected::dir(&place.root, run)] {
        fs_err::create_dir_all(dir).map_err(|error| error.to_string())?;
    }
    let mut children = Children(vec![next(random)?, next(random)?]);
    for _ in 0..kills {
        // Spread from the start of a process to its n-th commit.
        thread::sleep(Duration::from_micros(random.u64(500..50_000)));
        let fresh = next(random)?;
        let victim = children.0.get_mut(random.usize(..2)).ok_or("there is no child")?;
        let ended = victim.try_wait().map_err(|error| error.to_string())?;
        if let Some(status) = ended.filter(|status| !status.success()) {
            return Err(format!("a child ended with {status} before it was killed"));
        }
        victim.kill().map_err(|error| error.to_string())?;
        victim.wait().map_err(|error| error.to_string())?;
        *victim = fresh;
        tally.kills += 1;
        if random.u8(..8) == 0 {
            compare_now(place, run)?;
        }
    }
    drop(children);
    let mut model = expected::model(&place.root, run)?;
    let dataset = open(&place.root, run)?;
    let found = rows::read_all(&dataset)?;
    model.compare(&found, 0)?;
    let open = model.entries.iter().filter(|entry| entry.told.1 == crate::model::Told::Unknown).count();
    let acknowledged = model.known_at(0).0;
    model.resolve(&found);
    let there = model.known_at(0).0;
    tally.commits += acknowledged as u64;
    tally.whole += (there - acknowledged) as u64;
    tally.absent += (open + acknowledged - there) as u64;
    if there > 0 {
        check_facts(&dataset)?;
        let report = dataset.check(CheckOptions { deep: true }).map_err(|error| error.to_string())?;
        if let Some(problem) = report.problems.into_iter().find(|problem| !problem.harmless) {
            return Err(format!("a check found {:?}: {}", problem.kind, problem.message));
        }
    }
    Ok(())
}

/// Checks that what was acknowledged so far is there, while others write.
fn compare_now(place: &Place, run: &str) -> Result<(), String> {
    let Ok(before) = expected::model(&place.root, run) else { return Ok(()) };
    let found = rows::read_all(&open(&place.root, run)?)?;
    let committed = before.entries.iter().filter(|entry| entry.told.1 == crate::model::Told::Committed);
    for (table, rows) in committed.flat_map(|entry| &entry.rows) {
        let there = found.get(table).is_some_and(|found| rows.iter().all(|row| found.contains(row)));
        if !there {
            return Err(format!("{rows:?} of `{table}` was acknowledged and is not there"));
        }
    }
    Ok(())
}

/// Checks what a killed run says: its facts are whole, since they came before every row, and it does not run.
fn check_facts(dataset: &Dataset) -> Result<(), String> {
    dataset.facts().map_err(|error| error.to_string())?.ok_or("rows are there, and no facts")?;
    let state = dataset.info().map_err(|error| error.to_string())?.state;
    match state {
        Some(RunState::Stale | RunState::Succeeded) => Ok(()),
        state => Err(format!("every process is gone, and the run says {state:?}")),
    }
}
