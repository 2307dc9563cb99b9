//! The run store.

pub mod config;
pub mod formats;
pub mod frame;
pub mod schema;
pub mod validate;
