//! Several processes on one run, and processes that are killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crv_io::{AppendOptions, Dataset, TableId, TickRange};

use crate::support::{EDGES, RUN, Root, edges, holdings, ticks_of};

const ROOT: &str = "CRV_TEST_ROOT";
const FIRST: &str = "CRV_TEST_FIRST";

/// Not a test: the program of the child processes of the tests below. Appends tick after tick to two tables, and
/// prints each tick once it is acknowledged.
#[test]
#[expect(clippy::print_stdout, reason = "its parent reads it")]
fn child() {
    let (Ok(root), Ok(first)) = (std::env::var(ROOT), std::env::var(FIRST)) else { return };
    let settings = crv_io::IoSettings::default().with_root_dir(root).unwrap();
    let dataset = Dataset::open(settings, RUN).unwrap();
    for tick in first.parse::<i64>().unwrap().. {
        let mut transaction = dataset.transaction();
        transaction.append(EDGES, edges([tick, tick]), AppendOptions::default()).unwrap();
        transaction.append(TableId::HOLDINGS, holdings([tick]), AppendOptions::default()).unwrap();
        transaction.commit().unwrap();
        println!("acknowledged {tick}");
    }
}

fn spawn(root: &Root, first: i64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child", "--nocapture", "--test-threads=1"])
        .env(ROOT, root.path())
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads the ticks that the child prints, `until` of them or all.
fn acknowledged(child: &mut Child, until: usize) -> Vec<i64> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ticks = Vec::new();
    for line in lines {
        let line = line.unwrap();
        // The test harness prints the test's name, without a line end, before the first line.
        if let Some((_, tick)) = line.split_once("acknowledged ") {
            ticks.push(tick.parse().unwrap());
        }
        if ticks.len() == until {
            break;
        }
    }
    ticks
}

/// Checks that every tick of `expected` is there, and that every tick that is there is whole, in both tables.
fn check(root: &Root, expected: &[i64]) -> Vec<i64> {
    let dataset = root.open();
    let mut edges = ticks_of(&dataset, EDGES, TickRange::ALL).unwrap();
    let mut holdings = ticks_of(&dataset, TableId::HOLDINGS, TickRange::ALL).unwrap();
    edges.sort_unstable();
    holdings.sort_unstable();
    for tick in expected {
        assert!(holdings.binary_search(tick).is_ok(), "tick {tick} was acknowledged and is not there");
    }
    let doubled: Vec<i64> = holdings.iter().flat_map(|tick| [*tick, *tick]).collect();
    assert_eq!(edges, doubled, "a torn tick, or a tick twice");
    holdings
}

#[test]
fn a_process_killed_at_any_moment_loses_no_acknowledged_tick() {
    let root = Root::new();
    let mut all = Vec::new();
    for kill in 0..20_u64 {
        let first = kill as i64 * 100_000;
        let mut child = spawn(&root, first);
        let mut ticks = if kill % 2 == 0 {
            // Between commits, or just after one.
            let ticks = acknowledged(&mut child, 1 + kill as usize);
            child.kill().unwrap();
            ticks
        } else {
            // At any moment: the pauses are spread over the time a commit takes.
            std::thread::sleep(Duration::from_micros(20_000 + kill * 3_137));
            child.kill().unwrap();
            acknowledged(&mut child, usize::MAX)
        };
        child.wait().unwrap();
        all.append(&mut ticks);
        if !all.is_empty() {
            check(&root, &all);
        }
    }
    assert!(all.len() > 50, "the children worked: {}", all.len());
}

#[test]
fn two_processes_write_one_run_at_once() {
    let root = Root::new();
    let mut children = [spawn(&root, 0), spawn(&root, 1_000_000)];
    let mut all = Vec::new();
    for child in &mut children {
        let ticks = acknowledged(child, 60);
        assert_eq!(ticks.len(), 60);
        all.extend(ticks);
    }
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let seen = check(&root, &all);
    let first = seen.iter().filter(|tick| **tick < 1_000_000).count();
    assert!(first >= 60 && seen.len() - first >= 60, "both wrote");
    let commits = root.commits().iter().filter(|name| !name.ends_with(".tmp")).count();
    assert_eq!(commits, seen.len(), "a commit each");
}
