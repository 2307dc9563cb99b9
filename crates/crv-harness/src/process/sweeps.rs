//! Runs that are created, written, removed and renamed by processes, some of them killed, while the catalogue lists and
//! scans them.
//!
//! Each process records what it is about to do to a run, and what was acknowledged, in a file of its own. A listing is
//! compared with what was recorded before it began and after it ended: so it is known of each run what the listing may
//! say, whatever happened meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use crv_core::tables::TableId;
use crv_io::catalog::{Catalog, ListingStats, RunCondition, RunRow, Selection};
use crv_io::run::{Outcome, RemoveOptions, RunOptions, remove_run, start_run};
use crv_io::{AppendOptions, ErrorKind};
use fastrand::Rng;
use fs_err as fs;
use serde_json::json;

use super::expected::Expected;
use super::{Children, Place, settings};
use crate::model::Row;
use crate::rows;

/// The table of the runs.
const TABLE: TableId = TableId::HOLDINGS;
/// Runs that stay, of which the index knows.
const SETTLED: i64 = 80;
/// Commits of a run, of one row each.
const COMMITS: i64 = 4;
/// The number of a run that stays.
const FIRST_SETTLED: i64 = 900_000_000;
/// The distance between the first numbers of two successive processes.
const APART: i64 = 1_000_000;

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Listings that were compared.
    pub listings: u64,
    /// Runs in them that the index knew.
    pub known: u64,
    /// Runs in them that another process was changing.
    pub changing: u64,
    /// Scans that were compared.
    pub scans: u64,
    /// Processes that were killed.
    pub kills: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.listings += other.listings;
        self.known += other.known;
        self.changing += other.changing;
        self.scans += other.scans;
        self.kills += other.kills;
    }
}

/// What a run is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Its creation was begun, or more.
    Begun {
        /// Commits that were acknowledged.
        commits: i64,
        /// Whether its end was acknowledged.
        ended: bool,
        /// Whether its removal was begun.
        leaving: bool,
    },
    /// Its removal was acknowledged.
    Gone,
}

/// What is known of all runs, by their numbers.
type Ledger = BTreeMap<i64, Known>;

fn name(number: i64) -> String {
    format!("s-{number:010}")
}

fn notes(root: &Path) -> PathBuf {
    super::expected::dir(root, "sweeps")
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Creates, writes, ends, removes and renames runs, until it is killed. Their numbers begin at `first`.
pub fn work(root: &Path, first: i64, seed: u64) -> Result<(), String> {
    let mut random = Rng::with_seed(seed);
    let mut expected = Expected::open(root, "sweeps", first)?;
    let mut there: Vec<i64> = Vec::new();
    for number in first.. {
        create(root, number, &mut expected)?;
        there.push(number);
        // A few of each process stay for a while.
        if there.len() > 6 {
            let gone = there.swap_remove(random.usize(..there.len()));
            expected.note("leaving", gone)?;
            if random.bool() {
                remove_run(&settings(root)?, &name(gone), RemoveOptions::default()).map_err(told)?;
            } else {
                let runs = root.join("runs");
                fs::rename(runs.join(name(gone)), root.join(format!("aside-{gone}"))).map_err(told)?;
            }
            expected.note("gone", gone)?;
        }
    }
    Ok(())
}

/// Creates a run: its parameter `number` is its number, and each of its commits has one row, of that number.
fn create(root: &Path, number: i64, expected: &mut Expected) -> Result<(), String> {
    let params = json!({"number": number, "odd": number % 2 == 1});
    let options = RunOptions {
        run_id: Some(name(number)),
        params: params.as_object().cloned().unwrap_or_default(),
        ..RunOptions::default()
    };
    expected.note("begun", number)?;
    let run = start_run(&settings(root)?, &options).map_err(told)?;
    for tick in 0..COMMITS {
        let frame = rows::frame(TABLE, &[Row { tick, id: number }]).map_err(told)?;
        run.dataset().append(TABLE, frame, AppendOptions::default()).map_err(told)?;
        expected.note("committed", number)?;
    }
    run.finish(Outcome::Succeeded).map_err(told)?;
    expected.note("ended", number)
}

/// Lists all runs, which brings the index up to date, until it is killed.
pub fn list(root: &Path) -> Result<(), String> {
    let catalog = Catalog::open(settings(root)?).map_err(told)?;
    loop {
        catalog.runs(&Selection::all()).map_err(told)?;
    }
}

/// Reads what is known of the runs.
fn ledger(root: &Path) -> Result<Ledger, String> {
    let mut ledger = Ledger::new();
    for entry in fs::read_dir(notes(root)).map_err(told)? {
        let text = fs::read_to_string(entry.map_err(told)?.path()).map_err(told)?;
        for line in text.lines() {
            let (word, number) = line.split_once(' ').ok_or_else(|| format!("unrecognized line `{line}`"))?;
            let number: i64 = number.parse().map_err(|_| format!("unrecognized line `{line}`"))?;
            let new = Known::Begun { commits: 0, ended: false, leaving: false };
            let known = ledger.entry(number).or_insert(new);
            match (word, &mut *known) {
                ("begun", _) => {}
                ("committed", Known::Begun { commits, .. }) => *commits += 1,
                ("ended", Known::Begun { ended, .. }) => *ended = true,
                ("leaving", Known::Begun { leaving, .. }) => *leaving = true,
                ("gone", _) => *known = Known::Gone,
                _ => return Err(format!("unrecognized line `{line}`")),
            }
        }
    }
    Ok(ledger)
}

/// Compares a listing with what was known before it began and after it ended. Returns how many runs another process was
/// changing.
fn judge(listed: &[RunRow], before: &Ledger, after: &Ledger) -> Result<u64, String> {
    let rows: BTreeMap<&str, &RunRow> = listed.iter().map(|row| (row.run_id.as_str(), row)).collect();
    if rows.len() != listed.len() {
        return Err("a run is listed twice".to_owned());
    }
    let mut changing = 0;
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (number, now) in after {
        let id = name(*number);
        let found = rows.get_key_value(id.as_str());
        known.extend(found.map(|(id, _)| *id));
        let row = found.map(|(_, row)| *row);
        match (before.get(number), now, row) {
            (Some(Known::Gone), _, Some(_)) => return Err(format!("run `{id}` was removed and is listed")),
            (
                Some(Known::Begun { ended: true, leaving: false, .. }),
                Known::Begun { leaving: false, .. },
                row,
            ) => {
                let row = row.ok_or_else(|| format!("run `{id}` ended and is not listed"))?;
                let says = (row.state, row.rows, row.tick_max);
                if says != (Some(RunCondition::Succeeded), COMMITS as u64, Some(COMMITS - 1))
                    || row.params.get("number") != Some(&json!(number))
                {
                    return Err(format!("run `{id}` succeeded, and is listed as {row:?}"));
                }
            }
            (
                Some(Known::Begun { commits, leaving: false, .. }),
                Known::Begun { leaving: false, .. },
                row,
            ) => {
                changing += 1;
                let listed = row.map_or(0, |row| row.rows as i64);
                if listed < *commits || listed > COMMITS {
                    return Err(format!("run `{id}` had {commits} commits and is listed with {listed} rows"));
                }
                if let Some(row) = row.filter(|row| row.is_damaged()) {
                    return Err(format!("run `{id}` is whole, and is listed as {row:?}"));
                }
            }
            _ => changing += 1,
        }
    }
    match rows.keys().find(|id| !known.contains(*id)) {
        // It was begun after the second reading of the files, or it is none of this experiment.
        Some(id) if id.starts_with("s-") => Err(format!("run `{id}` is listed, and nothing began it")),
        _ => Ok(changing),
    }
}

/// Lists the runs with what was known before and after.
fn compare_listing(
    root: &Path,
    list: impl FnOnce() -> Result<(Vec<RunRow>, ListingStats), String>,
) -> Result<Tally, String> {
    let before = ledger(root)?;
    let (rows, stats) = list()?;
    let after = ledger(root)?;
    let changing = judge(&rows, &before, &after)?;
    let known = (stats.runs - stats.read.min(stats.runs)) as u64;
    Ok(Tally { listings: 1, known, changing, ..Tally::default() })
}

/// Scans the table of all runs, and checks that each run that stayed has all rows, once, and every other one only rows of its
/// own.
fn compare_scan(root: &Path, catalog: &Catalog) -> Result<Tally, String> {
    let before = ledger(root)?;
    let scan = match catalog.scan(TABLE, &Selection::all()) {
        Ok(scan) => scan.skip_damaged().0,
        Err(error) => return Err(format!("the runs cannot be scanned: {error}")),
    };
    let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for batch in scan.batches().map_err(told)? {
        let batch = match batch {
            Ok(batch) => batch,
            // A run that leaves takes its parts with it.
            Err(error) if error.kind() == ErrorKind::Read => {
                let after = ledger(root)?;
                let text = error.to_string();
                let left = |number: &i64| {
                    let stays = matches!(after.get(number), Some(Known::Begun { leaving: false, .. }));
                    !stays && text.contains(&name(*number))
                };
                if after.keys().any(left) {
                    return Ok(Tally::default());
                }
                return Err(format!("no run left, and a scan failed: {error}"));
            }
            Err(error) => return Err(format!("a scan failed: {error}")),
        };
        let ids = batch.column_by_name("run_id").ok_or("no run ids")?.as_string::<i32>();
        let ticks = batch.column_by_name("tick").ok_or("no ticks")?.as_primitive::<Int64Type>();
        let numbers = batch.column_by_name("quantity").ok_or("no quantities")?;
        let numbers = numbers.as_primitive_opt::<Int64Type>().ok_or("no integers")?;
        for ((id, tick), number) in ids.iter().zip(ticks.values()).zip(numbers.values()) {
            let id = id.unwrap_or_default();
            if id != name(*number) {
                return Err(format!("a scan returned a row of run {number} as one of `{id}`"));
            }
            found.entry(id.to_owned()).or_default().push(*tick);
        }
    }
    for (number, known) in &before {
        let ticks = found.remove(&name(*number)).unwrap_or_default();
        match known {
            Known::Gone if !ticks.is_empty() => {
                return Err(format!("run {number} was removed, and a scan returned its rows"));
            }
            Known::Begun { ended: true, leaving: false, .. } if ticks.is_empty() => {
                // It may have left before the scan was made.
                if matches!(ledger(root)?.get(number), Some(Known::Begun { leaving: false, .. })) {
                    return Err(format!("run {number} has rows, and a scan returned none"));
                }
            }
            Known::Begun { ended: true, .. } if !ticks.is_empty() && ticks.len() as i64 != COMMITS => {
                return Err(format!("run {number} has {COMMITS} rows, and a scan returned {ticks:?}"));
            }
            _ => {}
        }
        if !ticks.iter().copied().eq(0..ticks.len() as i64) {
            return Err(format!("a scan returned the ticks {ticks:?} of run {number}"));
        }
    }
    Ok(Tally { scans: 1, ..Tally::default() })
}

/// A filter returns the runs that it is true of, whatever the index says.
fn compare_filter(catalog: &Catalog, number: i64) -> Result<(), String> {
    let filter = format!("number = {number} and odd = {}", number % 2 == 1).parse().map_err(told)?;
    let rows = catalog.runs(&Selection::all().filter(filter)).map_err(told)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.run_id.as_str()).collect();
    if ids == [name(number)] { Ok(()) } else { Err(format!("a filter for run {number} returned {ids:?}")) }
}

/// Makes the files of the runs look older: what was changed a moment ago is never put into the index.
fn age(path: &Path) -> std::io::Result<()> {
    let is_dir = path.is_dir();
    if is_dir {
        for entry in fs::read_dir(path)? {
            age(&entry?.path())?;
        }
    }
    let file = fs::OpenOptions::new().read(is_dir).write(!is_dir).open(path)?.into_file();
    let modified = file.metadata()?.modified()?;
    file.set_modified(modified - Duration::from_secs(60))
}

/// Lists and scans the runs while processes change them, `kills` of which are killed.
pub fn run(place: &Place, seed: u64, kills: u64) -> Result<Tally, String> {
    let root = place.root.join(format!("sweeps-{seed}"));
    let outcome = one_root(&Place { root: root.clone(), ..place.clone() }, seed, kills);
    // After a failure the files stay: they are the evidence.
    let tally = outcome.map_err(|why| format!("catalogue, seed {seed}: {why}"))?;
    fs::remove_dir_all(&root).map_err(told)?;
    Ok(tally)
}

fn one_root(place: &Place, seed: u64, kills: u64) -> Result<Tally, String> {
    let root = &place.root;
    let mut random = Rng::with_seed(seed);
    {
        let mut expected = Expected::open(root, "sweeps", FIRST_SETTLED)?;
        (FIRST_SETTLED..FIRST_SETTLED + SETTLED)
            .try_for_each(|number| create(root, number, &mut expected))?;
        age(&root.join("runs")).map_err(told)?;
    }
    let catalog = Catalog::open(settings(root)?).map_err(told)?;
    let mut tally = Tally::default();
    let mut first = 0;
    let mut next = |random: &mut Rng| {
        first += APART;
        let words = place.words("child-sweep", "-", &[("first", first), ("seed", random.u32(..).into())]);
        place.spawn(&words).map_err(told)
    };
    let mut listers = Children(vec![place.spawn(&place.words("child-list", "-", &[])).map_err(told)?]);
    let mut children = Children(vec![next(&mut random)?, next(&mut random)?]);
    while tally.kills < kills {
        for _ in 0..3 {
            let list = || catalog.runs_with_stats(&Selection::all()).map_err(told);
            tally += compare_listing(root, list)?;
        }
        tally += compare_scan(root, &catalog)?;
        compare_filter(&catalog, FIRST_SETTLED + random.i64(0..SETTLED))?;
        thread::sleep(Duration::from_micros(random.u64(500..30_000)));
        let fresh = next(&mut random)?;
        let victim = children.0.get_mut(random.usize(..2)).ok_or("there is no child")?;
        if let Some(status) = victim.try_wait().map_err(told)? {
            return Err(format!("a process that makes runs ended with {status} before it was killed"));
        }
        victim.kill().map_err(told)?;
        victim.wait().map_err(told)?;
        *victim = fresh;
        tally.kills += 1;
        if random.u8(..4) == 0 {
            let lister = listers.0.first_mut().ok_or("there is no child")?;
            if let Some(status) = lister.try_wait().map_err(told)? {
                return Err(format!("a process that lists ended with {status} before it was killed"));
            }
            lister.kill().map_err(told)?;
            lister.wait().map_err(told)?;
            *lister = place.spawn(&place.words("child-list", "-", &[])).map_err(told)?;
        }
    }
    drop((children, listers));
    // Nothing changes any more: the index, as it was left, says what the runs say.
    let all = Selection::all();
    let with = catalog.runs(&all).map_err(told)?;
    match fs::remove_file(root.join("runs.index")) {
        Ok(()) => {}
        Err(error) => return Err(format!("there is no index: {error}")),
    }
    let without = catalog.runs(&all).map_err(told)?;
    let ledger = ledger(root)?;
    judge(&without, &ledger, &ledger)?;
    if with == without { Ok(tally) } else { Err("a listing differs without the index".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The comparison finds each kind of wrong listing: a run that is old, one that is gone, one that is missing.
    #[test]
    fn a_wrong_listing_is_caught() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let mut expected = Expected::open(root, "sweeps", 1).unwrap();
        (1..4).for_each(|number| create(root, number, &mut expected).unwrap());
        let catalog = Catalog::open(settings(root).unwrap()).unwrap();
        let rows = catalog.runs(&Selection::all()).unwrap();
        let whole = ledger(root).unwrap();
        assert_eq!(judge(&rows, &whole, &whole), Ok(0));
        let judge = |rows: &[RunRow], known: &Ledger| judge(rows, known, known).unwrap_err();

        assert!(judge(&rows[1..], &whole).contains("is not listed"));
        let mut old = rows.clone();
        (old[1].rows, old[1].state) = (2, Some(RunCondition::Running));
        assert!(judge(&old, &whole).contains("is listed as"));
        let mut other = rows.clone();
        other[2].params = rows[0].params.clone();
        assert!(judge(&other, &whole).contains("is listed as"));
        let twice: Vec<RunRow> = rows.iter().chain(&rows[..1]).cloned().collect();
        assert!(judge(&twice, &whole).contains("twice"));
        expected.note("leaving", 2).unwrap();
        expected.note("gone", 2).unwrap();
        assert!(judge(&rows, &ledger(root).unwrap()).contains("was removed and is listed"));
        let running = Known::Begun { commits: 3, ended: false, leaving: false };
        let known = Ledger::from([(1, whole[&1]), (2, running), (3, whole[&3])]);
        old[1].rows = 2;
        assert!(judge(&old, &known).contains("had 3 commits and is listed with 2 rows"));
        assert!(judge(&rows, &Ledger::from([(1, whole[&1])])).contains("nothing began it"));
    }
}
