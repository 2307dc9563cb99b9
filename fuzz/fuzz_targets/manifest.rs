//! `manifest.json`, as it is, and with its checksum corrected after the mutation: with a wrong checksum a document is
//! refused before it is parsed.

#![no_main]

use crv_io::fuzzing::{manifest, sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let _ = manifest(document);
    let _ = manifest(&sealed(document));
});
