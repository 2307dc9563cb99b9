//! A part: its footer, then a scan of its rows.
//!
//! `crv-io` catches panics of Parquet decoders: those are not findings, and are not printed. A panic that leaves
//! `crv-io` is a finding.

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
