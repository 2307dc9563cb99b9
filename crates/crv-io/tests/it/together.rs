//! Appends of several threads that wait at the same time are one commit, and each has its own outcome.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use crv_io::store::StoreError;
use crv_io::{AppendOptions, Dataset, ErrorKind, IoSettings, Result, TableId, TickRange};

use crate::hooked::{Call, Hooked, Reply, When};
use crate::support::{EDGES, RUN, Root, all_ticks, edges, ticks_of};

/// A run in which one append holds the turn until others wait for it.
struct Waits {
    root: Root,
    dataset: Dataset,
    /// Whether the first append has the turn.
    is_led: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Waits {
    /// While the first commit after two is published, waits for `others`. Calls `then` before and after each publication
    /// of a commit after that.
    fn new(others: usize, then: impl Fn(When) -> Result<Reply, StoreError> + Send + Sync + 'static) -> Self {
        let root = Root::new();
        for tick in 0..2 {
            root.open().append(EDGES, edges([tick]), AppendOptions::default()).unwrap();
        }
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let is_led = Arc::new(AtomicBool::new(false));
        let (led, heard) = (Arc::clone(&is_led), Arc::clone(&acknowledged));
        // Parts that have their names: an append then waits for its turn.
        let counts = AtomicUsize::new(0);
        let commits = AtomicUsize::new(0);
        let store = Hooked::over(root.store(), move |when, call| {
            if matches!((when, call), (When::After, Call::Stage(_))) {
                counts.fetch_add(1, Ordering::SeqCst);
            }
            if !call.is_commit() {
                return Ok(Reply::True);
            }
            if when == When::Before && commits.fetch_add(1, Ordering::SeqCst) == 0 {
                led.store(true, Ordering::SeqCst);
                while counts.load(Ordering::SeqCst) < 1 + others {
                    thread::sleep(Duration::from_millis(1));
                }
                // From its part to the queue is a moment.
                thread::sleep(Duration::from_millis(100));
                return Ok(Reply::True);
            }
            if commits.load(Ordering::SeqCst) == 1 {
                return Ok(Reply::True);
            }
            if when == When::Before {
                thread::sleep(Duration::from_millis(50));
                assert_eq!(heard.load(Ordering::SeqCst), 1, "only the first append has its outcome");
            }
            then(when)
        });
        let dataset = Dataset::with_store(settings(&root), RUN, store).unwrap();
        Self { root, dataset, is_led, acknowledged }
    }

    /// Appends the first frame, and while its commit is published the others, each on its own thread. Returns the
    /// outcomes of the others: the numbers of their commits.
    fn append(&self, frames: Vec<(TableId, RecordBatch)>) -> Vec<Result<u64>> {
        let begin = |table, frame| {
            let outcome = self.dataset.append(table, frame, AppendOptions::default());
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            Ok(outcome?.commit.unwrap())
        };
        thread::scope(|scope| {
            let mut frames = frames.into_iter();
            let (table, frame) = frames.next().unwrap();
            let first = scope.spawn(move || begin(table, frame));
            while !self.is_led.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            let others: Vec<_> =
                frames.map(|(table, frame)| scope.spawn(move || begin(table, frame))).collect();
            first.join().unwrap().unwrap();
            others.into_iter().map(|other| other.join().unwrap()).collect()
        })
    }
}

fn settings(root: &Root) -> IoSettings {
    root.settings().with_write_manifest_every_n(Some(1_000)).unwrap()
}

fn edges_at(ticks: impl IntoIterator<Item = i64>) -> Vec<(TableId, RecordBatch)> {
    ticks.into_iter().map(|tick| (EDGES, edges([tick]))).collect()
}

/// A row of `exchange` whose payload has the field `lot`.
fn exchange(lot: ArrayRef) -> RecordBatch {
    let payload = StructArray::try_from(vec![("lot", lot)]).unwrap();
    let words = |word: &str| Arc::new(StringArray::from(vec![word])) as ArrayRef;
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![0])) as ArrayRef),
        ("venue_id", words("V")),
        ("token_id", words("T")),
        ("exchange_event_type", words("trade")),
        ("additional_payload", Arc::new(payload) as ArrayRef),
    ])
    .unwrap()
}

#[test]
fn appends_that_wait_at_the_same_time_are_one_commit() {
    let run = Waits::new(5, |_| Ok(Reply::True));
    let outcomes = run.append(edges_at(2..8));
    assert!(outcomes.into_iter().all(|outcome| outcome.unwrap() == 4), "the fourth commit has all five");
    assert_eq!(run.root.commits().len(), 4);
    for dataset in [&run.dataset, &run.root.open()] {
        let mut ticks = all_ticks(dataset);
        ticks.sort_unstable();
        assert_eq!(ticks, Vec::from_iter(0..8));
    }
}

#[test]
fn an_append_that_conflicts_fails_alone() {
    let run = Waits::new(3, |_| Ok(Reply::True));
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let word: ArrayRef = Arc::new(StringArray::from(vec!["one"]));
    let mut frames = edges_at(2..4);
    frames.extend([(TableId::EXCHANGE, exchange(number)), (TableId::EXCHANGE, exchange(word))]);
    let outcomes = run.append(frames);
    assert_eq!(*outcomes[0].as_ref().unwrap(), 4);
    let (fits, conflicts): (Vec<_>, Vec<_>) = outcomes[1..].iter().partition(|outcome| outcome.is_ok());
    assert_eq!((fits.len(), conflicts.len()), (1, 1));
    let error = conflicts[0].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("lot"), "{error}");
    let rows = ticks_of(&run.root.open(), TableId::EXCHANGE, TickRange::ALL).unwrap();
    assert_eq!(rows, [0], "of the two, one is there");
    let parts = run.root.files().iter().filter(|file| file.ends_with(".parquet")).count();
    assert_eq!(parts, 2 + 2 + 1, "the part that was refused is removed");
}

#[test]
fn a_write_that_fails_fails_for_every_append_of_the_commit_and_leaves_nothing() {
    let full = || StoreError::new("write", "the commit", io::ErrorKind::StorageFull.into());
    let run = Waits::new(3, move |when| if when == When::Before { Err(full()) } else { Ok(Reply::True) });
    for outcome in run.append(edges_at(2..6)) {
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.hint()),
            (ErrorKind::Write, Some("make room on the disk, then try again"))
        );
    }
    assert_eq!(all_ticks(&run.root.open()), [0, 1, 2]);
    let parts = run.root.files().iter().filter(|file| file.ends_with(".parquet")).count();
    assert_eq!(parts, 3, "no part is left behind");
}

/// The rows of an append that was left out are not in the commit: it must not get the commit's outcome.
#[test]
fn an_append_that_was_left_out_has_its_own_error_when_the_commit_fails_as_well() {
    let lost = || StoreError::new("write", "the commit", io::ErrorKind::StorageFull.into());
    let run = Waits::new(3, move |when| if when == When::Before { Err(lost()) } else { Ok(Reply::True) });
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let word: ArrayRef = Arc::new(StringArray::from(vec!["one"]));
    let mut frames = edges_at(2..4);
    frames.extend([(TableId::EXCHANGE, exchange(number)), (TableId::EXCHANGE, exchange(word))]);
    let mut kinds: Vec<_> =
        run.append(frames).into_iter().map(|outcome| outcome.unwrap_err().kind()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [ErrorKind::Schema, ErrorKind::Write, ErrorKind::Write]);
}

#[test]
fn an_unknown_outcome_is_that_of_every_append_of_the_commit() {
    let lost = || StoreError::new("link", "the commit", io::ErrorKind::TimedOut.into()).unknown();
    // The put took effect and its reply is lost; then no commit can be read back.
    let root = Root::new();
    let is_lost = AtomicBool::new(false);
    let store = Hooked::over(root.store(), move |when, call| match (when, call) {
        (When::After, Call::Put(_)) if call.is_commit() => {
            is_lost.store(true, Ordering::SeqCst);
            Err(lost())
        }
        (_, Call::Read(path)) if path.as_str().contains("/_commits/") && is_lost.load(Ordering::SeqCst) => {
            Err(lost())
        }
        _ => Ok(Reply::True),
    });
    let dataset = Dataset::with_store(settings(&root), RUN, store).unwrap();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let dataset = &dataset;
        let append =
            |tick| scope.spawn(move || dataset.append(EDGES, edges([tick]), AppendOptions::default()));
        (0..6).map(append).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut known = Vec::new();
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        if error.kind() == ErrorKind::UnknownOutcome {
            let (number, id) = error.commit().unwrap();
            known.push((number, id.to_owned()));
        }
    }
    // The commit that is there was reported to each of its appends.
    let commit = fs_err::read_to_string(root.run_dir().join("_commits").join(&root.commits()[0])).unwrap();
    known.retain(|(number, id)| *number == 1 && commit.contains(id));
    let rows = all_ticks(&root.open()).len();
    assert!(rows >= 1 && rows == known.len(), "{rows} rows, {known:?}");
}
