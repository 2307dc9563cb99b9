//! The sources of settings, and which one wins.

use crate::sandbox::{Sandbox, assert_told};

fn size(sandbox: &Sandbox, arguments: &str, variable: Option<&str>) -> u64 {
    let mut command = sandbox.crv(&format!("settings --json {arguments}"));
    if let Some(value) = variable {
        command.env("CRV_IO_TICK_BUCKET_SIZE", value);
    }
    let output = command.output().unwrap();
    let settings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    settings["tick_bucket_size"].as_u64().unwrap()
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_defaults() {
    let sandbox = Sandbox::new();
    assert_eq!(size(&sandbox, "", None), 100);
    sandbox.write("pyproject.toml", "[tool.crv.io]\ntick_bucket_size = 1");
    assert_eq!(size(&sandbox, "", None), 1);
    sandbox.write("crv.toml", "tick_bucket_size = 2");
    assert_eq!(size(&sandbox, "", None), 2);
    sandbox.write("other.toml", "[io]\ntick_bucket_size = 3");
    assert_eq!(size(&sandbox, "--config other.toml", None), 3);
    assert_eq!(size(&sandbox, "--config other.toml", Some("4")), 4);
    assert_eq!(size(&sandbox, "--tick-bucket-size 5", Some("4")), 5);
}

#[test]
fn settings_are_shown_as_a_file_that_gives_them_again() {
    let sandbox = Sandbox::new();
    let flags =
        "--root runs --compression lz4 --row-group-size 7 --strict-schema off --write-manifest-every-n 2";
    let shown = sandbox.ok(&format!("settings {flags}"));
    assert_told!(shown);
    sandbox.write("crv.toml", &shown);
    assert_eq!(sandbox.ok("settings"), shown);
}

#[test]
fn the_root_of_the_settings_is_where_runs_are() {
    let sandbox = Sandbox::with_run();
    fs_err::rename(sandbox.path("out"), sandbox.path("elsewhere")).unwrap();
    assert_eq!(sandbox.ok("runs -q"), "");
    assert!(sandbox.ok("runs --root elsewhere").contains("\nr    -       0..4     4  "));
}

#[test]
fn errors_of_settings_name_their_source() {
    let sandbox = Sandbox::with_run();
    sandbox.write("bad.toml", "[io]\ncompresion = 'zstd'");
    let told = [
        "runs --tick-bucket-size 0",
        "runs --tick-bucket-size -5",
        "runs --compression gzip",
        "runs --strict-schema maybe",
        "runs --write-manifest-every-n 0",
        "runs --config bad.toml",
        "runs --config nowhere.toml",
        "append r holdings holdings.csv --tick-bucket-size 5",
    ]
    .map(|arguments| format!("$ crv {arguments}\n{}", sandbox.told(arguments)));
    let variable = sandbox.crv("runs").env("CRV_IO_TICK_BUKET_SIZE", "4").output().unwrap();
    assert_told!(format!(
        "{}\n$ CRV_IO_TICK_BUKET_SIZE=4 crv runs\n{}",
        told.join("\n"),
        crate::sandbox::told(&variable)
    ));
}
