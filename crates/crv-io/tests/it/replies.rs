//! Lost and wrong replies of storage: a commit is made once, and the caller gets its true outcome.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crv_io::paths::StorePath;
use crv_io::store::StoreError;
use crv_io::{AppendOptions, Dataset, ErrorKind};

use crate::hooked::{Call, Hooked, Reply, When, unpoisoned};
use crate::support::{EDGES, RUN, Root, all_ticks, append, edges};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Stored, and the reply is an unknown outcome.
    StoredButUnknown,
    /// Stored, and the reply is a refusal, as if the reply to an earlier attempt was lost.
    LostReplyRefused,
    /// Stored, the reply is an unknown outcome, and the name cannot be synced.
    SettleFails,
}

/// The fault of the next commit, if any.
type Next = Arc<Mutex<Option<Fault>>>;

fn faulty(root: &Root) -> (Next, Dataset) {
    let next = Next::default();
    let (fault, settle_fails) = (Arc::clone(&next), AtomicBool::new(false));
    let failed = |path: &StorePath| StoreError::new("do", path.as_str(), io::Error::other("injected"));
    let store = Hooked::over(root.store(), move |when, call| match call {
        Call::Sync(path) if when == When::Before && settle_fails.swap(false, Ordering::SeqCst) => {
            Err(failed(path))
        }
        Call::Put(path) if when == When::After && call.is_commit() => match unpoisoned(&fault).take() {
            None => Ok(Reply::True),
            Some(Fault::LostReplyRefused) => Ok(Reply::Refused),
            Some(Fault::StoredButUnknown) => Err(failed(path).unknown()),
            Some(Fault::SettleFails) => {
                settle_fails.store(true, Ordering::SeqCst);
                Err(failed(path).unknown())
            }
        },
        _ => Ok(Reply::True),
    });
    let dataset = Dataset::with_store(root.settings(), RUN, store).unwrap();
    (next, dataset)
}

#[test]
fn a_commit_that_is_there_is_ours() {
    let root = Root::new();
    let (next, dataset) = faulty(&root);
    append(&dataset, [0]);
    *unpoisoned(&next) = Some(Fault::StoredButUnknown);
    append(&dataset, [1]);
    assert_eq!(root.commits().len(), 2);
    assert_eq!(all_ticks(&dataset), [0, 1]);
}
#[test]
fn our_own_commit_is_not_taken_for_anothers() {
    let root = Root::new();
    let (next, dataset) = faulty(&root);
    append(&dataset, [0]);
    *unpoisoned(&next) = Some(Fault::LostReplyRefused);
    append(&dataset, [1]);
    assert_eq!(all_ticks(&root.open()), [0, 1]);
    assert_eq!(root.commits().len(), 2, "{:?}", root.commits());
}
#[test]
fn a_name_that_cannot_be_made_durable_is_an_unknown_outcome_and_keeps_the_rows() {
    let root = Root::new();
    let (next, dataset) = faulty(&root);
    append(&dataset, [0]);
    *unpoisoned(&next) = Some(Fault::SettleFails);
    let error = dataset.append(EDGES, edges([1]), AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    assert_eq!(all_ticks(&root.open()), [0, 1]);
    assert_eq!(all_ticks(&dataset), [0, 1]);
    append(&dataset, [2]);
    assert_eq!(all_ticks(&root.open()), [0, 1, 2]);
}
/// The commit of unknown outcome is the adoption of earlier parts, not the append: nothing of the append is there.
#[test]
fn an_unknown_adoption_is_not_told_as_the_appends_outcome() {
    let root = Root::new();
    let ds = root.open();
    append(&ds, [0]);
    let view = ds.manifest(EDGES).unwrap();
    drop(ds);
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::write(root.manifest(EDGES), serde_json::to_vec(&view).unwrap()).unwrap();
    let (next, dataset) = faulty(&root);
    *unpoisoned(&next) = Some(Fault::SettleFails);
    let error = dataset.append(EDGES, edges([1]), AppendOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.commit()), (ErrorKind::Write, None), "{error}");
    assert_eq!(all_ticks(&root.open()), [0]);
    append(&dataset, [1]);
    assert_eq!(all_ticks(&root.open()), [0, 1]);
}
