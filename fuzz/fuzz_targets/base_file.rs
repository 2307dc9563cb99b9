//! The base of a pruned log, as it is, and with its checksum corrected after the mutation.

#![no_main]

use crv_io::fuzzing::{base_file, sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let _ = base_file(document);
    let _ = base_file(&sealed(document));
});
