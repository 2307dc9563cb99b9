//! Maintenance: texts and exit codes of check, repair, compact, vacuum, files and prune.

use crate::sandbox::{Sandbox, assert_told};

const BASE: &str = "out/runs/r/_commits/base.json";
const MANIFEST: &str = "out/runs/r/tables/holdings/manifest.json";

/// Runs the commands in order, and returns the output of each.
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

#[test]
fn parts_are_merged_listed_and_removed() {
    let sandbox = Sandbox::with_run();
    for tick in 0..3 {
        sandbox.write("late.csv", &format!("tick,agent_id,token_id,quantity\n{tick},A9,T0,1\n"));
        sandbox.ok("append r holdings late.csv");
    }
    let rows = sandbox.ok("scan r holdings --format csv");
    let all = sandbox.parts("holdings").len();
    let merged = session(
        &sandbox,
        [
            "compact r holdings --max-bytes 1",
            "compact r holdings",
            "compact r holdings --ticks 0..",
            "check r",
            "vacuum r",
        ],
    );
    let would = sandbox.ok("vacuum r --older-than 0s --dry-run");
    assert_eq!(would.matches("merged-part").count(), 4, "{would}");
    let vacuumed = session(&sandbox, ["vacuum r --older-than 0s", "vacuum r --older-than 0s --json"]);
    assert_eq!(sandbox.ok("scan r holdings --format csv"), rows);
    let files = sandbox.ok("files r holdings");
    assert!(all > files.lines().count());
    let mut on_disk: Vec<String> =
        sandbox.parts("holdings").into_iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    on_disk.sort();
    for line in files.lines() {
        assert!(on_disk.iter().any(|part| part.ends_with(line)), "{line} in {on_disk:?}");
    }
    assert_eq!(files.lines().count(), on_disk.len());
    assert!(sandbox.ok("files r holdings --json").contains("\"tick_min\": 0"));
    assert_told!([merged, vacuumed].join("\n"));
}

#[test]
fn errors_of_merging() {
    let sandbox = Sandbox::with_run();
    assert_told!(session(
        &sandbox,
        [
            "compact nowhere holdings",
            "compact r exchange",
            "compact r holdings --max-bytes 0",
            "compact r holdings --ticks 7..3",
            "vacuum nowhere",
            "vacuum r --older-than -1s",
            "files r exchange",
        ]
    ));
}

/// Verbs that only read ignore the bucket size of the settings.
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
