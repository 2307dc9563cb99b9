//! The contracts of CRV (Context -> Representation -> Valuation): the names, tables, ids, versions
//! and hashes that all components of a simulation share.
//!
//! This crate is the single source of truth. The store, `crv-io`, and the Python package build on
//! it; each rule is defined here once.
//!
//! # A map
//!
//! - [`grammar`]: the closed vocabularies ([`TableName`](grammar::TableName),
//!   [`ActionKind`](grammar::ActionKind), [`RepresentationEdgeKind`](grammar::RepresentationEdgeKind), …)
//!   and how their values are parsed and normalised; [`grammar::ebnf`], the grammar of actions, observations and
//!   patches.
//! - [`tables`]: one [`TableDescriptor`](tables::TableDescriptor) per canonical table.
//! - [`schema`]: payloads and rows as always-valid types, and the rules for checking columns.
//! - [`ids`]: [`RunId`](ids::RunId), which is checked, and the other identifiers, which are not.
//! - [`versioning`]: [`SCHEMA_V`](versioning::SCHEMA_V) and when two versions are compatible.
//! - [`hashing`] and [`serde`]: canonical JSON with the same bytes in Rust and Python, and its SHA-256.
//! - [`suggest`]: the word that was probably meant.
//! - [`constants`], [`typing`]: defaults and small aliases.
//! - [`error`]: [`GrammarError`](error::GrammarError), [`SchemaError`](error::SchemaError),
//!   [`VersionMismatch`](error::VersionMismatch), [`JsonError`](error::JsonError).
//! - [`spec`]: all of the above as one JSON document, for parity tests in other languages.
//!
//! # Invariants
//!
//! - Every serialised value and every column name is lower_snake.
//! - Parsing is strict: an unknown value is an error that lists what is allowed, never a default.
//! - The order of enum values and of [`list_tables`](tables::list_tables) is part of the contract.
//!
//! # What this crate does not do
//!
//! It reads and writes no files, knows nothing of Arrow or Parquet, has no clock, starts no threads and never
//! panics on input. Only [`make_run_id`](ids::make_run_id) uses random numbers, and they are not
//! cryptographic.
//!
//! # Example
//!
//! ```
//! use crv_core::grammar::TableName;
//! use crv_core::tables::{Dtype, get_table};
//!
//! let name: TableName = "identity_edges".parse()?;
//! let table = get_table(name);
//! assert_eq!(table.column("edge_weight").map(|column| column.dtype), Some(Dtype::F64));
//! assert!(table.required().any(|column| column.name == "edge_kind"));
//! # Ok::<(), crv_core::error::GrammarError>(())
//! ```

pub mod constants;
pub mod error;
pub mod grammar;
pub mod hashing;
pub mod ids;
pub mod schema;
pub mod serde;
pub mod spec;
pub mod suggest;
pub mod tables;
pub mod typing;
pub mod versioning;
