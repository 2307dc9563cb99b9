//! The crv command.
fn main() {}
