//! Transactions: several tables, one commit, all or nothing.

use crv_io::{AppendOptions, ErrorKind, TableId, TickRange};

use crate::support::{EDGES, Root, all_ticks, append, edges, holdings, names_in, ticks_of};

#[test]
fn several_tables_are_one_commit() {
    let root = Root::new();
    let dataset = root.open();
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, edges([1, 101]), AppendOptions::default()).unwrap();
    transaction.append(TableId::HOLDINGS, holdings([1]), AppendOptions::default()).unwrap();
    transaction.append(EDGES, edges([2]), AppendOptions::default()).unwrap();
    assert_eq!(root.commits(), [] as [&str; 0], "nothing is visible before the commit");
    let summary = transaction.commit().unwrap();
    assert_eq!(summary.commit, Some(1));
    assert_eq!(summary.tables.len(), 3);
    assert_eq!(root.commits().len(), 1);
    assert_eq!(all_ticks(&dataset), [1, 2, 101]);
    assert_eq!(ticks_of(&dataset, TableId::HOLDINGS, TickRange::ALL).unwrap(), [1]);
}

#[test]
fn an_aborted_or_dropped_transaction_leaves_the_tables_as_they_were() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [1]);
    let before = root.files();
    let mut aborted = dataset.transaction();
    aborted.append(EDGES, edges([2]), AppendOptions::default()).unwrap();
    aborted.abort();
    let mut dropped = dataset.transaction();
    // Large enough that its parts are staged before the commit.
    dropped.append(EDGES, edges(0..400_000), AppendOptions::default()).unwrap();
    assert!(root.files().len() > before.len(), "parts were written");
    drop(dropped);
    assert_eq!(root.files(), before);
    assert_eq!(all_ticks(&dataset), [1]);
}

#[test]
fn a_refused_append_leaves_the_rest_of_the_transaction() {
    let root = Root::new();
    let dataset = root.open();
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, edges([1]), AppendOptions::default()).unwrap();
    let error = transaction.append(EDGES, edges([-5]), AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    transaction.append(EDGES, edges([2]), AppendOptions::default()).unwrap();
    transaction.commit().unwrap();
    assert_eq!(all_ticks(&dataset), [1, 2]);
}

#[test]
fn a_transaction_without_rows_commits_nothing() {
    let root = Root::new();
    let dataset = root.open();
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, edges([]), AppendOptions::default()).unwrap();
    assert_eq!(transaction.commit().unwrap().commit, None);
    assert_eq!(names_in(root.path()), [] as [&str; 0]);
}
