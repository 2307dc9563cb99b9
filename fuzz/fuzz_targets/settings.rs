//! Settings: the same text as TOML and as environment variables.

#![no_main]

use crv_io::fuzzing::{settings, variables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = settings(text);
    let _ = variables(text);
});
