//! Tells the crate which compiler builds it, for run bundles; a compiler that does not say is none.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let Ok(output) = Command::new(compiler).arg("--version").output() else { return };
    // `rustc 1.89.0 (29483883e 2025-08-04)`
    let text = String::from_utf8_lossy(&output.stdout);
    if let Some(version) = text.split_whitespace().nth(1) {
        println!("cargo::rustc-env=CRV_RUSTC_VERSION={version}");
    }
}
