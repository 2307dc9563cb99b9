//! The enumerations of the settings, with their spelling in files and variables.

use std::fmt;

use serde::{Serialize, Serializer};

/// Declares an enumeration whose members are written as fixed words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$member_doc])* $member),+ }

        impl $name {
            /// Every member, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];
            /// Every member's spelling, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The spelling in files, variables and Python.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$member => $word),+ }
            }

            /// The member with exactly this spelling.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

words! {
    /// How a table's rows are partitioned into directories.
    Partitioning {
        /// By ticks: bucket = tick / `tick_bucket_size`. The only strategy.
        TickBuckets = "tick_buckets",
    }
}

words! {
    /// The compression of the columns of a part.
    Compression {
        /// Zstandard: the smallest files. The default.
        Zstd = "zstd",
        /// LZ4: the fastest to read.
        Lz4 = "lz4",
        /// Snappy: supported by the oldest readers.
        Snappy = "snappy",
    }
}

words! {
    /// The kind of storage of a run.
    FsProtocol {
        /// Local directories and files.
        File = "file",
        /// This process's memory: for tests and dry runs; lost when the process ends.
        Memory = "memory",
    }
}

words! {
    /// How a part is verified before its rows are returned.
    ///
    /// For a part that is read whole, as every part up to 128 KiB is, the checksum is always compared.
    VerifyReads {
        /// By its size and its number of rows. A changed byte may go unnoticed.
        Size = "size",
        /// By the CRC-32C of all its bytes, once for each handle. The default.
        Checksum = "checksum",
    }
}

impl FsProtocol {
    /// Reserved protocols that no store supports yet.
    pub const RESERVED: &'static [&'static str] = &["s3", "gs", "az"];
}

words! {
    /// How the cost of a holding is calculated.
    CostMethod {
        /// Weighted average cost.
        Wac = "wac",
        /// First in, first out.
        Fifo = "fifo",
        /// Last in, first out.
        Lifo = "lifo",
        /// The lots that a trade names.
        SpecificLot = "specific_lot",
    }
}

words! {
    /// The source of the price that marks a holding.
    PriceSource {
        /// The latest trade.
        LastTrade = "last_trade",
        /// The venue's baseline value.
        BaselineValue = "baseline_value",
        /// The volume-weighted average of the last `vwap_window_ticks` ticks.
        VwapWindow = "vwap_window",
        /// An oracle outside the market.
        Oracle = "oracle",
    }
}
