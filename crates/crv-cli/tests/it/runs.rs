//! `crv runs`, `crv info` and `crv rm`: what runs are, how they are doing, and removing them.

use crv_io::run::{Outcome, RunError};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, assert_told};

/// A run of each state that a process can leave without being killed, and one without facts.
fn sweep() -> Sandbox {
    let sandbox = Sandbox::with_run();
    sandbox.start("good").finish(Outcome::Succeeded).unwrap();
    let bad = sandbox.start("bad");
    sandbox.ok("append bad holdings holdings.csv");
    let error = RunError {
        kind: "ValueError".to_owned(),
        message: "beta is 7".to_owned(),
        traceback: Some("Traceback:\n  sir.py, line 3\n\u{1b}[31mValueError: beta is 7".to_owned()),
    };
    bad.finish(Outcome::Failed(error)).unwrap();
    drop(sandbox.start("ugly"));
    sandbox
}

#[test]
fn runs_say_how_they_are_doing() {
    let sandbox = sweep();
    let running = sandbox.start("running");
    assert_told!(["runs", "runs --long", "runs --json"].map(|verb| sandbox.told(verb)).join("\n"));
    drop(running);
}

#[test]
fn a_run_at_a_glance() {
    let sandbox = sweep();
    let told = ["info bad", "info r", "info nowhere", "info ../r"].map(|verb| sandbox.told(verb));
    assert_told!(told.join("\n"));
    assert!(!sandbox.ok("info bad").contains('\u{1b}'));
    let info: Value = serde_json::from_str(&sandbox.ok("info bad --json")).unwrap();
    assert_eq!((&info["state"], &info["rows"], &info["tick_max"]), (&json!("failed"), &json!(4), &json!(4)));
    assert_eq!(info["facts"]["params"], json!({"beta": 0.3, "grid": [1, 2]}));
    assert_eq!(info["status"]["error"]["type"], "ValueError");
}

#[test]
fn facts_that_are_damaged_are_told_and_hide_nothing() {
    let sandbox = sweep();
    sandbox.write("out/runs/bad/run.json", "{");
    sandbox.write("out/runs/good/status.json", "");
    let told = ["runs", "info bad", "check bad", "check good", "repair bad"].map(|verb| sandbox.told(verb));
    assert_told!(told.join("\n"));
}

#[test]
fn a_bundle_takes_facts_along_and_keeps_what_was_said_before() {
    let sandbox = sweep();
    let bundle = |arguments: &str| -> Value {
        serde_json::from_str(&sandbox.ok(&format!("bundle bad --json {arguments}"))).unwrap()
    };
    let first = bundle("--meta note=hi");
    assert_eq!((&first["facts"]["seed"], &first["facts"]["params"]["beta"]), (&json!(7), &json!(0.3)));
    assert_eq!(first["status"]["state"], "failed");
    let began = first["run"]["created_at"].clone();
    assert_eq!(began, first["facts"]["created_at"]);
    // Lost or damaged, they are kept from the earlier bundle; so is what was said.
    fs_err::remove_file(sandbox.path("out/runs/bad/status.json")).unwrap();
    sandbox.write("out/runs/bad/run.json", "{");
    let again = bundle("");
    for key in ["facts", "status", "meta"] {
        assert_eq!(again[key], first[key], "{key}");
    }
    assert_eq!(again["run"]["created_at"], began);
    let bare: Value = serde_json::from_str(&sandbox.ok("bundle r --json")).unwrap();
    assert_eq!((&bare["facts"], &bare["status"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_run_is_removed_when_it_is_sure() {
    let sandbox = sweep();
    let running = sandbox.start("running");
    sandbox.write("out/runs/ugly/notes.md", "mine");
    let told = [
        "rm good",
        "rm good --yes",
        "rm good --yes",
        "rm --yes running ugly bad",
        "rm ../runs --yes",
        "rm ugly --yes --force --json",
        "rm",
        "runs",
    ]
    .map(|arguments| format!("$ crv {arguments}\n{}", sandbox.told(arguments)));
    assert_told!(told.join("\n"));
    drop(running);
    assert_eq!(sandbox.names(), ["holdings.csv"]);
}

/// Two runs with the same rows in another layout, and a third that parts from them.
#[test]
fn where_two_runs_part() {
    let sandbox = Sandbox::with_run();
    let rows = sandbox.ok("scan r holdings --format csv");
    sandbox.write("same.csv", &rows);
    sandbox.write("other.csv", &rows.replace("20", "21"));
    sandbox.ok("append same holdings same.csv --tick-bucket-size 1000");
    sandbox.ok("append other holdings other.csv");
    assert_eq!(sandbox.ok("digest r"), sandbox.ok("digest same"));
    assert_eq!(sandbox.ok("diff r same"), "");
    let told =
        ["digest r --buckets", "digest r --json", "diff r other", "diff r other --json", "diff r none"];
    assert_told!(told.map(|command| sandbox.told(command)).join("\n"));
    for (other, code) in [("same", 0), ("other", 1), ("none", 2)] {
        let status = sandbox.crv(&format!("diff r {other}")).output().unwrap().status;
        assert_eq!(status.code(), Some(code), "{other}");
    }
}

/// A verb of maintenance for every run that matches, one of them damaged.
#[test]
fn maintenance_takes_a_pattern() {
    let sandbox = Sandbox::with_run();
    for run in ["w-1", "w-2", "w-3"] {
        sandbox.ok(&format!("append {run} holdings holdings.csv"));
        sandbox.ok(&format!("append {run} holdings holdings.csv"));
    }
    let told = ["compact w-* holdings", "check *", "check w-[12] --json", "vacuum w-* --older-than 0s"];
    let told = told.map(|command| sandbox.told(command)).join("\n");
    assert_eq!(sandbox.ok("files w-* holdings").lines().count(), 3);
    assert_eq!(sandbox.ok("prune w-* --older-than 0s").lines().count(), 4);
    assert_eq!(sandbox.ok("bundle w-*").lines().count(), 4);
    let manifest = "out/runs/w-2/tables/holdings/manifest.json";
    sandbox.write(manifest, "{");
    let damaged = ["check w-*", "compact w-* holdings", "check x-*"].map(|command| sandbox.told(command));
    assert_told!(format!("{told}\n{}", damaged.join("\n")));
}

/// Runs in a pack are read by every verb that reads, and by none that writes.
#[test]
fn a_pack_is_a_root_that_is_never_changed() {
    let sandbox = Sandbox::with_run();
    sandbox.ok("append q holdings holdings.csv --tick-bucket-size 4");
    drop(sandbox.start("running"));
    let packed = [
        "pack -o all",
        "pack [qr] -o s.crvpack",
        "pack -o s.crvpack",
        "pack --sweep none -o t.crvpack",
        "pack x* -o t.crvpack",
        "pack --where state='stale' --tables holdings -o t.crvpack",
        "pack r --where tick_max>3 -o u.crvpack --json",
    ]
    .map(|command| format!("$ crv {command}\n{}", sandbox.told(command)));
    for run in ["q", "r"] {
        let of_pack = |verb: &str| sandbox.ok(&format!("--root s.crvpack {verb} {run}"));
        let of_root = |verb: &str| sandbox.ok(&format!("{verb} {run}"));
        assert_eq!(of_pack("digest"), of_root("digest"));
        assert_eq!(of_pack("tables"), of_root("tables"));
        let rows = "scan q holdings --format csv";
        assert_eq!(sandbox.ok(&format!("--root s.crvpack {rows}")), sandbox.ok(rows));
    }
    let read = [
        "runs",
        "info r",
        "check * --deep",
        "scan * holdings --where quantity>5 --format csv",
        "files r holdings",
        "files * holdings",
        "append r holdings holdings.csv",
        "compact r holdings",
        "rm r --yes",
        "vacuum r",
        "bundle r",
    ]
    .map(|command| {
        format!("$ crv --root s.crvpack {command}\n{}", sandbox.told(&format!("--root s.crvpack {command}")))
    });
    let none = sandbox.told("--root none.crvpack runs");
    assert_told!(format!("{}\n{}\n{none}", packed.join("\n"), read.join("\n")));
}
