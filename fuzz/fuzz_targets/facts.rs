//! The facts of a run, as it is, and with its checksum corrected after the mutation.

#![no_main]

use crv_io::fuzzing::{facts, sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let _ = facts(document);
    let _ = facts(&sealed(document));
});
