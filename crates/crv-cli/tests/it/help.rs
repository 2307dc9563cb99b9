//! The help text of the command and of each verb.

use crate::sandbox::{Sandbox, assert_told};

#[test]
fn help() {
    assert_told!(Sandbox::new().told("--help"));
}

/// The help of a verb, without the settings that all verbs share.
fn verb(name: &str) -> String {
    let text = Sandbox::new().told(&format!("{name} --help"));
    let (own, shared) = text.split_once("\nSettings:\n").expect("every verb takes settings");
    assert!(shared.contains("--root <DIR>"), "{shared}");
    own.to_owned()
}

#[test]
fn help_of_each_verb() {
    let verbs = [
        "demo",
        "append",
        "runs",
        "info",
        "tables",
        "show",
        "scan",
        "check",
        "repair",
        "rebuild",
        "prune",
        "bundle",
        "pack",
        "artifacts",
        "rm",
        "settings",
        "completions",
    ];
    let helps: Vec<String> = verbs.map(verb).into();
    assert_told!(helps.join("\n\n=========\n"));
}

#[test]
fn without_a_verb_the_help_is_an_error() {
    let output = Sandbox::new().crv("").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8(output.stderr).unwrap().contains("Usage: crv [OPTIONS] <COMMAND>"));
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(Sandbox::new().ok("--version"), format!("crv {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_know_verbs_and_tables_whatever_the_settings() {
    let sandbox = Sandbox::new();
    sandbox.write("crv.toml", "nonsense");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = sandbox.ok(&format!("completions {shell}"));
        assert!(script.contains("rebuild"), "{shell}");
    }
    assert!(sandbox.ok("completions bash").contains("holdings_valuation"));
}
