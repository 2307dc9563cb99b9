//! Where output goes: files that appear complete or not at all, closed pipes, and only data on standard output.

use std::process::{Command, Stdio};

use crate::sandbox::{Sandbox, is_file};

#[test]
fn a_file_appears_when_it_is_whole_and_nothing_stays_beside_it() {
    let sandbox = Sandbox::with_run();
    sandbox.write("rows.csv", "old");
    assert_eq!(sandbox.told("scan r holdings -o rows.csv"), "exit 0\n--- stderr\nwrote 4 rows to rows.csv\n");
    assert_eq!(sandbox.read("rows.csv"), sandbox.ok("scan r holdings --format csv"));
    assert_eq!(sandbox.names(), ["holdings.csv", "rows.csv"]);
}

#[test]
fn a_scan_that_fails_leaves_the_old_file_and_no_other() {
    let sandbox = Sandbox::with_run();
    sandbox.write("rows.csv", "old");
    let last = sandbox.parts("holdings").pop().unwrap();
    fs_err::remove_file(&last).unwrap();
    for format in ["csv", "ndjson", "parquet", "arrow", "table"] {
        let output = sandbox.crv(&format!("scan r holdings -o rows.csv --format {format}")).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{format}");
        let name = last.file_name().unwrap().to_str().unwrap();
        assert!(String::from_utf8(output.stderr).unwrap().contains(name), "{format}");
        assert_eq!(sandbox.read("rows.csv"), "old", "{format}");
        assert_eq!(sandbox.names(), ["holdings.csv", "rows.csv"], "{format}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_device_a_device() {
    let sandbox = Sandbox::with_run();
    sandbox.write("real.csv", "old");
    std::os::unix::fs::symlink("real.csv", sandbox.path("link.csv")).unwrap();
    sandbox.ok("scan r holdings -o link.csv");
    assert!(sandbox.path("link.csv").is_symlink());
    assert!(sandbox.read("real.csv").starts_with("bucket,"));
    std::os::unix::fs::symlink("/dev/null", sandbox.path("null.csv")).unwrap();
    sandbox.ok("scan r holdings -o null.csv");
    assert!(!is_file("/dev/null".as_ref()));
}

#[test]
fn a_table_can_go_to_a_file_too() {
    let sandbox = Sandbox::with_run();
    sandbox.ok("scan r holdings --format table -o rows.txt");
    assert_eq!(sandbox.read("rows.txt"), sandbox.ok("scan r holdings"));
}

#[test]
fn a_dash_is_standard_output() {
    let sandbox = Sandbox::with_run();
    assert_eq!(sandbox.ok("scan r holdings -o -"), sandbox.ok("scan r holdings"));
    assert_eq!(sandbox.names(), ["holdings.csv"]);
}

#[test]
fn a_closed_pipe_is_success_and_silent() {
    let sandbox = Sandbox::new();
    sandbox.ok("demo --run d --ticks 40 --agents 12");
    for arguments in [
        "scan d holdings --format csv",
        "scan d holdings --format ndjson",
        "scan d holdings --format parquet",
        "scan d holdings --format arrow",
        "scan d decisions --limit 400",
        "show d holdings --json",
        "completions bash",
        "--help",
    ] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("crv"))
            .current_dir(sandbox.path(""))
            .args(arguments.split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments}");
    }
}

#[test]
fn quiet_means_no_notes() {
    let sandbox = Sandbox::new();
    let output = sandbox.crv("demo --run d --ticks 2 --agents 2 -q").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    assert_eq!(sandbox.told("scan d holdings -o x.csv -q"), "exit 0\n");
}

#[test]
fn nothing_is_styled_in_a_pipe() {
    let sandbox = Sandbox::new();
    for arguments in ["demo --run d --ticks 2 --agents 2", "tables d", "scan d messages", "--help", "scan"] {
        let output = sandbox.crv(arguments).output().unwrap();
        assert!(![output.stdout, output.stderr].concat().contains(&0x1b), "{arguments}");
    }
}
