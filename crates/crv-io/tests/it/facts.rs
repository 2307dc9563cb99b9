//! What a run is and how it is doing: `run.json` and `status.json`, whole, damaged and of other runs.

use crv_io::run::{
    IfExists, ModelOptions, Outcome, RunError, RunOptions, RunState, SILENCE, Seed, start_run, start_run_in,
};
use crv_io::store::MemoryStore;
use crv_io::{CheckOptions, Dataset, ErrorKind, IoSettings, ProblemKind};
use serde_json::{Map, Value, json};
use std::sync::Arc;

use crate::support::{RUN, Root, all_ticks, append};

pub(crate) fn options() -> RunOptions {
    RunOptions { run_id: Some(RUN.to_owned()), ..RunOptions::default() }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn document(root: &Root, name: &str) -> Value {
    serde_json::from_slice(&fs_err::read(root.run_dir().join(name)).unwrap()).unwrap()
}

fn forged(root: &Root, name: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut document = object(document(root, name));
    document.remove("crc32c");
    let format = document.remove("format").unwrap();
    change(&mut document);
    let body = serde_json::to_string(&document).unwrap();
    let body = format!("{{\"format\":{format},{}", body.strip_prefix('{').unwrap());
    fs_err::write(root.run_dir().join(name), crv_io::fuzzing::sealed(body.as_bytes())).unwrap();
}

#[test]
fn facts_are_what_was_said_and_what_can_be_known() {
    let root = Root::new();
    let run = start_run(
        &root.settings(),
        &RunOptions {
            params: object(json!({"beta": 0.3, "n": 10_000, "grid": [[1, 2], []]})),
            seed: Some(Seed::parse("340282366920938463463374607431768211455").unwrap()),
            sweep: Some("s1".to_owned()),
            tags: vec!["sir".to_owned(), "läuft".to_owned()],
            model: ModelOptions { name: Some("SIR".to_owned()), version: Some("2".to_owned()), source: None },
            extra: object(json!({"who": "me"})),
            command: Some(vec!["sir.py".to_owned(), "--beta".to_owned()]),
            ..options()
        },
    )
    .unwrap();
    let facts = run.facts().unwrap().unwrap();
    let found = document(&root, "run.json");
    assert_eq!(found["format"], 1);
    assert_eq!(found["params"], json!({"beta": 0.3, "n": 10_000, "grid": [[1, 2], []]}));
    assert_eq!(found["seed"].to_string(), "340282366920938463463374607431768211455");
    assert_eq!((&found["sweep"], &found["tags"]), (&json!("s1"), &json!(["sir", "läuft"])));
    assert_eq!((&found["model"]["name"], &found["model"]["version"]), (&json!("SIR"), &json!("2")));
    assert_eq!(found["extra"], json!({"who": "me"}));
    assert_eq!(found["command"], json!(["sir.py", "--beta"]));
    assert_eq!(found["pid"], std::process::id());
    assert_eq!(found["run_id"], RUN);
    assert_eq!(found["versions"]["crv"], env!("CARGO_PKG_VERSION"));
    let mut told = serde_json::to_value(&facts).unwrap();
    told["format"] = json!(1);
    told["crc32c"] = found["crc32c"].clone();
    assert_eq!(told, found);
    // It is text for people, its version first and its seal last.
    let text = fs_err::read_to_string(root.run_dir().join("run.json")).unwrap();
    assert!(text.starts_with("{\n  \"format\": 1,\n  \"run_id\": "), "{text}");
    assert!(text.trim_end().ends_with("\"\n}") && text.contains("\n  \"crc32c\": \""), "{text}");
}

#[test]
fn facts_never_change_and_are_there_before_any_row() {
    let root = Root::new();
    let run = start_run(&root.settings(), &options()).unwrap();
    assert!(!root.run_dir().join("_commits").exists() && !root.run_dir().join("tables").exists());
    let written = fs_err::read(root.run_dir().join("run.json")).unwrap();
    append(&run, [1, 2]);
    run.finish(Outcome::Succeeded).unwrap();
    drop(run);
    let again = RunOptions { if_exists: IfExists::Append, tags: vec!["late".to_owned()], ..options() };
    drop(start_run(&root.settings(), &again).unwrap());
    assert_eq!(fs_err::read(root.run_dir().join("run.json")).unwrap(), written);
}

#[test]
fn a_run_without_facts_has_none_and_is_read_as_ever() {
    let root = Root::new();
    let run = root.open();
    append(&run, [1]);
    assert_eq!((run.facts().unwrap(), run.status().unwrap()), (None, None));
    let info = run.info().unwrap();
    assert_eq!((info.state, info.rows, info.commit), (None, 1, 1));
    assert!(info.created_at.is_some());
}

#[test]
fn damaged_documents_are_named_and_hide_no_row() {
    for (name, what, kind) in [
        ("run.json", "facts", ProblemKind::DamagedFacts),
        ("status.json", "status", ProblemKind::DamagedStatus),
    ] {
        let root = Root::new();
        let run = start_run(&root.settings(), &options()).unwrap();
        append(&run, [1, 2]);
        run.finish(Outcome::Succeeded).unwrap();
        let path = root.run_dir().join(name);
        let mut bytes = fs_err::read(&path).unwrap();
        bytes[40] ^= 1;
        for bytes in [&bytes[..], b"", b"{}", b"\xff"] {
            fs_err::write(&path, bytes).unwrap();
            let dataset = root.open();
            let error = if what == "facts" { dataset.facts().err() } else { dataset.status().err() }.unwrap();
            assert_eq!(error.kind(), ErrorKind::Manifest);
            let text = error.to_string();
            assert!(
                text.contains(&format!("run `{RUN}`: its {what} file `")) && text.contains(name),
                "{text}"
            );
            assert!(error.hint().is_some());
            let info = dataset.info().unwrap();
            assert_eq!((info.rows, info.problems.len()), (2, 1));
            assert!(info.problems[0].contains(name));
            assert_eq!(all_ticks(&dataset), [1, 2]);
            let report = dataset.check(CheckOptions::default()).unwrap();
            let found: Vec<_> = report.problems.iter().map(|problem| problem.kind).collect();
            assert_eq!(found, [kind]);
            assert_eq!(report.ok, kind.is_harmless());
        }
    }
}

#[test]
fn documents_of_a_later_format_say_so() {
    let root = Root::new();
    drop(start_run(&root.settings(), &options()).unwrap());
    for name in ["run.json", "status.json"] {
        fs_err::write(root.run_dir().join(name), crv_io::fuzzing::sealed(br#"{"format":2,"new":1}"#))
            .unwrap();
    }
    let run = root.open();
    for error in [run.facts().unwrap_err(), run.status().unwrap_err()] {
        assert!(error.to_string().ends_with("it has format 2, and this crv reads format 1"), "{error}");
        assert_eq!(error.hint(), Some("read it with the version of crv that wrote it, or a later one"));
    }
    let report = run.check(CheckOptions::default()).unwrap();
    assert!(report.problems.iter().all(|problem| problem.kind == ProblemKind::LaterVersion));
    assert_eq!(report.problems.len(), 2);
}

#[test]
fn facts_of_another_run_are_an_error_that_names_both() {
    let root = Root::new();
    drop(start_run(&root.settings(), &options()).unwrap());
    fs_err::rename(root.run_dir(), root.path().join("runs/other")).unwrap();
    let other = Dataset::open(root.settings(), "other").unwrap();
    let error = other.facts().unwrap_err();
    assert!(error.to_string().starts_with("run `other`: its facts file `"), "{error}");
    assert!(error.to_string().ends_with(&format!("is of run `{RUN}`")), "{error}");
    assert!(error.hint().unwrap().contains("renamed"));
    assert_eq!(other.info().unwrap().problems.len(), 1);
    let report = other.check(CheckOptions::default()).unwrap();
    assert_eq!(report.problems.len(), 1);
    assert_eq!(report.problems[0].kind, ProblemKind::ForeignFacts);
    assert!(report.ok);
}

#[test]
fn a_document_that_is_far_too_large_is_not_read() {
    let root = Root::new();
    drop(start_run(&root.settings(), &options()).unwrap());
    for name in ["run.json", "status.json"] {
        fs_err::OpenOptions::new()
            .write(true)
            .open(root.run_dir().join(name))
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
    }
    let run = root.open();
    for error in [run.facts().unwrap_err(), run.status().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Manifest);
        assert!(error.to_string().ends_with("it has 1099511627776 bytes"), "{error}");
    }
}

#[test]
fn a_run_that_failed_says_why() {
    let root = Root::new();
    let run = start_run(&root.settings(), &options()).unwrap();
    append(&run, [3, 4]);
    let error = RunError {
        kind: "ValueError".to_owned(),
        message: "beta is 7".to_owned(),
        traceback: Some("x".repeat(1 << 22)),
    };
    run.finish(Outcome::Failed(error)).unwrap();
    let status = root.open().status().unwrap().unwrap();
    assert_eq!((status.state, status.last_tick, status.commit), (RunState::Failed, Some(4), 1));
    let error = status.error.unwrap();
    assert_eq!((&*error.kind, &*error.message), ("ValueError", "beta is 7"));
    assert!(error.traceback.unwrap().len() < 70_000, "the document stays small");
    assert!(status.ended_at.unwrap() >= status.started_at);
}

#[test]
fn a_run_of_another_machine_is_stale_when_it_was_silent_for_long() {
    let root = Root::new();
    let run = start_run(&root.settings(), &options()).unwrap();
    let begun: jiff::Timestamp = run.status().unwrap().unwrap().started_at.parse().unwrap();
    let at = |seconds: u64| {
        let time = begun - std::time::Duration::from_secs(seconds);
        forged(&root, "status.json", |status| {
            status.insert("host".to_owned(), json!("far"));
            status.insert("process_start".to_owned(), json!("other-boot/1/2"));
            status.insert("updated_at".to_owned(), json!(time.to_string()));
        });
        root.open().status().unwrap().unwrap().state
    };
    assert_eq!(at(SILENCE.as_secs() - 5), RunState::Running);
    assert_eq!(at(SILENCE.as_secs() + 5), RunState::Stale);
    drop(run);
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_of_this_machine_is_stale_as_soon_as_its_process_is_gone() {
    let root = Root::new();
    let run = start_run(&root.settings(), &options()).unwrap();
    assert_eq!(run.status().unwrap().unwrap().state, RunState::Running);
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    forged(&root, "status.json", |status| {
        status.insert("pid".to_owned(), json!(child.id()));
    });
    assert_eq!(root.open().status().unwrap().unwrap().state, RunState::Stale);
    // Killed before the first status was written: the facts tell.
    fs_err::remove_file(root.run_dir().join("status.json")).unwrap();
    assert_eq!(root.open().info().unwrap().state, Some(RunState::Running));
    forged(&root, "run.json", |facts| {
        facts.insert("pid".to_owned(), json!(child.id()));
    });
    assert_eq!(root.open().info().unwrap().state, Some(RunState::Stale));
    drop(run);
}

#[test]
fn a_run_in_memory_has_facts_too() {
    let store: Arc<dyn crv_io::store::Store> = Arc::new(MemoryStore::new());
    let run = start_run_in(&store, &IoSettings::default(), &options()).unwrap();
    append(&run, [5]);
    let info = run.info().unwrap();
    assert_eq!((info.state, info.rows, info.tick_max), (Some(RunState::Running), 1, Some(5)));
    assert_eq!(run.finish(Outcome::Succeeded).unwrap().state, RunState::Succeeded);
}
