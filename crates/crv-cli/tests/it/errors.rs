//! Errors: text, hint and exit code of each.

use crate::sandbox::{Sandbox, assert_told};

#[test]
fn errors_of_files_runs_and_tables() {
    let sandbox = Sandbox::with_run();
    sandbox.write("rows.txt", "");
    sandbox.write("half.ndjson", "{\"tick\":0,\"agent_id\":\"A\"\n");
    sandbox.write("text.parquet", "no Parquet");
    let told = [
        "append r holdings nowhere.csv",
        "append r holdings rows.txt",
        "append r holdings -",
        "append r holdings - -",
        "append r holdings half.ndjson",
        "append r holdings rows.txt --format csv",
        "tables nowhere",
        "scan nowhere holdings",
        "scan r messages",
        "show r messages",
        "rebuild r messages",
        "scan r holdings -o nowhere/rows.csv",
        "scan r holdings -o out --format csv",
        "scan r holdings -o rows.txt",
    ]
    .map(|arguments| format!("$ crv {arguments}\n{}", sandbox.told(arguments)));
    assert_told!(told.join("\n"));
    let foreign = sandbox.told("append r holdings text.parquet");
    assert!(foreign.starts_with("exit 1\n--- stderr\nerror: text.parquet: not a readable Parquet file: "));
}

#[test]
fn errors_of_usage() {
    let sandbox = Sandbox::with_run();
    let told = [
        "scan r holding",
        "scan r holdings --ticks 7..3",
        "scan r holdings --columns tick,quantiti",
        "scan r holdings --format xml",
        "scan r holdings --limit -1",
        "append r holdings",
        "append ../r holdings holdings.csv",
        "tables .",
        "demo --ticks 0",
        "demo --agents 1",
        "apend r",
    ]
    .map(|arguments| format!("$ crv {arguments}\n{}", sandbox.told(arguments)));
    assert_told!(told.join("\n"));
}

#[test]
fn errors_of_rows() {
    let sandbox = Sandbox::with_run();
    sandbox.write("columns.csv", "tick,agent_id,colour\n0,A,red\n");
    sandbox.write("null.csv", "tick,agent_id,token_id,quantity\n0,A,T,\n");
    sandbox.write("tick.csv", "tick,agent_id,token_id,quantity\n-1,A,T,1\n");
    let told = ["columns.csv", "null.csv", "tick.csv"].map(|file| {
        format!("$ crv append r holdings {file}\n{}", sandbox.told(&format!("append r holdings {file}")))
    });
    assert_told!(told.join("\n"));
}

#[test]
fn no_run_id_leaves_the_root() {
    let sandbox = Sandbox::new();
    sandbox.write("holdings.csv", crate::sandbox::HOLDINGS_CSV);
    for run in ["..", ".", "a/b", "../../x", "/tmp/x", "a\\b"] {
        for arguments in
            ["append RUN holdings holdings.csv", "scan RUN holdings", "tables RUN", "demo --run RUN"]
        {
            let output = sandbox.crv(&arguments.replace("RUN", run)).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{arguments} with {run}");
        }
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn runs_and_roots_that_are_not_there() {
    let sandbox = Sandbox::new();
    sandbox.write("holdings.csv", crate::sandbox::HOLDINGS_CSV);
    sandbox.ok("append sweep-7 holdings holdings.csv");
    let told = [
        "scan swep-7 holdings",
        "tables swep-7",
        "show weather holdings",
        "check swep-7",
        "runs --root nowhere",
        "runs --root holdings.csv",
        "scan sweep-7 holdings --root nowhere",
        "runs --root s3://bucket/out",
        "append r holdings holdings.csv --root s3://bucket/out",
    ]
    .map(|arguments| format!("$ crv {arguments}\n{}", sandbox.told(arguments)));
    assert_told!(told.join("\n"));
    assert_eq!(sandbox.names(), ["holdings.csv"]);
    fs_err::create_dir(sandbox.path("empty")).unwrap();
    assert_eq!(sandbox.ok("runs --root empty"), "");
}
