//! A grammar in EBNF, and names with rules of spelling.

#![no_main]

use crv_core::grammar::ebnf::load_grammar;
use crv_core::grammar::{TableName, assert_lower_snake};
use crv_core::ids::RunId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = load_grammar(text);
    if let Ok(run) = RunId::new(text) {
        assert!(!text.contains(['/', '\\', '\0']) && text != ".." && text == run.as_str());
    }
    let _ = RunId::normalize(text);
    let _ = assert_lower_snake(text, "a name");
    let _ = text.parse::<TableName>();
});
