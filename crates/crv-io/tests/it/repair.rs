//! Repairing a run: damage is corrected where possible, no acknowledged row is lost, and replaced files are kept.

use std::path::PathBuf;
use std::time::Duration;

use crv_io::{
    AppendOptions, CheckOptions, Dataset, ErrorKind, ProblemKind, RepairKind, RepairReport, TableId,
};

use crate::hooked::{Hooked, unpoisoned};
use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, holdings, sealed};

fn commit(root: &Root, number: u64) -> PathBuf {
    root.run_dir().join(format!("_commits/{number:020}.json"))
}

fn base(root: &Root) -> PathBuf {
    root.run_dir().join("_commits/base.json")
}

/// A run of the ticks 1 to `last`, a commit each, by a handle that died before it could close.
fn run(last: i64) -> Root {
    let root = Root::new();
    let dataset = root.open();
    (1..=last).for_each(|number| append(&dataset, [number]));
    std::mem::forget(dataset);
    root
}

/// The same, with a manifest that stays as it was created.
fn lagging(last: i64) -> Root {
    let root = Root::new();
    let settings = root.settings().with_write_manifest_every_n(Some(1000)).unwrap();
    let dataset = Dataset::open(settings, RUN).unwrap();
    (1..=last).for_each(|number| append(&dataset, [number]));
    std::mem::forget(dataset);
    root
}

fn kinds(report: &RepairReport) -> Vec<RepairKind> {
    report.actions.iter().map(|action| action.kind).collect()
}

fn left(report: &RepairReport) -> Vec<ProblemKind> {
    report.left.iter().map(|problem| problem.kind).collect()
}

/// Repairs the run. Checks that only harmless problems are left, that replaced bytes are kept, and that a second
/// repair changes nothing.
#[track_caller]
fn repaired(root: &Root, replaced: Option<&[u8]>) -> RepairReport {
    let report = root.open().repair().unwrap();
    assert!(report.left.is_empty() && !report.actions.is_empty(), "{report:#?}");
    let kept: Vec<&String> = report.actions.iter().filter_map(|action| action.kept.as_ref()).collect();
    let kept: Vec<Vec<u8>> = kept.into_iter().map(|path| fs_err::read(path).unwrap()).collect();
    assert_eq!(kept, Vec::from_iter(replaced.map(<[u8]>::to_vec)), "{report:#?}");
    let checked = root.open().check(CheckOptions { deep: true }).unwrap();
    let harmless = [ProblemKind::ReplacedFile, ProblemKind::LeftoverCommit, ProblemKind::OrphanPart];
    assert!(checked.problems.iter().all(|problem| harmless.contains(&problem.kind)), "{checked:#?}");
    unchanged(root);
    report
}

/// Checks that a repair changes nothing, and returns the problems that it leaves.
#[track_caller]
fn unchanged(root: &Root) -> Vec<ProblemKind> {
    let files = root.files();
    let report = root.open().repair().unwrap();
    assert_eq!(report.actions, [], "{report:#?}");
    assert_eq!(root.files(), files);
    left(&report)
}

#[test]
fn a_run_that_is_well_is_left_as_it_is() {
    assert_eq!(unchanged(&Root::new()), []);
    let root = run(5);
    assert_eq!(unchanged(&root), []);
    root.open().prune(Duration::ZERO).unwrap();
    append(&root.open(), [6]);
    assert_eq!(unchanged(&root), []);
    assert_eq!(unchanged(&lagging(3)), []);
}

#[test]
fn a_torn_newest_commit_is_set_aside_and_the_run_goes_on() {
    for bytes in [&b""[..], b"{\"format\":1,\"commit\":4,"] {
        let root = lagging(4);
        fs_err::write(commit(&root, 4), bytes).unwrap();
        assert_eq!(root.open().scan(EDGES).unwrap_err().kind(), ErrorKind::Manifest);
        let report = repaired(&root, Some(bytes));
        assert_eq!(kinds(&report), [RepairKind::SetAsideCommit]);
        assert_eq!(all_ticks(&root.open()), [1, 2, 3]);
        append(&root.open(), [5]);
        assert_eq!(all_ticks(&root.open()), [1, 2, 3, 5]);
        assert!(commit(&root, 4).exists(), "the number is used again");
    }
}

/// The handle that repairs had read the commit before it was damaged.
#[test]
fn the_handle_that_repairs_forgets_what_it_knew() {
    let root = Root::new();
    let dataset = Dataset::open(root.settings().with_write_manifest_every_n(Some(99)).unwrap(), RUN).unwrap();
    (1..4).for_each(|number| append(&dataset, [number]));
    fs_err::write(commit(&root, 3), b"").unwrap();
    assert_eq!(kinds(&dataset.repair().unwrap()), [RepairKind::SetAsideCommit]);
    append(&dataset, [4]);
    assert_eq!(all_ticks(&dataset), [1, 2, 4]);
    assert_eq!(all_ticks(&root.open()), [1, 2, 4]);
}

#[test]
fn a_newest_commit_that_may_have_been_acknowledged_is_not_set_aside() {
    // A manifest that cannot be read may include it.
    let root = lagging(3);
    fs_err::write(commit(&root, 3), b"").unwrap();
    fs_err::write(root.manifest(EDGES), b"").unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::DamagedCommit, ProblemKind::DamagedManifest]);
    // No writer publishes after a commit that it cannot read: the earlier one was whole once.
    let root = lagging(4);
    fs_err::write(commit(&root, 3), b"").unwrap();
    fs_err::write(commit(&root, 4), b"").unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::DamagedCommit, ProblemKind::DamagedCommit]);
}

#[test]
fn a_manifest_is_made_anew_from_the_log() {
    for pruned in [false, true] {
        let root = run(5);
        if pruned {
            root.open().prune(Duration::ZERO).unwrap();
            append(&root.open(), [6]);
        }
        let before = root.open().manifest(EDGES).unwrap();
        let rows = all_ticks(&root.open());
        let other = run(if pruned { 6 } else { 5 });
        for damage in [None, Some(b"".to_vec()), Some(fs_err::read(other.manifest(EDGES)).unwrap())] {
            match &damage {
                None => fs_err::remove_file(root.manifest(EDGES)).unwrap(),
                Some(bytes) => fs_err::write(root.manifest(EDGES), bytes).unwrap(),
            }
            let report = repaired(&root, damage.as_deref());
            assert_eq!(kinds(&report), [RepairKind::WriteManifest]);
            assert_eq!(root.open().manifest(EDGES).unwrap().partitions, before.partitions);
            assert_eq!(all_ticks(&root.open()), rows);
            assert_eq!(
                root.commits().iter().filter(|name| !name.contains("base")).count(),
                if pruned { 1 } else { 5 }
            );
        }
    }
}

#[test]
fn a_manifest_that_is_made_anew_keeps_parts_that_are_missing() {
    let root = run(3);
    let part = root.open().scan(EDGES).unwrap().parts().remove(1).path;
    let bytes = fs_err::read(&part).unwrap();
    fs_err::remove_file(&part).unwrap();
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    let report = root.open().repair().unwrap();
    assert_eq!(
        (kinds(&report), left(&report)),
        (vec![RepairKind::WriteManifest], vec![ProblemKind::MissingPart])
    );
    assert!(report.left[0].action.contains("restore the file"), "{report:#?}");
    fs_err::write(&part, bytes).unwrap();
    assert_eq!(all_ticks(&root.open()), [1, 2, 3], "and its rows come back with it");
}

/// The manifest of another run was put there, of a table that this run's log does not name.
#[test]
fn a_manifest_of_a_table_that_the_log_never_named_is_left() {
    let root = Root::new();
    let dataset = root.open();
    for number in 0..3 {
        dataset.append(TableId::HOLDINGS, holdings([number]), AppendOptions::default()).unwrap();
    }
    let manifest = fs_err::read(run(3).manifest(EDGES)).unwrap();
    fs_err::create_dir_all(root.table_dir(EDGES)).unwrap();
    fs_err::write(root.manifest(EDGES), manifest).unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::ManifestDisagrees]);
}

#[test]
fn a_table_of_which_only_parts_are_left_is_rebuilt_from_them() {
    let root = run(3);
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::write(root.manifest(EDGES), b"{}").unwrap();
    let report = repaired(&root, Some(b"{}"));
    assert_eq!(kinds(&report), [RepairKind::RebuildManifest]);
    assert_eq!(all_ticks(&root.open()), [1, 2, 3]);
}

#[test]
fn what_manifests_include_need_not_be_in_the_log() {
    type Damage = fn(&Root);

    let cases: [(&str, Damage, bool); 5] = [
        ("damaged", |root| fs_err::write(commit(root, 3), b"torn").unwrap(), true),
        ("the newest, damaged", |root| fs_err::write(commit(root, 5), b"torn").unwrap(), true),
        ("a hole", |root| fs_err::remove_file(commit(root, 3)).unwrap(), false),
        ("the end", |root| fs_err::remove_file(commit(root, 5)).unwrap(), false),
        ("all", |root| fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap(), false),
    ];
    for (case, damage, kept) in cases {
        let root = run(5);
        damage(&root);
        let report = repaired(&root, kept.then_some(&b"torn"[..]));
        assert_eq!(report.actions[0].kind, RepairKind::WriteBase, "{case}");
        assert_eq!(report.actions.len(), if kept { 2 } else { 1 }, "{case}");
        append(&root.open(), [6]);
        assert_eq!(all_ticks(&root.open()), [1, 2, 3, 4, 5, 6], "{case}");
        fs_err::remove_file(root.manifest(EDGES)).unwrap();
        root.open().repair().unwrap();
        assert_eq!(all_ticks(&root.open()), [1, 2, 3, 4, 5, 6], "{case}: the base has every row");
        root.open().prune(Duration::ZERO).unwrap();
        assert_eq!(all_ticks(&root.open()), [1, 2, 3, 4, 5, 6], "{case}");
    }
}

/// A first append that failed leaves a bucket's directory. A table without parts cannot be rebuilt, and does not keep a
/// repair from what it can do.
#[test]
fn an_empty_bucket_without_a_manifest_does_not_stop_a_repair() {
    let root = run(3);
    fs_err::create_dir_all(root.table_dir(TableId::EXCHANGE).join("bucket=000000")).unwrap();
    fs_err::write(root.manifest(EDGES), b"torn").unwrap();
    let report = root.open().repair().unwrap();
    assert_eq!(kinds(&report), [RepairKind::WriteManifest]);
    assert_eq!(all_ticks(&root.open()), [1, 2, 3]);
}

/// Only manifests that are behind are written again before the base.
#[test]
fn a_manifest_that_includes_every_commit_is_left_as_it_is() {
    let root = run(5);
    fs_err::remove_file(commit(&root, 3)).unwrap();
    let (dataset, events) = Hooked::recording(&root, root.settings());
    assert_eq!(kinds(&dataset.repair().unwrap()), [RepairKind::WriteBase]);
    let puts: Vec<String> =
        unpoisoned(&events).iter().filter(|event| event.starts_with("put")).cloned().collect();
    assert_eq!(puts, [format!("put runs/{RUN}/_commits/base.json")]);
}

#[test]
fn the_codes_of_repairs_are_those_of_the_documentation() {
    const CODES: [&str; 4] = ["set-aside-commit", "write-manifest", "rebuild-manifest", "write-base"];
    assert_eq!(RepairKind::ALL.map(|kind| serde_json::to_value(kind).unwrap()), CODES);
    assert_eq!(RepairKind::ALL.map(|kind| kind.to_string()), CODES);
}

#[test]
fn what_not_every_manifest_includes_is_left() {
    let root = lagging(5);
    fs_err::write(commit(&root, 3), b"").unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::DamagedCommit]);
    fs_err::remove_file(commit(&root, 3)).unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::MissingCommit]);
    // One table's manifest includes every commit, the other's does not: what it lacks is unknown.
    let root = run(4);
    let old = {
        let dataset = root.open();
        dataset.append(TableId::HOLDINGS, holdings([1]), AppendOptions::default()).unwrap();
        let old = fs_err::read(root.manifest(TableId::HOLDINGS)).unwrap();
        dataset.append(TableId::HOLDINGS, holdings([2]), AppendOptions::default()).unwrap();
        dataset.append(EDGES, edges([5]), AppendOptions::default()).unwrap();
        old
    };
    fs_err::write(root.manifest(TableId::HOLDINGS), old).unwrap();
    fs_err::write(commit(&root, 6), b"").unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::DamagedCommit]);
}

#[test]
fn a_base_is_written_again_from_manifests_that_go_beyond_it() {
    for lost in [false, true] {
        let root = run(5);
        root.open().prune(Duration::ZERO).unwrap();
        append(&root.open(), [6]);
        if lost {
            fs_err::remove_file(base(&root)).unwrap();
        } else {
            fs_err::write(base(&root), b"x").unwrap();
        }
        let report = repaired(&root, (!lost).then_some(&b"x"[..]));
        assert_eq!(kinds(&report), [RepairKind::WriteBase]);
        append(&root.open(), [7]);
        assert_eq!(all_ticks(&root.open()), [1, 2, 3, 4, 5, 6, 7]);
    }
    // Without one of the manifests, the base's state of its table is unknown.
    let root = run(5);
    root.open().prune(Duration::ZERO).unwrap();
    fs_err::write(base(&root), b"x").unwrap();
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::DamagedBase, ProblemKind::MissingManifest]);
}

#[test]
fn what_another_implementation_or_a_later_version_wrote_is_left_alone() {
    let root = run(3);
    let view = serde_json::to_vec(&root.open().manifest(EDGES).unwrap()).unwrap();
    fs_err::write(root.manifest(EDGES), view).unwrap();
    assert_eq!(unchanged(&root), [], "the next append adopts it");
    let root = lagging(3);
    let text = fs_err::read_to_string(commit(&root, 3)).unwrap().replace("\"format\":1", "\"format\":2");
    fs_err::write(commit(&root, 3), sealed(&text)).unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::LaterVersion]);
    let root = run(3);
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    fs_err::create_dir(root.manifest(EDGES)).unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::Unreadable]);
}

#[test]
fn parts_are_never_touched() {
    let root = run(3);
    let part = root.open().scan(EDGES).unwrap().parts().remove(1).path;
    fs_err::write(&part, b"damaged").unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::DamagedPart]);
    fs_err::remove_file(&part).unwrap();
    assert_eq!(unchanged(&root), [ProblemKind::MissingPart]);
}

/// A repair that stops at any of its steps leaves a run that the next one repairs.
#[test]
fn a_repair_can_be_repeated_after_any_step() {
    let root = run(5);
    fs_err::write(commit(&root, 3), b"torn").unwrap();
    let whole = root.files();
    let report = root.open().repair().unwrap();
    // As if it had stopped after the base was written: the damaged file is still there, and is ignored.
    let kept = report.actions[1].kept.clone().unwrap();
    fs_err::rename(kept, commit(&root, 3)).unwrap();
    assert_eq!(root.files().len(), whole.len() + 1);
    assert_eq!(unchanged(&root), []);
    assert_eq!(all_ticks(&root.open()), [1, 2, 3, 4, 5]);
}
