//! `manifest.json`, as it lies there and sealed: a mutated document has no right checksum, and would be refused
//! before anything in it is looked at.

#![no_main]

use crv_io::fuzzing::{manifest, sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let _ = manifest(document);
    let _ = manifest(&sealed(document));
});
