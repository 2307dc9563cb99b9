//! The run store.

pub mod schema;
pub mod validate;
pub mod config;
pub mod formats;
