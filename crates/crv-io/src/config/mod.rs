//! Settings: what they are, where they come from, and the one set of rules that checks them.
//!
//! An [`IoSettings`] value is always valid. Every way of making one - setters, pairs from a caller, a TOML file,
//! environment variables - goes through the same table of fields (module `fields`), so a wrong value is refused
//! with the same words wherever it came from, and the error says where that was.
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
//! What this module does not do: it never opens the store, and it does not know which bucket size a run was
//! written with; the run says so when it is opened.

mod environment;
mod error;
mod fields;
mod file;
mod kinds;
mod settings;
mod suggest;
#[cfg(test)]
mod tests;
mod valuation;
mod value;

pub use environment::DEFAULT_PREFIX;
pub use error::{ConfigError, Origin};
pub use kinds::{Compression, CostMethod, FsProtocol, Partitioning, PriceSource, VerifyReads};
pub use settings::IoSettings;
pub use suggest::nearest;
pub use valuation::ValuationSettings;
pub use value::SettingValue;
