//! The list of files of a pack.

#![no_main]

use crv_io::fuzzing::pack_list;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = pack_list(bytes);
});
