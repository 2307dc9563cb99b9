//! A commit file, as it is, and with its checksum corrected after the mutation.

#![no_main]

use crv_io::fuzzing::{commit_file, sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let _ = commit_file(document);
    let _ = commit_file(&sealed(document));
});
