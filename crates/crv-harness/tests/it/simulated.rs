//! Simulated machines. Every failure names its seed, and `crv-soak part crashes --seed 17` reproduces it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crv_harness::crashes::{self, Effort, Tally};
use crv_harness::faults::Operation;
use crv_harness::hunt;
use crv_harness::plant::Bug;
use crv_harness::{damage, faults, interleave, life};

/// Does `work` with the seeds 0, 1, 2, … on two threads, until `enough` returns true.
fn seeds(work: impl Fn(u64) + Sync, enough: impl Fn() -> bool + Sync) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !enough() {
                    work(next.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
    });
}

#[test]
fn ten_thousand_crash_states_lose_nothing_and_show_nothing_by_half() {
    let all = Mutex::new(Tally::default());
    seeds(
        |seed| {
            let tally = crashes::run(seed, None, Effort::default()).unwrap_or_else(|found| panic!("{found}"));
            *all.lock().unwrap() += tally;
        },
        || all.lock().unwrap().states >= 10_000,
    );
    let all = all.into_inner().unwrap();
    assert!(all.during_recovery > 1_000 && all.moments > 500, "{all:?}");
}

#[test]
fn a_seed_tells_the_whole_story_again() {
    let effort = Effort { turns: 6, states: 4, recoveries: 8 };
    assert_eq!(crashes::run(7, None, effort), crashes::run(7, None, effort));
}

#[test]
fn whatever_a_process_does_another_may_come_in_between_at_every_call() {
    let tally = interleave::run(0, None).unwrap_or_else(|found| panic!("{found}"));
    assert!(tally.interleavings > 500, "{tally:?}");
}

#[test]
fn every_call_fails_in_turn_and_the_caller_is_told_the_truth() {
    let all = Mutex::new(faults::Tally::default());
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(operation) = Operation::ALL.get(next.fetch_add(1, Ordering::Relaxed) as usize)
                {
                    let tally = faults::run(*operation, 0, None).unwrap_or_else(|found| panic!("{found}"));
                    assert!(tally.faults > 0, "{operation:?} met no fault");
                    *all.lock().unwrap() += tally;
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    assert!(all.faults > 1_000 && all.told > 500 && all.overcome > 100, "{all:?}");
}

#[test]
fn an_outage_of_a_moment_is_got_over() {
    for seed in 0..20 {
        let tally = faults::outage(seed, None).unwrap_or_else(|found| panic!("{found}"));
        assert!(tally.faults > 1, "the fault was hit more than once: {tally:?}");
    }
}

#[test]
fn damage_is_noticed_and_mended_where_nothing_is_lost_by_it() {
    let mut all = damage::Tally::default();
    for seed in 0..16 {
        all += damage::run(seed, None).unwrap_or_else(|found| panic!("{found}"));
    }
    assert!(all.pieces > 1_500 && all.noticed * 100 > all.pieces * 95 && all.mended > 300, "{all:?}");
}

/// A harness that has never caught a bug proves nothing: each of these disables one of the store's precautions.
#[test]
fn every_planted_bug_is_caught() {
    let missed = Mutex::new(Vec::new());
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(bug) = Bug::ALL.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    if hunt::hunt(*bug, 0..4).is_none() {
                        missed.lock().unwrap().push(*bug);
                    }
                }
            });
        }
    });
    assert_eq!(missed.into_inner().unwrap(), []);
}

#[test]
fn a_run_has_its_facts_before_its_rows_and_a_removal_takes_all_or_nothing() {
    let mut all = life::Tally::default();
    for seed in 0..8 {
        all += life::run(seed, None).unwrap_or_else(|found| panic!("{found}"));
    }
    assert!(all.moments > 1_000 && all.states > 3_000, "{all:?}");
    for bug in [Bug::NoFileSync, Bug::NoDirSync, Bug::NoAncestorSync, Bug::RenameBeforeSync] {
        let caught = (0..4).find_map(|seed| life::run(seed, Some(bug)).err());
        assert!(caught.is_some(), "planted and not caught: {bug}");
    }
}
