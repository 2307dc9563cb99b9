//! [`Format`]: the formats, with their names and file name extensions.

use std::fmt;
use std::path::Path;

use super::error::FormatError;

/// A format of files outside the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object on each line.
    Ndjson,
    /// Arrow IPC: read as a file or as a stream, written as a file.
    Arrow,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Parquet, Self::Csv, Self::Ndjson, Self::Arrow];

    /// Its name, for example on a command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Arrow => "arrow",
        }
    }

    /// Its file name extensions.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Parquet => &["parquet", "pq"],
            Self::Csv => &["csv"],
            Self::Ndjson => &["ndjson", "jsonl"],
            Self::Arrow => &["arrow", "arrows", "ipc", "feather"],
        }
    }

    /// The format of this name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// The format of a file, from its extension.
    ///
    /// ```
    /// use crv_formats::Format;
    ///
    /// assert_eq!(Format::of_path("ticks.JSONL".as_ref()).ok(), Some(Format::Ndjson));
    /// assert!(Format::of_path("ticks.txt".as_ref()).is_err());
    /// ```
    pub fn of_path(path: &Path) -> Result<Self, FormatError> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        Self::ALL
            .into_iter()
            .find(|format| extension.as_deref().is_some_and(|found| format.extensions().contains(&found)))
            .ok_or_else(|| FormatError::unknown_extension(path, extension.as_deref()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
