//! A part: its footer, then a scan of its rows.
//!
//! A decoder of Parquet that panics is caught by the crate, and no finding: nobody hears of it. A panic that gets out
//! is one.

#![no_main]

use crv_io::fuzzing::part;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        std::panic::set_hook(Box::new(|panic| {
            if panic.location().is_none_or(|location| location.file().contains("crv")) {
                eprintln!("{panic}");
            }
        }));
    },
    |bytes: &[u8]| {
        let _ = part(bytes);
    }
);
