//! The crv command.
