//! A commit file, sealed: a mutated document has no right checksum.

#![no_main]

use crv_io::fuzzing::{commit_file, sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let _ = commit_file(document);
    let _ = commit_file(&sealed(document));
});
