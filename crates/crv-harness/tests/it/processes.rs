//! Real processes on the disk of this machine.

use std::path::PathBuf;

use crv_harness::process::{Place, full, kills, sweeps, writers};
use tempfile::TempDir;

fn place() -> (TempDir, Place) {
    let root = tempfile::tempdir().unwrap();
    let place =
        Place { program: PathBuf::from(env!("CARGO_BIN_EXE_crv-soak")), root: root.path().to_owned() };
    (root, place)
}

#[test]
fn sixteen_writers_lose_nothing_and_readers_see_no_gap() {
    let (_root, place) = place();
    let effort = writers::Effort { writers: 16, commits: 200 };
    let tally = writers::run(&place, "writers", effort).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(tally.commits, 3_200);
}

#[test]
fn the_lock_of_a_process_that_died_is_free() {
    let (_root, place) = place();
    writers::lock_of_the_dead(&place, "lock").unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn two_hundred_kills_lose_nothing_that_was_acknowledged() {
    let (_root, place) = place();
    let tally = kills::run(&place, 0, 200).unwrap_or_else(|why| panic!("{why}"));
    assert!(tally.kills == 200 && tally.commits > 20 && tally.whole + tally.absent > 20, "{tally:?}");
}

#[test]
fn runs_that_come_and_go_are_listed_as_they_are() {
    let (_root, place) = place();
    let tally = sweeps::run(&place, 0, 20).unwrap_or_else(|why| panic!("{why}"));
    assert!(tally.kills == 20 && tally.listings == 60 && tally.scans > 5, "{tally:?}");
    assert!(tally.known > 1_000 && tally.changing > 20, "the index was used, and runs changed: {tally:?}");
}

#[test]
fn a_disk_that_fills_up_loses_nothing_and_is_written_on_when_there_is_room() {
    let (_root, place) = place();
    full::run(&place).unwrap_or_else(|why| panic!("{why}"));
}
