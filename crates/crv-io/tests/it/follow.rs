//! Following a run, and reading it as of an earlier commit.

use std::time::Duration;

use crv_io::run::{Outcome, RunOptions, start_run};
use crv_io::{AppendOptions, CompactOptions, Dataset, ErrorKind, Follow, TableId, TickRange, VacuumOptions};

use crate::support::{EDGES, Root, append, holdings, ticks_of};

/// A commit: its number, its tables and their ticks.
type Seen = (u64, Vec<(TableId, Vec<i64>)>);

/// Every commit that is there now.
fn all(follow: &mut Follow) -> Vec<Seen> {
    let mut found = Vec::new();
    while let Some(commit) = follow.try_next().unwrap() {
        let tables = commit.tables.into_iter().map(|(table, scan)| {
            let ticks = scan.batches().flat_map(|batch| {
                let batch = batch.unwrap();
                let column = batch.column_by_name("tick").unwrap();
                let ticks = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int64Type>(column);
                ticks.values().to_vec()
            });
            (table, ticks.collect())
        });
        found.push((commit.number, tables.collect()));
    }
    found
}

#[test]
fn commits_come_once_whole_and_in_order() {
    let root = Root::new();
    let dataset = root.open();
    let mut follow = root.open().follow(0, None);
    assert_eq!(all(&mut follow), []);
    append(&dataset, [1, 250]);
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, crate::support::edges([2]), AppendOptions::default()).unwrap();
    transaction.append(TableId::HOLDINGS, holdings([2, 3]), AppendOptions::default()).unwrap();
    transaction.commit().unwrap();
    let second = vec![(EDGES, vec![2]), (TableId::HOLDINGS, vec![2, 3])];
    assert_eq!(all(&mut follow), [(1, vec![(EDGES, vec![1, 250])]), (2, second.clone())]);
    assert_eq!((all(&mut follow), follow.commit()), (vec![], 2));
    // Merges and vacuums are passed over; what was merged since is read as it was written.
    dataset.compact(EDGES, CompactOptions::default()).unwrap();
    append(&dataset, [4]);
    assert_eq!(all(&mut follow), [(4, vec![(EDGES, vec![4])])]);
    assert_eq!(all(&mut root.open().follow(1, None))[0], (2, second));
    let only = all(&mut root.open().follow(0, Some(vec![TableId::HOLDINGS])));
    assert_eq!(only, [(2, vec![(TableId::HOLDINGS, vec![2, 3])])]);
    // Parts that are gone are an error that says so.
    dataset.vacuum(VacuumOptions { older_than: Duration::ZERO, ..VacuumOptions::default() }).unwrap();
    let commit = root.open().follow(0, None).try_next().unwrap().unwrap();
    let error = commit.tables[0].1.clone().batches().find_map(Result::err).unwrap();
    assert!(error.is_vacuumed(), "{error}");
}

#[test]
fn what_a_follower_cannot_have_is_told() {
    let root = Root::new();
    let dataset = root.open();
    (0..5).for_each(|tick| append(&dataset, [tick]));
    let mut follow = root.open().follow(0, None);
    assert_eq!(follow.try_next().unwrap().unwrap().number, 1);
    dataset.truncate(2).unwrap();
    append(&dataset, [9]);
    let told = loop {
        match follow.try_next() {
            Ok(commit) => assert!(commit.unwrap().number <= 5),
            Err(error) => break error,
        }
    };
    assert_eq!((told.kind(), told.commit().unwrap().0), (ErrorKind::Conflict, 6));
    assert_eq!(follow.try_next().unwrap().unwrap().number, 7, "it goes on after it");
    // It concerns only followers of the table.
    let mut other = root.open().follow(0, Some(vec![TableId::HOLDINGS]));
    assert!(other.try_next().unwrap().is_none());
    dataset.prune(Duration::ZERO).unwrap();
    let error = root.open().follow(0, None).try_next().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.to_string().contains("commit 1 was pruned, with all up to 7"), "{error}");
    assert_eq!(error.hint(), Some("read the tables as of now, or begin after commit 7"));
    append(&dataset, [10]);
    assert_eq!(all(&mut root.open().follow(7, None)), [(8, vec![(EDGES, vec![10])])]);
    // A commit that is lost is not the end of the log.
    append(&dataset, [11]);
    append(&dataset, [12]);
    fs_err::remove_file(root.run_dir().join("_commits/00000000000000000009.json")).unwrap();
    let error = root.open().follow(8, None).try_next().unwrap_err();
    assert!(error.to_string().contains("this commit is missing"), "{error}");
}

#[test]
fn the_end_of_a_run_ends_it() {
    let root = Root::new();
    let run = start_run(&root.settings(), &RunOptions { run_id: Some("r".into()), ..RunOptions::default() })
        .unwrap();
    append(run.dataset(), [0]);
    let mut follow = Dataset::open(root.settings(), "r").unwrap().follow(0, None);
    assert!(!follow.is_over().unwrap());
    let waited = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut numbers = Vec::new();
            while !follow.is_over().unwrap() {
                let next = follow.next_within(Duration::from_millis(1), Duration::from_millis(50)).unwrap();
                numbers.extend(next.map(|commit| commit.number));
            }
            numbers
        });
        for tick in 1..20 {
            append(run.dataset(), [tick]);
        }
        run.finish(Outcome::Succeeded).unwrap();
        waiter.join().unwrap()
    });
    assert_eq!(waited, (1..=20).collect::<Vec<u64>>());
}

/// The newest commit is lost, and a manifest includes it.
#[test]
fn a_follower_does_not_wait_for_a_commit_that_is_lost() {
    let root = Root::new();
    let run = start_run(&root.settings(), &RunOptions { run_id: Some("r".into()), ..RunOptions::default() })
        .unwrap();
    (0..3).for_each(|tick| append(run.dataset(), [tick]));
    run.finish(Outcome::Succeeded).unwrap();
    let last = root.path().join("runs/r/_commits/00000000000000000003.json");
    fs_err::remove_file(last).unwrap();
    let mut follow = Dataset::open(root.settings(), "r").unwrap().follow(0, None);
    let error = loop {
        match follow.try_next() {
            Ok(Some(_)) => {}
            Ok(None) => break follow.is_over().unwrap_err(),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("this commit is missing"), "{error}");
}

#[test]
fn a_table_is_read_as_of_an_earlier_commit() {
    let root = Root::new();
    let dataset = root.open();
    (0..40).for_each(|tick| append(&dataset, [tick]));
    dataset.compact(EDGES, CompactOptions::default()).unwrap();
    dataset.truncate(30).unwrap();
    append(&dataset, [31]);
    let ticks = |number: u64| -> Vec<i64> {
        let batches = root.open().scan_at(EDGES, number).unwrap().columns(&["tick"]).unwrap().batches();
        let columns = batches.map(|batch| batch.unwrap().column(0).clone());
        columns
            .flat_map(|column| {
                arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int64Type>(&column)
                    .values()
                    .to_vec()
            })
            .collect()
    };
    for number in [1, 7, 39, 40] {
        assert_eq!(ticks(number), (0..number as i64).collect::<Vec<_>>());
    }
    assert_eq!(ticks(41), (0..40).collect::<Vec<_>>(), "merged");
    assert_eq!(ticks(42), (0..=30).collect::<Vec<_>>(), "truncated");
    assert_eq!(ticks(43), ticks_of(&dataset, EDGES, TickRange::ALL).unwrap());
    let told = |number| root.open().scan_at(EDGES, number).unwrap_err().to_string();
    assert!(told(44).contains("has no commit 44: the newest is 43"), "{}", told(44));
    let error = root.open().scan_at(TableId::HOLDINGS, 5).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    dataset.prune(Duration::ZERO).unwrap();
    append(&dataset, [50]);
    assert!(told(10).contains("commit 10 was pruned, with all up to 43"), "{}", told(10));
    assert_eq!(ticks(43).len(), 32);
    assert_eq!(ticks(44).len(), 33);
}
