//! The order of reads. Another process acts between two reads, at the worst moment: the second read must notice, and no
//! acknowledged row may be missed or written twice.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crv_io::store::StoreError;
use crv_io::{
    AppendOptions, CompactOptions, Dataset, ErrorKind, IoSettings, TableId, VacuumOptions, WriterOptions,
};

use crate::hooked::{Call, Hooked, Once, When};
use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, holdings};

/// Settings under which manifests are written only when a handle is closed.
fn lazily(root: &Root) -> IoSettings {
    root.settings().with_write_manifest_every_n(Some(1_000_000)).unwrap()
}

fn commit(number: u64) -> String {
    format!("_commits/{number:020}.json")
}

/// A handle beside which another process acts once, around the first call for which `is_it` is true.
fn beside(
    root: &Root,
    when: When,
    is_it: impl Fn(Call<'_>) -> bool + Send + Sync + 'static,
    act: impl FnOnce() + Send + 'static,
) -> (Dataset, Arc<Once>) {
    let once = Once::new(act);
    let inner = Arc::clone(&once);
    let dataset = Hooked::open(root, lazily(root), move |now, call| {
        if now == when && is_it(call) {
            inner.act();
        }
    });
    (dataset, once)
}

fn reads(ending: String) -> impl Fn(Call<'_>) -> bool {
    move |call| matches!(call, Call::Read(path) | Call::Open(path) if path.as_str().ends_with(&ending))
}

/// Closes and prunes a run with a separate handle.
fn prune(root: &Root) -> impl FnOnce() + Send + 'static {
    let dataset = Dataset::open(lazily(root), RUN).unwrap();
    move || {
        dataset.prune(Duration::ZERO).unwrap();
    }
}

/// The base is read after the log: commits that are pruned before they are read are noticed.
#[test]
fn a_handle_sees_commits_that_are_pruned_while_it_looks_for_them() {
    let root = Root::new();
    let writer = Dataset::open(lazily(&root), RUN).unwrap();
    append(&writer, [0]);
    let (reader, pruned) = beside(&root, When::Before, reads(commit(3)), prune(&root));
    assert_eq!(all_ticks(&reader), [0]);
    (1..10).for_each(|tick| append(&writer, [tick]));
    assert!(!pruned.is_done());
    assert_eq!(all_ticks(&reader), Vec::from_iter(0..10));
    assert!(pruned.is_done(), "nothing was pruned");
    append(&reader, [10]);
    assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..11));
}

/// The same for a fresh handle, whose manifest is older than the base that is written meanwhile.
#[test]
fn a_fresh_handle_sees_commits_that_are_pruned_while_it_replays_them() {
    let root = Root::new();
    let writer = Dataset::open(lazily(&root), RUN).unwrap();
    append(&writer, [0]);
    writer.close().unwrap();
    (1..10).for_each(|tick| append(&writer, [tick]));
    let (reader, pruned) = beside(&root, When::Before, reads(commit(2)), prune(&root));
    assert_eq!(all_ticks(&reader), Vec::from_iter(0..10));
    assert!(pruned.is_done());
}

/// The same for a table that a handle reads after another: the handle knows where the log ends, and replays up to there.
#[test]
fn a_second_table_sees_commits_that_are_pruned_while_it_replays_them() {
    let root = Root::new();
    let writer = Dataset::open(lazily(&root), RUN).unwrap();
    append(&writer, [0]);
    writer.close().unwrap();
    (1..10).for_each(|tick| append(&writer, [tick]));
    writer.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    let (reader, pruned) = beside(&root, When::Before, reads(commit(5)), prune(&root));
    // The empty manifest of this table was written after those commits; else the first of them would be read here.
    assert_eq!(reader.scan(TableId::HOLDINGS).unwrap().commit(), 11);
    assert!(!pruned.is_done());
    assert_eq!(all_ticks(&reader), Vec::from_iter(0..10));
    assert!(pruned.is_done());
}

/// The next commit of a follower is pruned before it is read: whether its file is gone, or a void one is there.
#[test]
fn a_follower_notices_that_its_next_commit_is_pruned() {
    let root = Root::new();
    let writer = Dataset::open(lazily(&root), RUN).unwrap();
    (0..10).for_each(|tick| append(&writer, [tick]));
    let third = root.run_dir().join("_commits/00000000000000000003.json");
    let bytes = fs_err::read(&third).unwrap();
    let (reader, pruned) = beside(&root, When::Before, reads(commit(3)), prune(&root));
    let mut follow = reader.follow(2, None);
    let error = follow.try_next().unwrap_err();
    assert!(error.to_string().contains("commit 3 was pruned, with all up to 10"), "{error}");
    assert!(pruned.is_done());
    fs_err::write(&third, bytes).unwrap();
    let error = root.open().follow(2, None).try_next().unwrap_err();
    assert!(error.to_string().contains("commit 3 was pruned, with all up to 10"), "{error}");
}

/// Commits up to an earlier state are pruned while they are replayed.
#[test]
fn an_earlier_state_is_not_made_of_commits_that_are_pruned_meanwhile() {
    let root = Root::new();
    let writer = Dataset::open(lazily(&root), RUN).unwrap();
    (0..10).for_each(|tick| append(&writer, [tick]));
    let (reader, pruned) = beside(&root, When::Before, reads(commit(5)), prune(&root));
    let error = reader.scan_at(EDGES, 7).unwrap_err();
    assert!(pruned.is_done());
    assert!(error.to_string().contains("commit 7 was pruned, with all up to 10"), "{error}");
    assert_eq!(reader.scan_at(EDGES, 10).unwrap().parts().len(), 10);
}

/// An append after a prune continues at the end of the log, however old the cached state of its handle is.
#[test]
fn a_writer_sees_commits_that_are_pruned_while_it_loses_a_race() {
    let root = Root::new();
    let writer = Dataset::open(lazily(&root), RUN).unwrap();
    append(&writer, [0]);
    let (late, pruned) = beside(&root, When::Before, reads(commit(3)), prune(&root));
    append(&late, [1]);
    (2..10).for_each(|tick| append(&writer, [tick]));
    append(&late, [10]);
    assert!(pruned.is_done());
    let mut ticks = all_ticks(&root.open());
    ticks.sort_unstable();
    assert_eq!(ticks, Vec::from_iter(0..=10));
    assert_eq!(root.commits(), [format!("{:020}.json", 11), "base.json".to_owned()]);
}

/// The tag of the base is read before its bytes: a base that is replaced meanwhile is read again at the next refresh.
/// Else a number that was pruned could be used again and acknowledged.
#[test]
fn a_base_that_is_replaced_while_it_is_read_is_noticed_at_the_next_look() {
    let root = Root::new();
    let writer = Dataset::open(lazily(&root), RUN).unwrap();
    (0..5).for_each(|tick| append(&writer, [tick]));
    writer.prune(Duration::ZERO).unwrap();
    let other = root.open();
    let (late, pruned) = beside(&root, When::After, reads("base.json".to_owned()), move || {
        (5..10).for_each(|tick| append(&other, [tick]));
        other.prune(Duration::ZERO).unwrap();
    });
    append(&late, [10]);
    assert!(pruned.is_done());
    assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..=10));
    assert_eq!(root.commits(), [format!("{:020}.json", 11), "base.json".to_owned()]);
}

/// The log is listed before its base is read: what is pruned between the two is in the base.
#[test]
fn a_log_that_is_pruned_while_it_is_listed_is_read_whole() {
    for when in [When::Before, When::After] {
        let root = Root::new();
        let writer = Dataset::open(lazily(&root), RUN).unwrap();
        (0..10).for_each(|tick| append(&writer, [tick]));
        writer.close().unwrap();
        // So that only the log names the live parts.
        let is_log = |call: Call<'_>| matches!(call, Call::List(dir) if dir.as_str().ends_with("_commits"));
        let (other, pruned) = beside(&root, when, is_log, prune(&root));
        let report = other.rebuild_manifest(EDGES).unwrap();
        assert!(pruned.is_done());
        assert_eq!((report.rows, report.left_out.len(), report.missing.len()), (10, 0, 0));
        assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..10));
    }
}

/// The same where the log is joined with a foreign manifest, and read once.
#[test]
fn a_log_that_is_pruned_while_rows_are_counted_is_counted_whole() {
    for when in [When::Before, When::After] {
        let root = Root::new();
        let writer = Dataset::open(lazily(&root), RUN).unwrap();
        (0..5).for_each(|tick| append(&writer, [tick]));
        let foreign = serde_json::to_vec(&writer.manifest(EDGES).unwrap()).unwrap();
        (5..10).for_each(|tick| append(&writer, [tick]));
        fs_err::write(root.manifest(EDGES), foreign).unwrap();
        let is_log = |call: Call<'_>| matches!(call, Call::List(dir) if dir.as_str().ends_with("_commits"));
        let (other, pruned) = beside(&root, when, is_log, prune(&root));
        assert_eq!(other.tables_index().unwrap()[&EDGES].rows, 10);
        assert!(pruned.is_done());
    }
}

/// A handle that begins with a new table finds the end of the log from names, base and manifests; here another
/// implementation puts back a manifest that names no commit.
#[test]
fn the_end_of_a_log_that_is_pruned_meanwhile_is_found() {
    for when in [When::Before, When::After] {
        let root = Root::new();
        let writer = Dataset::open(lazily(&root), RUN).unwrap();
        (0..10).for_each(|tick| append(&writer, [tick]));
        let foreign = serde_json::to_vec(&writer.manifest(EDGES).unwrap()).unwrap();
        let is_log = |call: Call<'_>| matches!(call, Call::List(dir) if dir.as_str().ends_with("_commits"));
        let (prune, manifest) = (prune(&root), root.manifest(EDGES));
        let (other, pruned) = beside(&root, when, is_log, move || {
            prune();
            fs_err::write(manifest, foreign).unwrap();
        });
        other.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
        assert!(pruned.is_done());
        assert_eq!(root.commits(), [format!("{:020}.json", 11), "base.json".to_owned()]);
        assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..10));
    }
}

/// The base is read after the put: the number was free because its commit was pruned.
#[test]
fn a_number_that_is_pruned_just_before_it_is_taken_is_not_acknowledged() {
    let root = Root::new();
    let busy = Dataset::open(lazily(&root), RUN).unwrap();
    append(&busy, [0]);
    let takes = |call: Call<'_>| matches!(call, Call::Put(path) if path.as_str().ends_with(&commit(2)));
    let (late, pruned) = beside(&root, When::Before, takes, move || {
        (1..10).for_each(|tick| append(&busy, [tick]));
        busy.prune(Duration::ZERO).unwrap();
    });
    append(&late, [100]);
    assert!(pruned.is_done());
    let mut ticks = all_ticks(&root.open());
    ticks.sort_unstable();
    assert_eq!(ticks, Vec::from_iter((0..10).chain([100])));
    assert_eq!(root.commits(), [format!("{:020}.json", 11), "base.json".to_owned()]);
}

/// The base is read after the commit file: the absence of a commit of unknown outcome proves nothing once it may have
/// been pruned.
#[test]
fn a_commit_in_doubt_that_is_pruned_while_it_is_looked_for_is_not_written_again() {
    let root = Root::new();
    let (unknown, others) = (AtomicU32::new(0), Once::new(prune(&root)));
    let looks = Arc::clone(&others);
    let second = commit(2);
    // The second commit takes effect with an unknown outcome, and then its name cannot be synced.
    let store = Hooked::store(&root, move |when, call| {
        let path = match call {
            Call::Put(path) | Call::Read(path) | Call::Sync(path) if path.as_str().ends_with(&second) => path,
            _ => return Ok(()),
        };
        let failed = || StoreError::new("sync", path.as_str(), io::Error::other("injected"));
        match (when, call) {
            (When::After, Call::Put(_)) if unknown.load(Ordering::SeqCst) == 0 => {
                unknown.store(1, Ordering::SeqCst);
                Err(failed().unknown())
            }
            (When::Before, Call::Sync(_)) if unknown.load(Ordering::SeqCst) == 1 => {
                unknown.store(2, Ordering::SeqCst);
                Err(failed())
            }
            (When::Before, Call::Read(_)) if unknown.load(Ordering::SeqCst) == 2 => {
                looks.act();
                Ok(())
            }
            _ => Ok(()),
        }
    });
    let dataset = Dataset::with_store(lazily(&root), RUN, store).unwrap();
    append(&dataset, [0]);
    let mut writer = dataset.writer(WriterOptions::default());
    writer.append(EDGES, edges([1]), AppendOptions::default()).unwrap();
    assert_eq!(writer.flush().unwrap_err().kind(), ErrorKind::UnknownOutcome);
    assert!(!others.is_done());
    let error = writer.flush().unwrap_err();
    assert!(others.is_done(), "nothing was pruned");
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
    assert_eq!(all_ticks(&root.open()), [0, 1]);
    writer.discard();
}

/// The tag of the manifest is read before the state of the table: a manifest that is written meanwhile stays.
#[test]
fn a_rebuild_does_not_replace_a_manifest_that_is_newer_than_what_it_knows() {
    let root = Root::new();
    let writer = Dataset::open(lazily(&root), RUN).unwrap();
    (0..3).for_each(|tick| append(&writer, [tick]));
    writer.close().unwrap();
    let other = Dataset::open(lazily(&root), RUN).unwrap();
    // The footers are read after the log.
    let is_part = |call: Call<'_>| matches!(call, Call::Open(path) if path.as_str().ends_with(".parquet"));
    let (rebuilder, written) = beside(&root, When::Before, is_part, move || {
        (3..6).for_each(|tick| append(&other, [tick]));
        other.close().unwrap();
    });
    rebuilder.rebuild_manifest(EDGES).unwrap();
    assert!(written.is_done());
    let text = fs_err::read_to_string(root.manifest(EDGES)).unwrap();
    assert!(text.contains("\"commit\": 6"), "{}", &text[..300]);
    assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..6));
}

/// Commits that are published between the read of the manifest and that of the log are live: a rebuild counts their parts.
#[test]
fn a_rebuild_counts_what_is_committed_while_it_reads_the_log() {
    let root = Root::new();
    let writer = Dataset::open(lazily(&root), RUN).unwrap();
    // Not closed before the end: its manifest stays behind its commits, and the rebuild need not begin again.
    let _open = writer.clone();
    (0..3).for_each(|tick| append(&writer, [tick]));
    let is_log = |call: Call<'_>| matches!(call, Call::List(path) if path.file_name() == "_commits");
    let (rebuilder, written) = beside(&root, When::Before, is_log, move || {
        (3..6).for_each(|tick| append(&writer, [tick]));
    });
    let report = rebuilder.rebuild_manifest(EDGES).unwrap();
    assert!(written.is_done());
    assert_eq!((report.parts, report.rows), (6, 6));
    assert_eq!((report.left_out, report.missing), (vec![], vec![]));
    assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..6));
}

/// Parts that another process merges and vacuums before a merge reads them are no damage: the merge is dropped.
#[test]
fn a_merge_whose_parts_are_vacuumed_before_they_are_read_is_dropped() {
    let root = Root::new();
    let other = root.open();
    (0..3).for_each(|tick| append(&other, [tick]));
    let is_part = |call: Call<'_>| matches!(call, Call::Open(path) if path.as_str().ends_with(".parquet"));
    let (merger, vacuumed) = beside(&root, When::Before, is_part, move || {
        other.compact(EDGES, CompactOptions::default()).unwrap();
        let options = VacuumOptions { older_than: Duration::ZERO, dry_run: false };
        assert_eq!(other.vacuum(options).unwrap().removed.len(), 3);
    });
    let report = merger.compact(EDGES, CompactOptions::default()).unwrap();
    assert!(vacuumed.is_done());
    assert_eq!((report.parts_before, report.gave_way), (0, 1), "{report:?}");
    assert_eq!(all_ticks(&root.open()), [0, 1, 2]);
}

/// A table whose first append happens between the look for its manifest and that for its buckets has not lost its
/// manifest.
#[test]
fn a_prune_beside_the_first_append_of_a_table_takes_no_manifest_for_lost() {
    let root = Root::new();
    let other = root.open();
    append(&other, [0]);
    fs_err::create_dir_all(root.table_dir(TableId::HOLDINGS)).unwrap();
    let is_manifest = |call: Call<'_>| matches!(call, Call::Read(path) if path.as_str().ends_with("holdings/manifest.json"));
    let (pruner, appended) = beside(&root, When::After, is_manifest, move || {
        other.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    });
    pruner.prune(Duration::ZERO).unwrap();
    assert!(appended.is_done());
}

/// A manifest that is replaced at every read neither stops a reader nor makes it wait.
#[test]
fn a_manifest_that_keeps_moving_does_not_keep_a_reader() {
    let root = Root::new();
    append(&root.open(), [0]);
    let writer = Dataset::open(root.settings().with_write_manifest_every_n(Some(1)).unwrap(), RUN).unwrap();
    let looks = Arc::new(AtomicU32::new(0));
    let (ticks, counted) = (AtomicU32::new(1), Arc::clone(&looks));
    let reader = Hooked::open(&root, root.settings(), move |when, call| {
        if when == When::After && matches!(call, Call::Read(path) if path.file_name() == "manifest.json") {
            counted.fetch_add(1, Ordering::SeqCst);
            append(&writer, [i64::from(ticks.fetch_add(1, Ordering::SeqCst))]);
        }
    });
    assert_eq!(all_ticks(&reader), [0, 1], "what was committed while the table was loaded is there as well");
    assert_eq!(looks.load(Ordering::SeqCst), 1, "the manifest is read once");
    assert_eq!(all_ticks(&reader).len(), 3);
}

/// Eight races lost do not count as failures of storage: a put of unknown outcome after them is retried.
#[test]
fn lost_races_do_not_count_as_unclear_outcomes() {
    for (absent, succeeds) in [(8, true), (9, false)] {
        let root = Root::new();
        let other = root.open();
        append(&other, [0]);
        let puts = AtomicU32::new(0);
        let store = Hooked::store(&root, move |when, call| {
            let Call::Put(path) = call else { return Ok(()) };
            if when == When::After || !path.as_str().contains("/_commits/0") {
                return Ok(());
            }
            let put = puts.fetch_add(1, Ordering::SeqCst);
            if put < 12 {
                append(&other, [i64::from(put) + 1]);
                return Ok(());
            }
            if put < 12 + absent {
                // It did not take effect, and its outcome is unknown.
                return Err(StoreError::new("link", path.as_str(), io::Error::other("injected")).unknown());
            }
            Ok(())
        });
        let ours = Dataset::with_store(root.settings(), RUN, store).unwrap();
        let outcome = ours.append(EDGES, edges([99]), AppendOptions::default());
        assert_eq!(outcome.is_ok(), succeeds, "after {absent}: {:?}", outcome.map(drop));
        assert_eq!(all_ticks(&root.open()).len(), 13 + usize::from(succeeds));
    }
}
