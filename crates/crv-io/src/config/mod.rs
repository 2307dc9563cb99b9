//! Settings: their fields, their sources, and one set of rules that checks them.
//!
//! An [`IoSettings`] value is always valid. All constructors - setters, pairs from a caller, a TOML file, environment
//! variables - use the same table of fields (module `fields`): a wrong value has the same error message from every
//! source, and the error names the source.
//!
//! ```
//! use crv_io::config::{Compression, IoSettings};
//!
//! let settings = IoSettings::default().with_root_dir("runs")?.with_compression(Compression::Lz4);
//! assert_eq!(settings.tick_bucket_size(), 100);
//! assert!(settings.with_tick_bucket_size(0).is_err());
//! # Ok::<(), crv_io::config::ConfigError>(())
//! ```
//!
//! What this module does not do: it never opens the store, and it does not know the bucket size that a run was written
//! with; opening the run checks it.

mod environment;
mod error;
mod fields;
mod file;
mod kinds;
mod settings;
#[cfg(test)]
mod tests;
mod valuation;
mod value;

pub use environment::DEFAULT_PREFIX;
pub use error::{ConfigError, Origin};
pub use kinds::{Compression, CostMethod, FsProtocol, Partitioning, PriceSource, VerifyReads};
pub use settings::IoSettings;
pub use valuation::ValuationSettings;
pub use value::SettingValue;
