//! One conformance suite for every store: what `Store` guarantees, each guarantee a test.

use std::sync::Arc;
use std::thread;

use crv_core::ids::RunId;
use crv_core::tables::TableId;
use crv_io::paths::{BucketId, CommitNumber, PartId, RemovedRun, RunPaths, runs_dir};
use crv_io::store::{EntryKind, LocalStore, MemoryStore, PutMode, PutOutcome, Store};

fn paths() -> RunPaths {
    RunPaths::new(RunId::new("run_1").unwrap())
}

/// Runs `check` on every store.
fn on_every_store(check: impl Fn(Arc<dyn Store>)) {
    check(Arc::new(MemoryStore::new()));
    let root = tempfile::tempdir().unwrap();
    // A root that does not exist yet, two levels deep.
    let deep = root.path().join("a/b");
    check(Arc::new(LocalStore::new(deep.to_str().unwrap())));
}

fn stored(outcome: PutOutcome) -> crv_io::store::Tag {
    match outcome {
        PutOutcome::Stored(tag) => tag,
        PutOutcome::Refused => panic!("refused"),
    }
}

#[test]
fn what_was_put_is_read() {
    on_every_store(|store| {
        let path = paths().commit(CommitNumber::new(1));
        assert_eq!(store.read(&path).unwrap(), None);
        assert_eq!(store.tag(&path).unwrap(), None);
        assert!(store.open(&path).unwrap().is_none());
        let tag = stored(store.put(&path, b"one", PutMode::Replace).unwrap());
        let (bytes, read_tag) = store.read(&path).unwrap().unwrap();
        assert_eq!((&bytes[..], &read_tag), (&b"one"[..], &tag));
        assert_eq!(store.tag(&path).unwrap(), Some(tag));
    });
}

#[test]
fn of_many_who_put_if_absent_one_wins() {
    on_every_store(|store| {
        for round in 1..20 {
            let path = paths().commit(CommitNumber::new(round));
            let winners: usize = thread::scope(|scope| {
                let tries: Vec<_> = (0..8_u8)
                    .map(|writer| {
                        let (store, path) = (&store, &path);
                        scope.spawn(move || {
                            let outcome = store.put(path, &[writer; 100], PutMode::IfAbsent).unwrap();
                            usize::from(matches!(outcome, PutOutcome::Stored(_)))
                        })
                    })
                    .collect();
                tries.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!(winners, 1);
            let (bytes, _) = store.read(&path).unwrap().unwrap();
            assert!(bytes.len() == 100 && bytes.iter().all(|byte| *byte == bytes[0]), "whole");
        }
        let names = store.list(&paths().commits(), None).unwrap();
        assert_eq!(names.len(), 19, "nothing is left behind: {names:?}");
    });
}

#[test]
fn what_is_readied_is_nowhere_until_it_is_published_and_then_once() {
    on_every_store(|store| {
        let path = paths().commit(CommitNumber::new(1));
        let (first, second) =
            (store.prepare(&path, b"first").unwrap(), store.prepare(&path, b"second").unwrap());
        assert_eq!(first.path(), &path);
        assert_eq!(store.read(&path).unwrap(), None);
        assert!(matches!(store.publish(second).unwrap(), PutOutcome::Stored(_)));
        assert_eq!(store.publish(first).unwrap(), PutOutcome::Refused);
        drop(store.prepare(&path, b"third").unwrap());
        assert_eq!(&store.read(&path).unwrap().unwrap().0[..], b"second");
        let names = store.list(&paths().commits(), None).unwrap();
        assert_eq!(names.len(), 1, "nothing is left behind: {names:?}");
    });
}

#[test]
fn of_many_who_swap_the_same_version_one_wins() {
    on_every_store(|store| {
        let path = paths().manifest(TableId::HOLDINGS);
        let mut tag = stored(store.put(&path, b"first", PutMode::IfAbsent).unwrap());
        for _ in 0..20 {
            let outcomes: Vec<PutOutcome> = thread::scope(|scope| {
                let tries: Vec<_> = (0..8_u8)
                    .map(|writer| {
                        let (store, path, tag) = (&store, &path, &tag);
                        scope.spawn(move || store.put(path, &[writer; 50], PutMode::IfMatches(tag)).unwrap())
                    })
                    .collect();
                tries.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let mut winners = outcomes.into_iter().filter(|outcome| *outcome != PutOutcome::Refused);
            tag = stored(winners.next().unwrap());
            assert_eq!(winners.next(), None);
        }
        let absent = paths().manifest(TableId::EXCHANGE);
        assert_eq!(store.put(&absent, b"x", PutMode::IfMatches(&tag)).unwrap(), PutOutcome::Refused);
        assert_eq!(store.read(&absent).unwrap(), None);
    });
}

#[test]
fn objects_that_are_staged_together_are_there() {
    on_every_store(|store| {
        let paths = paths();
        let part = |number: u64| {
            paths.part(TableId::HOLDINGS, BucketId::new(number % 3), PartId::new(number.into()))
        };
        store.put_new(&part(0), b"before").unwrap();
        let objects: Vec<_> = (1..9).map(|number| (part(number), vec![number as u8; 9])).collect();
        let prepared = objects.iter().map(|(path, bytes)| store.prepare(path, bytes).unwrap());
        let prepared: Vec<_> = prepared.collect();
        assert_eq!(store.tag(&part(1)).unwrap(), None, "no name before `put_prepared`");
        for part in prepared {
            store.put_prepared(part).unwrap();
        }
        store.sync(&objects.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>()).unwrap();
        store.sync(&[]).unwrap();
        for (path, bytes) in &objects {
            assert_eq!(&store.read(path).unwrap().unwrap().0[..], bytes);
        }
        let inside = store.list(&paths.bucket(TableId::HOLDINGS, BucketId::new(0)), None).unwrap();
        assert_eq!(inside.len(), 3, "no temporary file is left: {inside:?}");
    });
}

#[test]
fn staged_objects_are_there_and_settle() {
    on_every_store(|store| {
        let paths = paths();
        let parts: Vec<_> = (0..20_u64)
            .map(|number| {
                paths.part(TableId::HOLDINGS, BucketId::new(number / 5), PartId::new(u128::from(number)))
            })
            .collect();
        for path in &parts {
            store.put_new(path, path.as_str().as_bytes()).unwrap();
        }
        store.sync(&parts).unwrap();
        for path in &parts {
            assert_eq!(&store.read(path).unwrap().unwrap().0[..], path.as_str().as_bytes());
        }
        let buckets = store.list(&paths.table(TableId::HOLDINGS), None).unwrap();
        assert_eq!(buckets.len(), 4);
        assert!(buckets.iter().all(|bucket| bucket.kind == EntryKind::Directory));
        let inside = store.list(&paths.bucket(TableId::HOLDINGS, BucketId::new(0)), None).unwrap();
        assert_eq!(inside.len(), 5);
        assert!(inside.iter().all(|part| matches!(part.kind, EntryKind::Object(bytes) if bytes > 10)));
    });
}

#[test]
fn a_list_is_sorted_and_begins_after_the_name_asked_for() {
    on_every_store(|store| {
        let paths = paths();
        assert_eq!(store.list(&paths.commits(), None).unwrap(), []);
        for number in [3, 11, 2, 7] {
            store.put(&paths.commit(CommitNumber::new(number)), b"x", PutMode::IfAbsent).unwrap();
        }
        let names = |after: Option<CommitNumber>| -> Vec<u64> {
            let after = after.map(CommitNumber::file_name);
            let entries = store.list(&paths.commits(), after.as_deref()).unwrap();
            entries.iter().map(|entry| CommitNumber::parse_file_name(&entry.name).unwrap().get()).collect()
        };
        assert_eq!(names(None), [2, 3, 7, 11]);
        assert_eq!(names(Some(CommitNumber::new(3))), [7, 11]);
        let runs = store.list(&runs_dir(), None).unwrap();
        assert_eq!(runs.len(), 1);
        assert_eq!((runs[0].name.as_str(), runs[0].kind), ("run_1", EntryKind::Directory));
    });
}

#[test]
fn parts_of_an_object_are_read_and_nothing_beyond_its_end() {
    on_every_store(|store| {
        let path = paths().part(TableId::HOLDINGS, BucketId::new(0), PartId::new(1));
        store.put_new(&path, b"0123456789").unwrap();
        let blob = store.open(&path).unwrap().unwrap();
        assert_eq!(blob.size(), 10);
        assert_eq!(&blob.read_at(3, 4).unwrap()[..], b"3456");
        assert!(blob.read_at(8, 3).is_err());
        assert!(blob.read_at(u64::MAX, 2).is_err());
        assert!(blob.read_at(0, usize::MAX).is_err());
        store.remove(&path).unwrap();
        store.remove(&path).unwrap();
        assert_eq!(store.read(&path).unwrap(), None);
        assert_eq!(&blob.read_at(0, 2).unwrap()[..], b"01", "an open handle keeps its bytes");
    });
}

/// A run that was removed while a handle is open is created again, with its directories.
#[test]
fn removed_directories_are_made_again() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path().to_str().unwrap());
    let path = paths().commit(CommitNumber::new(1));
    store.put(&path, b"x", PutMode::IfAbsent).unwrap();
    fs_err::remove_dir_all(root.path().join("runs")).unwrap();
    store.put(&path, b"y", PutMode::IfAbsent).unwrap();
    assert_eq!(&store.read(&path).unwrap().unwrap().0[..], b"y");
}

#[test]
fn a_directory_can_be_made_over_and_over_and_is_empty() {
    on_every_store(|store| {
        let dir = paths().lab(crv_io::paths::LabDir::Tidy);
        for _ in 0..2 {
            store.make_dir(&dir).unwrap();
            assert_eq!(store.list(&dir, None).unwrap(), []);
        }
    });
}

#[test]
fn a_file_where_a_directory_is_to_be_made_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path().to_str().unwrap());
    let dir = paths().artifacts();
    store.put(&dir, b"a file", PutMode::Replace).unwrap();
    assert!(store.make_dir(&dir).is_err());
    assert!(store.make_dir(&paths().lab(crv_io::paths::LabDir::Tidy)).is_err());
}

#[test]
fn an_unsynced_put_replaces_the_whole_object_and_leaves_nothing_beside_it() {
    on_every_store(|store| {
        let path = paths().status();
        stored(store.put(&path, b"the first and longer one", PutMode::Replace).unwrap());
        let tag = store.tag(&path).unwrap();
        store.put_unsynced(&path, b"second").unwrap();
        assert_eq!(&store.read(&path).unwrap().unwrap().0[..], b"second");
        assert_ne!(store.tag(&path).unwrap(), tag);
        assert_eq!(store.list(paths().root(), None).unwrap().len(), 1);
    });
}

#[test]
fn a_renamed_directory_has_all_that_was_in_it_and_its_old_name_is_free() {
    on_every_store(|store| {
        let sibling = RunPaths::new(RunId::new("run_10").unwrap());
        for path in [paths().facts(), paths().commit(CommitNumber::new(1)), sibling.facts()] {
            stored(store.put(&path, path.as_str().as_bytes(), PutMode::IfAbsent).unwrap());
        }
        let to = RemovedRun::new(paths().run(), 7).path();
        assert!(store.rename_dir(paths().root(), &to).unwrap());
        assert_eq!(store.list(paths().root(), None).unwrap(), []);
        let names = |dir| -> Vec<String> {
            store.list(&dir, None).unwrap().into_iter().map(|entry| entry.name).collect()
        };
        assert_eq!(names(to.clone()), ["_commits", "run.json"]);
        assert_eq!(names(runs_dir()), ["run_10", to.file_name()], "a name with the same beginning stays");
        // Directories that were durable before are made, and made durable, again.
        stored(store.put(&paths().commit(CommitNumber::new(1)), b"new", PutMode::IfAbsent).unwrap());
        let moved = to.entry("_commits").unwrap().entry(&CommitNumber::new(1).file_name()).unwrap();
        let bytes = store.read(&moved).unwrap().unwrap().0;
        assert_eq!(&bytes[..], paths().commit(CommitNumber::new(1)).as_str().as_bytes());
    });
}

#[test]
fn an_empty_directory_is_removed_and_one_with_objects_is_not() {
    on_every_store(|store| {
        store.make_dir(&paths().commits()).unwrap();
        store.remove_dir(&paths().commits()).unwrap();
        store.remove_dir(&paths().commits()).unwrap();
        assert_eq!(store.list(paths().root(), None).unwrap(), []);
        stored(store.put(&paths().facts(), b"x", PutMode::IfAbsent).unwrap());
        // A store without directories does nothing.
        let _ = store.remove_dir(paths().root());
        assert!(store.read(&paths().facts()).unwrap().is_some());
    });
}
