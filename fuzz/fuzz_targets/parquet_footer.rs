//! A part: its footer, then a scan of its rows.

#![no_main]

use crv_io::fuzzing::part;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = part(bytes);
});
