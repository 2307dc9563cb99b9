//! `crv bundle` and `crv artifacts`.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, assert_told};

#[test]
fn a_bundle_tells_what_it_wrote() {
    assert_told!(Sandbox::with_run().told("bundle r"));
}

#[test]
fn a_bundle_is_printed_as_it_was_written() {
    let sandbox = Sandbox::with_run();
    let printed = sandbox.ok("bundle r --json --meta seed=7 --meta note=hi --meta list=[1,2] --meta eq=a=b");
    assert_eq!(printed, sandbox.read("out/runs/r/bundle.manifest.json"));
    let bundle: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(bundle["meta"], json!({"seed": 7, "note": "hi", "list": [1, 2], "eq": "a=b"}));
    assert_eq!(bundle["io"]["tick_bucket_size"], 4, "the run's own, not the default");
    assert_eq!(bundle["tables"]["holdings"]["buckets"], json!([0, 1]));
    // The sandbox is in no Git repository.
    assert_eq!(bundle["run"]["git"], json!({"sha": null, "dirty": null}));
    assert_eq!(bundle["env"]["python"], Value::Null);
}

#[test]
fn artifacts_are_listed() {
    let sandbox = Sandbox::with_run();
    fs_err::create_dir_all(sandbox.path("out/runs/r/artifacts/lab/tidy")).unwrap();
    fs_err::create_dir_all(sandbox.path("out/runs/r/artifacts/lab/audit")).unwrap();
    sandbox.ok("scan r holdings -o out/runs/r/artifacts/lab/tidy/holdings.parquet -q");
    sandbox.write("out/runs/r/artifacts/lab/audit/log.txt", "one line\n");
    let told = ["artifacts r", "artifacts r --json"].map(|verb| sandbox.told(verb));
    assert_told!(told.join("\n"));
}

#[test]
fn a_run_of_artifacts_alone_can_be_bundled() {
    let sandbox = Sandbox::new();
    fs_err::create_dir_all(sandbox.path("out/runs/lab/artifacts/lab/tidy")).unwrap();
    sandbox.write("out/runs/lab/artifacts/lab/tidy/a.csv", "a\n");
    let told = ["artifacts lab", "bundle lab"].map(|verb| sandbox.told(verb));
    assert_told!(told.join("\n"));
}

#[test]
fn errors_of_bundles_and_artifacts() {
    let sandbox = Sandbox::with_run();
    let told = [
        "bundle nowhere",
        "artifacts nowhere",
        "bundle ../r",
        "bundle r --meta seed",
        "bundle r --meta =7",
        "bundle r --meta a=1 --meta a=2",
        "artifacts r",
    ]
    .map(|arguments| format!("$ crv {arguments}\n{}", sandbox.told(arguments)));
    assert_told!(told.join("\n"));
    assert!(!sandbox.path("out/runs/nowhere").exists());
    assert!(!sandbox.path("out/runs/r/bundle.manifest.json").exists());
}

#[test]
fn a_meta_that_is_too_deep_is_refused() {
    let sandbox = Sandbox::with_run();
    let deep = format!("deep={}1{}", "[".repeat(100), "]".repeat(100));
    let output = sandbox.crv("bundle r --meta").arg(deep).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("`meta` is nested more than 64 levels deep"));
}

#[test]
fn what_was_said_before_is_kept_or_dropped_by_name() {
    let sandbox = Sandbox::with_run();
    let meta = |arguments: &str| {
        let printed = sandbox.ok(&format!("bundle r --json {arguments}"));
        serde_json::from_str::<Value>(&printed).unwrap()["meta"].clone()
    };
    assert_eq!(meta("--meta seed=7 --meta note=hi"), json!({"seed": 7, "note": "hi"}));
    assert_eq!(meta(""), json!({"seed": 7, "note": "hi"}));
    assert_eq!(meta("--meta seed=8"), json!({"seed": 8}));
    assert_eq!(meta("--no-meta"), json!({}));
    assert_eq!(sandbox.crv("bundle r --no-meta --meta a=1").output().unwrap().status.code(), Some(2));
}
