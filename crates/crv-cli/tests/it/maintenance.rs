//! Looking after runs: check, repair and prune, their texts and exit codes.

use crate::sandbox::{Sandbox, assert_told};

const BASE: &str = "out/runs/r/_commits/base.json";
const MANIFEST: &str = "out/runs/r/tables/holdings/manifest.json";

/// What each of these commands tells, one after the other.
fn session<const N: usize>(sandbox: &Sandbox, commands: [&str; N]) -> String {
    commands.map(|arguments| format!("$ crv {arguments}\n{}", sandbox.told(arguments))).join("\n")
}

#[test]
fn a_run_that_is_well_is_said_to_be_in_one_line() {
    let sandbox = Sandbox::with_run();
    let well = session(
        &sandbox,
        ["check r", "check r --deep", "check r --json", "repair r", "prune r", "prune r --older-than 0s"],
    );
    sandbox.write("out/runs/r/notes.txt", "");
    assert_told!([well, session(&sandbox, ["check r"])].join("\n"));
    assert_eq!(sandbox.ok("check r --deep --quiet --json"), sandbox.ok("check r --deep --json"));
    assert!(sandbox.read(BASE).contains("\"through\":1"));
}

#[test]
fn damage_is_told_mended_and_kept() {
    let sandbox = Sandbox::with_run();
    let rows = sandbox.ok("scan r holdings --format csv");
    sandbox.write(MANIFEST, "{}");
    let mended = session(&sandbox, ["check r", "repair r", "check r", "repair r --json"]);
    assert_eq!(sandbox.ok("scan r holdings --format csv"), rows);
    fs_err::remove_file(sandbox.parts("holdings").remove(0)).unwrap();
    assert_told!([mended, session(&sandbox, ["check r", "repair r"])].join("\n"));
}

/// The bucket size of the settings does not matter for what only looks.
#[test]
fn a_run_of_any_bucket_size_is_checked() {
    let sandbox = Sandbox::with_run();
    assert!(sandbox.ok("check r --deep --json --tick-bucket-size 7").contains("\"problems\": []"));
}

#[test]
fn errors_of_maintenance() {
    let sandbox = Sandbox::with_run();
    assert_told!(session(
        &sandbox,
        [
            "check nowhere",
            "repair nowhere",
            "prune nowhere",
            "prune r --older-than soon",
            "check",
            "check r x"
        ]
    ));
}
