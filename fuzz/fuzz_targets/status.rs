//! The status of a run, as it is, and with its checksum corrected after the mutation.

#![no_main]

use crv_io::fuzzing::{sealed, status};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let _ = status(document);
    let _ = status(&sealed(document));
});
