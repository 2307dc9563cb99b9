//! Rebuilding a manifest from the parts on disk.

use std::sync::Arc;

use crv_io::{AppendOptions, ErrorKind, TableManifest};

use crate::hooked::{Call, Hooked, Once, When};
use crate::support::{EDGES, Root, all_ticks, append, edges};

/// The manifest without its times, which a rebuild sets anew.
fn timeless(mut manifest: TableManifest) -> TableManifest {
    manifest.created_at.clear();
    manifest.updated_at.clear();
    manifest
}

#[test]
fn a_rebuilt_manifest_equals_the_lost_one() {
    let root = Root::new();
    let dataset = root.open();
    for tick in 0..120 {
        append(&dataset, [tick, 300 - tick]);
    }
    let before = dataset.manifest(EDGES).unwrap();
    let rows = all_ticks(&dataset);
    drop(dataset);
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    let dataset = root.open();
    let report = dataset.rebuild_manifest(EDGES).unwrap();
    // At 19 ticks both rows lie in bucket 1.
    assert_eq!((report.parts, report.rows), (221, 240));
    assert_eq!(timeless(report.manifest), timeless(before));
    assert_eq!(all_ticks(&root.open()), rows);
    assert_eq!(root.commits().len(), 120, "the log was complete: nothing was committed");
}

#[test]
fn a_part_that_was_never_committed_stays_out_and_is_reported() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [1]);
    let part = dataset.scan(EDGES).unwrap().parts().remove(0).path;
    let orphan =
        part.rsplit_once('/').unwrap().0.to_owned() + "/part-00000000000000000000000000000abc.parquet";
    fs_err::copy(&part, &orphan).unwrap();
    fs_err::write(format!("{part}.tmp"), b"half a part").unwrap();
    for lose_manifest in [false, true] {
        if lose_manifest {
            fs_err::remove_file(root.manifest(EDGES)).unwrap();
        }
        let report = root.open().rebuild_manifest(EDGES).unwrap();
        assert_eq!(report.left_out, std::slice::from_ref(&orphan));
        assert_eq!(all_ticks(&root.open()), [1]);
    }
}

#[test]
fn a_part_that_is_gone_is_reported_and_leaves_the_state() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [1]);
    append(&dataset, [2]);
    let part = dataset.scan(EDGES).unwrap().parts().remove(0).path;
    fs_err::remove_file(&part).unwrap();
    let report = dataset.rebuild_manifest(EDGES).unwrap();
    assert_eq!(report.missing, [part]);
    assert_eq!(all_ticks(&dataset), [2]);
    assert_eq!(all_ticks(&root.open()), [2]);
    append(&dataset, [3]);
    assert_eq!(all_ticks(&root.open()), [2, 3]);
}

#[test]
fn without_manifest_and_log_every_part_on_disk_counts() {
    let root = Root::new();
    let dataset = root.open();
    for tick in [5, 3, 150, 4] {
        append(&dataset, [tick]);
    }
    drop(dataset);
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    let dataset = root.open();
    let report = dataset.rebuild_manifest(EDGES).unwrap();
    assert_eq!((report.parts, report.left_out.len()), (4, 0));
    // The order of the commits is lost: parts are ordered by tick.
    assert_eq!(all_ticks(&root.open()), [3, 4, 5, 150]);
    append(&dataset, [6]);
    assert_eq!(all_ticks(&root.open()), [3, 4, 5, 6, 150]);
}

#[test]
fn a_damaged_part_stops_a_rebuild_and_nothing_changes() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [1]);
    append(&dataset, [2]);
    let part = dataset.scan(EDGES).unwrap().parts().remove(1).path;
    fs_err::write(&part, b"not Parquet").unwrap();
    let before = fs_err::read(root.manifest(EDGES)).unwrap();
    let error = dataset.rebuild_manifest(EDGES).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Read);
    assert!(error.to_string().contains(&part), "{error}");
    assert_eq!(fs_err::read(root.manifest(EDGES)).unwrap(), before);
}

#[test]
fn a_table_without_parts_cannot_be_rebuilt() {
    let root = Root::new();
    let error = root.open().rebuild_manifest(EDGES).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(root.files(), [] as [&str; 0]);
}

#[test]
fn appends_go_on_during_rebuilds() {
    let root = Root::new();
    append(&root.open(), [0]);
    std::thread::scope(|scope| {
        let writer = root.open();
        scope.spawn(move || {
            for tick in 1..100 {
                writer.append(EDGES, edges([tick]), AppendOptions::default()).unwrap();
            }
        });
        let keeper = root.open();
        scope.spawn(move || {
            for _ in 0..10 {
                let report = keeper.rebuild_manifest(EDGES).unwrap();
                assert_eq!(report.missing, [] as [&str; 0]);
            }
        });
    });
    let mut ticks = all_ticks(&root.open());
    ticks.sort_unstable();
    assert_eq!(ticks, Vec::from_iter(0..100));
}

/// The first append of a run had named its parts and not committed them when another process rebuilt one table: its
/// part was added alone, and after the writer died, a third of its tick was there. Found by killing processes at
/// random.
#[test]
fn a_part_of_a_first_append_under_way_stays_out() {
    let root = Root::new();
    let rebuild = Once::new({
        let theirs = root.open();
        move || {
            let error = theirs.rebuild_manifest(EDGES).unwrap_err();
            assert!(error.to_string().contains("no parts"), "{error}");
        }
    });
    let hooked = Arc::clone(&rebuild);
    let dataset = Hooked::open(&root, root.settings(), move |when, call| {
        if matches!((when, call), (When::After, Call::Stage(_))) {
            hooked.act();
        }
    });
    append(&dataset, [0]);
    assert!(rebuild.is_done());
    assert_eq!(root.commits().len(), 1);
    assert_eq!(all_ticks(&root.open()), [0]);
}
