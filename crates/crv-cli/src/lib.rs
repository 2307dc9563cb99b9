//! The crv command.

#[cfg_attr(not(test), expect(dead_code, reason = "`crv demo` is its only caller"))]
mod demo;
