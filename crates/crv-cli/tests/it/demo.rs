//! `crv demo`, and the verbs that read the run it recorded.

use crate::sandbox::{Sandbox, assert_told};

const DEMO: &str = "demo --run d --ticks 6 --agents 3 --seed 1 --tick-bucket-size 4";

#[test]
fn a_demo_tells_what_it_left_and_what_to_type_next() {
    assert_told!(Sandbox::new().told(DEMO));
}

#[test]
fn a_demo_is_one_commit_for_each_tick_over_all_tables() {
    let sandbox = Sandbox::new();
    let report: serde_json::Value = serde_json::from_str(&sandbox.ok(&format!("{DEMO} --json"))).unwrap();
    assert_eq!(report["commits"], 6);
    assert_eq!(report["tables"].as_array().unwrap().len(), 8);
    for table in report["tables"].as_array().unwrap() {
        assert_eq!((&table["tick_min"], &table["tick_max"]), (&0.into(), &5.into()), "{table}");
    }
    let commits = fs_err::read_dir(sandbox.path("out/runs/d/_commits")).unwrap();
    let commits =
        commits.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "json"));
    assert_eq!(commits.count(), 6);
}

#[test]
fn the_same_seed_gives_the_same_rows() {
    let sandbox = Sandbox::new();
    for (run, seed) in [("a", 5), ("b", 5), ("c", 6)] {
        sandbox.ok(&format!("demo --run {run} --ticks 3 --agents 4 --seed {seed} -q"));
    }
    let rows = |run: &str| sandbox.ok(&format!("scan {run} decisions --format ndjson"));
    assert_eq!(rows("a"), rows("b"));
    assert_ne!(rows("a"), rows("c"));
}

#[test]
fn a_demo_without_a_name_makes_one() {
    let sandbox = Sandbox::new();
    sandbox.ok("demo --ticks 1 --agents 2");
    let runs: serde_json::Value = serde_json::from_str(&sandbox.ok("runs --json")).unwrap();
    let run = runs[0]["run_id"].as_str().unwrap();
    assert!(run.starts_with("demo_") && run.len() == 11, "{run}");
}

#[test]
fn a_demo_does_not_write_into_a_run_that_exists() {
    let sandbox = Sandbox::with_run();
    assert_told!(sandbox.told("demo --run r"));
}

#[test]
fn the_next_commands_name_the_root_that_was_used() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.crv("demo --run d --ticks 1 --agents 2 --root");
    let output = command.arg("it's here").output().unwrap();
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(notes.contains(r"crv show d exchange --root 'it'\''s here'"), "{notes}");
}

#[test]
fn runs_tables_and_buckets_as_text() {
    let sandbox = Sandbox::new();
    sandbox.ok(DEMO);
    let told = ["runs", "runs -l", "tables d", "show d holdings", "show d holdings -p"]
        .map(|verb| sandbox.told(verb));
    assert_told!(told.join("\n"));
}

#[test]
fn runs_tables_and_buckets_as_json() {
    let sandbox = Sandbox::with_run();
    let told = ["runs --json", "runs -l --json", "tables r --json", "show r holdings --json"]
        .map(|verb| sandbox.told(verb));
    assert_told!(told.join("\n"));
}

#[test]
fn a_damaged_run_does_not_hide_the_others() {
    let sandbox = Sandbox::with_run();
    sandbox.ok("demo --run a --ticks 1 --agents 2");
    sandbox.write("out/runs/r/tables/holdings/manifest.json", "{");
    for commit in fs_err::read_dir(sandbox.path("out/runs/r/_commits")).unwrap() {
        fs_err::write(commit.unwrap().path(), "{").unwrap();
    }
    let output = sandbox.crv("runs -l").output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.lines().any(|line| line.starts_with("a ") && line.contains("KiB")), "{table}");
    assert!(table.lines().any(|line| line.starts_with("r ") && line.contains("damaged")), "{table}");
}

#[test]
fn a_run_keeps_its_bucket_size_unless_another_is_asked_for() {
    let sandbox = Sandbox::with_run();
    sandbox.ok("append r holdings holdings.csv");
    assert!(sandbox.ok("show r holdings").lines().count() == 3, "still two buckets");
    sandbox.write("edges.csv", "tick,observer_agent_id,edge_kind,edge_weight\n4,A0,self_to_object,0.5\n");
    sandbox.ok("append r identity_edges edges.csv");
    let manifest: serde_json::Value =
        serde_json::from_str(&sandbox.ok("show r identity_edges --json")).unwrap();
    assert!(manifest["partitions"]["000001"].is_object(), "tick 4 of buckets of 4: {manifest}");
    assert_eq!(
        sandbox.crv("scan r holdings --tick-bucket-size 100").output().unwrap().status.code(),
        Some(2)
    );
}

#[test]
fn no_runs_is_a_note_and_no_error() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.told("runs"), "exit 0\n--- stderr\nno runs under `out`\n");
    assert_eq!(sandbox.told("runs --json -q"), "exit 0\n--- stdout\n[]\n");
}

#[test]
fn a_lost_manifest_is_rebuilt() {
    let sandbox = Sandbox::with_run();
    let before = sandbox.ok("scan r holdings --format csv");
    fs_err::remove_file(sandbox.path("out/runs/r/tables/holdings/manifest.json")).unwrap();
    fs_err::remove_dir_all(sandbox.path("out/runs/r/_commits")).unwrap();
    assert_eq!(sandbox.crv("scan r holdings").output().unwrap().status.code(), Some(5));
    assert_told!(sandbox.told("rebuild r holdings --tick-bucket-size 4"));
    assert_eq!(sandbox.ok("scan r holdings --format csv"), before);
    let report: serde_json::Value = serde_json::from_str(&sandbox.ok("rebuild r holdings --json")).unwrap();
    assert_eq!((&report["rows"], &report["parts"]), (&4.into(), &2.into()));
}
