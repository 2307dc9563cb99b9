//! Concurrent writers, processes and threads, beside readers and maintenance.

use std::collections::BTreeMap;
use std::thread;

use super::expected::{self, APART, Expected};
use super::{Children, Place, child, open};
use crate::model::tables;
use crate::rows;

/// How much to try.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Writers; half of them processes, half of them threads of this one.
    pub writers: i64,
    /// Commits of each.
    pub commits: i64,
}

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Writers.
    pub writers: u64,
    /// Commits that were acknowledged.
    pub commits: u64,
}

/// Runs the writers, and checks that every commit of each is there once.
pub fn run(place: &Place, run: &str, effort: Effort) -> Result<Tally, String> {
    let spawn = |verb: &str, flags: &[(&str, i64)]| {
        place.spawn(&place.words(verb, run, flags)).map_err(|error| error.to_string())
    };
    let mut children = Children::default();
    let mut others = Children::default();
    let processes = effort.writers / 2;
    for writer in 0..processes {
        let flags = [("first", writer * APART), ("commits", effort.commits)];
        children.0.push(spawn("child-write", &flags)?);
    }
    for number in 1..=2 {
        others.0.push(spawn("child-read", &[])?);
        others.0.push(spawn("child-keep", &[("seed", number)])?);
    }
    let threads = (processes..effort.writers).map(|writer| {
        let (root, run) = (place.root.clone(), run.to_owned());
        thread::spawn(move || child::write(&root, &run, writer * APART, effort.commits))
    });
    for (number, thread) in threads.collect::<Vec<_>>().into_iter().enumerate() {
        thread
            .join()
            .map_err(|_| format!("thread {number} panicked"))?
            .map_err(|why| format!("thread {number}: {why}"))?;
    }
    for child in &mut children.0 {
        let status = child.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("a writer ended with {status}"));
        }
    }
    for child in &mut others.0 {
        // They run until they are killed. One that has ended found a problem.
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())?
            && !status.success()
        {
            return Err(format!("a reader or a maintenance process ended with {status}"));
        }
    }
    drop(others);
    let found = rows::read_all(&open(&place.root, run)?)?;
    expected::model(&place.root, run)?.compare(&found, 0)?;
    let all = effort.writers * effort.commits;
    let counts: BTreeMap<_, _> = found.iter().map(|(table, rows)| (*table, rows.len() as i64)).collect();
    if tables().iter().any(|table| counts.get(table) != Some(&all)) {
        return Err(format!("{all} commits, but {counts:?} rows"));
    }
    Ok(Tally { writers: effort.writers as u64, commits: all as u64 })
}

/// Kills a process that holds the lock of a manifest, and checks that another process can then write the manifest.
pub fn lock_of_the_dead(place: &Place, run: &str) -> Result<(), String> {
    child::write(&place.root, run, 0, 1)?;
    let table = place.root.join("runs").join(run).join("tables").join(tables()[0].as_str());
    let words = ["child-lock".to_owned(), "--dir".to_owned(), table.display().to_string()];
    let ready = table.join("locked");
    let mut locker = Children(vec![place.spawn(&words).map_err(|error| error.to_string())?]);
    while !ready.exists() {
        let ended = locker.0.first_mut().map(std::process::Child::try_wait);
        if let Some(Ok(Some(status))) = ended {
            return Err(format!("the process that locks ended with {status}"));
        }
        thread::yield_now();
    }
    let dataset = open(&place.root, run)?;
    let mut expected = Expected::open(&place.root, run, APART)?;
    for id in APART..APART + 3 {
        expected.note("begin", id)?;
        child::commit(&dataset, id).map_err(|error| format!("while the lock is held: {error}"))?;
        expected.note("committed", id)?;
    }
    let behind = |dataset: &crv_io::Dataset| {
        let text = fs_err::read_to_string(table.join("manifest.json")).map_err(|error| error.to_string())?;
        let parts = dataset.scan(tables()[0]).map_err(|error| error.to_string())?.parts().len();
        Ok::<_, String>(text.matches("part-").count() < parts)
    };
    if !behind(&dataset)? {
        return Err("the lock was not held".to_owned());
    }
    drop(locker);
    fs_err::remove_file(ready).map_err(|error| error.to_string())?;
    dataset.close().map_err(|error| format!("after the holder of the lock died: {error}"))?;
    if behind(&dataset)? {
        return Err("the manifest is still behind after the holder of its lock died".to_owned());
    }
    expected::model(&place.root, run)?.compare(&rows::read_all(&open(&place.root, run)?)?, 0)
}
