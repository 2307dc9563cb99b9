//! The life cycle of a run: what a start does, refuses and leaves; heartbeats; how a run ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crv_io::run::{IfExists, Outcome, RunOptions, RunState, Seed, start_run, start_run_in};
use crv_io::store::StoreError;
use crv_io::{Dataset, ErrorKind, simulation};
use serde_json::json;

use crate::facts::{object, options};
use crate::hooked::{Call, Hooked, When, unpoisoned};
use crate::support::{EDGES, RUN, Root, all_ticks, append};

fn with(if_exists: IfExists) -> RunOptions {
    RunOptions { if_exists, ..options() }
}

fn state(root: &Root) -> RunState {
    root.open().status().unwrap().unwrap().state
}

#[test]
fn a_run_that_exists_is_not_started_again_and_the_error_says_what_to_do() {
    let root = Root::new();
    append(&root.open(), [1]);
    let error = start_run(&root.settings(), &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.to_string().starts_with(&format!("there is a run `{RUN}` under `")), "{error}");
    let hint = error.hint().unwrap();
    for way in ["if_exists=\"resume\"", "another run id", &format!("crv rm {RUN}")] {
        assert!(hint.contains(way), "{hint}");
    }
    assert!(root.open().facts().unwrap().is_none(), "nothing was written");
}

#[test]
fn a_start_that_was_killed_at_once_is_no_run() {
    let root = Root::new();
    fs_err::create_dir_all(root.run_dir()).unwrap();
    fs_err::write(root.run_dir().join("run.json.0000000000000001.tmp"), "{").unwrap();
    assert!(start_run(&root.settings(), &options()).is_ok());
}

#[test]
fn of_many_that_start_a_run_at_once_one_wins() {
    let root = Root::new();
    let started = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| match start_run(&root.settings(), &options()) {
                Ok(run) => {
                    started.fetch_add(1, Ordering::Relaxed);
                    run.finish(Outcome::Succeeded).unwrap();
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Argument),
            });
        }
    });
    assert_eq!(started.into_inner(), 1);
    assert!(root.open().facts().unwrap().is_some());
}

#[test]
fn a_run_without_an_id_gets_one_that_is_free() {
    let root = Root::new();
    let start =
        || start_run(&root.settings(), &RunOptions { run_id: None, ..RunOptions::default() }).unwrap();
    let runs = [start(), start()];
    assert_ne!(runs[0].run_id(), runs[1].run_id());
    assert!(runs.iter().all(|run| run.run_id().as_str().starts_with("run_")));
}

#[test]
fn how_a_run_ends_is_what_its_status_says() {
    for (outcome, state) in [
        (Some(Outcome::Succeeded), RunState::Succeeded),
        (Some(Outcome::Failed(crv_io::run::RunError::default())), RunState::Failed),
        (Some(Outcome::Aborted), RunState::Aborted),
        (None, RunState::Aborted),
    ] {
        let root = Root::new();
        let run = start_run(&root.settings(), &options()).unwrap();
        append(&run, [7]);
        assert_eq!(self::state(&root), RunState::Running);
        if let Some(outcome) = outcome {
            assert_eq!(run.finish(outcome).unwrap().state, state);
            // It ends once.
            assert_eq!(run.finish(Outcome::Aborted).unwrap().state, state);
        }
        drop(run);
        let status = root.open().status().unwrap().unwrap();
        assert_eq!((status.state, status.last_tick, status.commit), (state, Some(7), 1));
        assert!(status.ended_at.is_some());
    }
}

#[test]
fn a_commit_after_the_end_does_not_make_the_run_run_again() {
    let root = Root::new();
    simulation::run(1, || {
        let run = start_run(&root.settings(), &options()).unwrap();
        let dataset = run.dataset().clone();
        run.finish(Outcome::Succeeded).unwrap();
        simulation::wait(std::time::Duration::from_secs(60));
        append(&dataset, [1]);
    });
    assert_eq!(state(&root), RunState::Succeeded);
}

#[test]
fn heartbeats_ride_on_commits_and_are_one_write_in_ten_seconds() {
    let root = Root::new();
    let puts = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&puts);
    let store = Hooked::store(&root, move |when, call| {
        if when == When::After
            && let Call::Put(path) = call
            && path.file_name() == "status.json"
        {
            unpoisoned(&noted).push(simulation::waited().as_secs());
        }
        Ok(())
    });
    simulation::run(1, || {
        let run = start_run_in(&store, &root.settings(), &options()).unwrap();
        for tick in 0..40 {
            append(&run, [tick]);
            simulation::wait(std::time::Duration::from_secs(1));
        }
        assert_eq!(*unpoisoned(&puts), [0, 10, 20, 30]);
        let status = run.status().unwrap().unwrap();
        assert_eq!((status.last_tick, status.commit), (Some(30), 31));
        run.finish(Outcome::Succeeded).unwrap();
        let status = run.status().unwrap().unwrap();
        assert_eq!((status.last_tick, status.commit), (Some(39), 41), "the last commit is a merge");
    });
}

#[test]
fn a_heartbeat_that_fails_fails_no_append() {
    let root = Root::new();
    let begun = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&begun);
    let store = Hooked::store(&root, move |_, call| match call {
        Call::Put(path) if path.file_name() == "status.json" && *unpoisoned(&seen) => {
            Err(StoreError::new("write", "status.json", std::io::ErrorKind::StorageFull.into()))
        }
        _ => Ok(()),
    });
    simulation::run(1, || {
        let run = start_run_in(&store, &root.settings(), &options()).unwrap();
        *unpoisoned(&begun) = true;
        simulation::wait(std::time::Duration::from_secs(60));
        append(&run, [1, 2]);
        assert_eq!(all_ticks(&run), [1, 2]);
        assert_eq!(run.finish(Outcome::Succeeded).unwrap_err().kind(), ErrorKind::Write);
    });
}

#[test]
fn a_run_is_resumed_with_what_it_had() {
    let root = Root::new();
    let run =
        start_run(&root.settings(), &RunOptions { seed: Some(Seed::from(7_u64)), ..options() }).unwrap();
    append(&run, [1, 2]);
    drop(run);
    assert_eq!(state(&root), RunState::Aborted);
    let run = start_run(&root.settings(), &with(IfExists::Resume)).unwrap();
    let status = run.status().unwrap().unwrap();
    assert_eq!((status.state, status.last_tick, status.commit), (RunState::Running, Some(2), 1));
    assert_eq!(status.ended_at, None);
    append(&run, [3]);
    run.finish(Outcome::Succeeded).unwrap();
    assert_eq!(all_ticks(&root.open()), [1, 2, 3]);
    assert_eq!(root.open().status().unwrap().unwrap().last_tick, Some(3));
}

#[test]
fn resume_and_append_begin_a_run_that_does_not_exist_and_take_one_without_facts() {
    for if_exists in [IfExists::Resume, IfExists::Append] {
        let root = Root::new();
        start_run(&root.settings(), &with(if_exists)).unwrap().finish(Outcome::Succeeded).unwrap();
        assert_eq!(state(&root), RunState::Succeeded);
        let root = Root::new();
        append(&root.open(), [4]);
        let run = start_run(&root.settings(), &with(if_exists)).unwrap();
        assert!(run.facts().unwrap().is_some());
        assert_eq!(run.status().unwrap().unwrap().last_tick, Some(4));
    }
}

#[test]
fn a_run_is_not_continued_with_other_parameters_or_another_seed() {
    let root = Root::new();
    let params = |value| object(json!({"beta": value, "n": 3}));
    let first = RunOptions { params: params(0.3), seed: Some(Seed::from(7_u64)), ..options() };
    drop(start_run(&root.settings(), &first).unwrap());
    let again = |change: &dyn Fn(&mut RunOptions)| {
        let mut options = RunOptions { if_exists: IfExists::Resume, ..first.clone() };
        change(&mut options);
        start_run(&root.settings(), &options).map(drop)
    };
    again(&|_| ()).unwrap();
    again(&|options| options.params.clear()).unwrap();
    let error = again(&|options| options.params = params(0.4)).unwrap_err();
    assert!(error.to_string().ends_with("`params.beta` was 0.3 and is 0.4 now"), "{error}");
    let error = again(&|options| drop(options.params.remove("n"))).unwrap_err();
    assert!(error.to_string().ends_with("`params.n` was 3 and is missing now"), "{error}");
    let error = again(&|options| options.seed = Some(Seed::from(8_u64))).unwrap_err();
    assert!(error.to_string().ends_with("`seed` was 7 and is 8 now"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_whose_process_still_runs_is_not_resumed() {
    let root = Root::new();
    let run = start_run(&root.settings(), &options()).unwrap();
    let text = fs_err::read_to_string(root.run_dir().join("status.json")).unwrap();
    // Another process that runs: the parent of this one.
    let parent = std::os::unix::process::parent_id();
    let stat = fs_err::read_to_string(format!("/proc/{parent}/stat")).unwrap();
    let ticks = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap().to_owned();
    let ours = run.status().unwrap().unwrap().process_start.unwrap();
    let theirs = format!("{}/{ticks}", ours.rsplit_once('/').unwrap().0);
    let text = text.replace(&ours, &theirs);
    let text = text.replace(&format!("\"pid\": {}", std::process::id()), &format!("\"pid\": {parent}"));
    let body = text.rsplit_once(",\n  \"crc32c\"").unwrap().0;
    let body = format!("{body}\n}}");
    fs_err::write(root.run_dir().join("status.json"), crv_io::fuzzing::sealed(body.as_bytes())).unwrap();
    let error = start_run(&root.settings(), &with(IfExists::Resume)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&format!("still runs: process {parent}")), "{error}");
    assert!(start_run(&root.settings(), &with(IfExists::Append)).is_ok());
}

/// Two containers share the number 1 for their first process.
#[cfg(target_os = "linux")]
#[test]
fn a_process_of_another_container_with_our_number_is_another_process() {
    let root = Root::new();
    let _first = start_run(&root.settings(), &options()).unwrap();
    // This process may resume its own run.
    let run = start_run(&root.settings(), &with(IfExists::Resume)).unwrap();
    let text = fs_err::read_to_string(root.run_dir().join("status.json")).unwrap();
    let ours = run.status().unwrap().unwrap().process_start.unwrap();
    let (space, ticks) = ours.rsplit_once('/').unwrap();
    let elsewhere = format!("{}/1/{ticks}", space.rsplit_once('/').unwrap().0);
    let text = text.replace(&ours, &elsewhere);
    let body = format!("{}\n}}", text.rsplit_once(",\n  \"crc32c\"").unwrap().0);
    fs_err::write(root.run_dir().join("status.json"), crv_io::fuzzing::sealed(body.as_bytes())).unwrap();
    let error = start_run(&root.settings(), &with(IfExists::Resume)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&format!("still runs: process {}", std::process::id())), "{error}");
}

#[test]
fn the_end_of_an_earlier_handle_does_not_end_the_run_that_was_started_again() {
    let root = Root::new();
    let first = start_run(&root.settings(), &options()).unwrap();
    let second = start_run(&root.settings(), &with(IfExists::Append)).unwrap();
    drop(first);
    assert_eq!(state(&root), RunState::Running);
    second.finish(Outcome::Succeeded).unwrap();
    assert_eq!(state(&root), RunState::Succeeded);
}

#[test]
fn a_start_whose_reply_was_lost_is_one() {
    let root = Root::new();
    let store = Hooked::store(&root, move |when, call| match (when, call) {
        (When::After, Call::Put(path)) if path.file_name() == "run.json" => {
            Err(StoreError::new("link into place", "run.json", std::io::Error::other("lost")).unknown())
        }
        _ => Ok(()),
    });
    let run = start_run_in(&store, &root.settings(), &options()).unwrap();
    assert!(run.facts().unwrap().is_some());
}

#[test]
fn facts_are_durable_before_the_status_and_both_before_any_row() {
    let root = Root::new();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&calls);
    let store = Hooked::store(&root, move |when, call| {
        if when == When::After
            && let Call::Put(path) | Call::Stage(path) = call
        {
            unpoisoned(&noted).push(path.file_name().to_owned());
        }
        Ok(())
    });
    let run = start_run_in(&store, &root.settings(), &options()).unwrap();
    append(&run, [1]);
    let calls = unpoisoned(&calls);
    assert_eq!(calls[..2], ["run.json", "status.json"]);
}

/// Parts in each bucket, on disk and live.
fn parts(root: &Root, dataset: &Dataset) -> (usize, Vec<usize>) {
    let manifest = dataset.manifest(EDGES).unwrap();
    let live = manifest.partitions.values().map(|partition| partition.parts.len()).collect();
    (root.files().iter().filter(|file| file.ends_with(".parquet")).count(), live)
}

#[test]
fn a_started_run_merges_sealed_buckets_and_the_rest_when_it_ends() {
    for (set, outcome, expected) in [
        (None, Some(Outcome::Succeeded), vec![1, 1, 1]),
        (None, Some(Outcome::Aborted), vec![1, 1, 4]),
        (None, None, vec![1, 1, 4]),
        (Some(false), Some(Outcome::Succeeded), vec![4, 4, 4]),
    ] {
        let root = Root::new();
        let settings = root.settings().with_tick_bucket_size(4).unwrap();
        let settings = match set {
            Some(compact) => settings.with_compact_sealed_buckets(compact),
            None => settings,
        };
        simulation::run(1, || {
            let run = start_run(&settings, &options()).unwrap();
            (0..12).for_each(|tick| append(&run, [tick]));
            if let Some(outcome) = outcome {
                run.finish(outcome).unwrap();
            }
            drop(run);
        });
        let dataset = Dataset::open(settings, RUN).unwrap();
        assert_eq!(parts(&root, &dataset).1, expected);
        assert_eq!(all_ticks(&dataset), (0..12).collect::<Vec<_>>());
    }
}

#[test]
fn what_was_merged_is_removed_an_hour_later_and_no_other_file() {
    let root = Root::new();
    let settings = root.settings().with_tick_bucket_size(4).unwrap();
    let hour = std::time::Duration::from_secs(3_601);
    simulation::run(1, || {
        let run = start_run(&settings, &options()).unwrap();
        (0..5).for_each(|tick| append(&run, [tick]));
        let orphan = root.table_dir(EDGES).join(format!("bucket=000000/part-{:032x}.parquet", 7));
        fs_err::write(&orphan, "x").unwrap();
        assert_eq!(parts(&root, &run), (5 + 1 + 1, vec![1, 1]));
        // Too young when the next bucket is sealed.
        (5..9).for_each(|tick| append(&run, [tick]));
        assert_eq!(parts(&root, &run), (9 + 2 + 1, vec![1, 1, 1]));
        let before = run.scan(EDGES).unwrap();
        simulation::wait(hour);
        (9..13).for_each(|tick| append(&run, [tick]));
        // The eight parts of two buckets are gone, and those of the third are young.
        assert_eq!(parts(&root, &run), (13 + 3 + 1 - 8, vec![1, 1, 1, 1]));
        assert_eq!(before.batches().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 9);
        simulation::wait(hour);
        run.finish(Outcome::Succeeded).unwrap();
        assert_eq!(parts(&root, run.dataset()), (4 + 1, vec![1; 4]));
        assert!(orphan.exists(), "it may be about to be committed");
        assert_eq!(all_ticks(&run), (0..13).collect::<Vec<_>>());
    });
}

#[test]
fn what_was_merged_stays_if_it_is_asked_for() {
    let root = Root::new();
    let settings = root.settings().with_tick_bucket_size(4).unwrap();
    simulation::run(1, || {
        let keep = RunOptions { keep_merged: std::time::Duration::MAX, ..options() };
        let run = start_run(&settings, &keep).unwrap();
        (0..8).for_each(|tick| append(&run, [tick]));
        simulation::wait(std::time::Duration::from_secs(99_999));
        run.finish(Outcome::Succeeded).unwrap();
        assert_eq!(parts(&root, run.dataset()), (8 + 2, vec![1, 1]));
    });
}

#[test]
fn arguments_that_are_no_run_are_refused_and_leave_nothing() {
    let root = Root::new();
    let deep = (0..80).fold(json!(1), |inner, _| json!([inner]));
    let options = [
        RunOptions { run_id: Some("../x".to_owned()), ..options() },
        RunOptions { params: object(json!({ "a": deep })), ..options() },
    ];
    for options in options {
        assert_eq!(start_run(&root.settings(), &options).unwrap_err().kind(), ErrorKind::Argument);
    }
    assert!(root.files().is_empty());
}
