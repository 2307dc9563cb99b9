//! The version of the tables, and which versions are compatible.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{SchemaError, VersionMismatch};

/// The version that this build reads and writes. It is in the metadata of every part, as `0.1@2025-09-20`.
///
/// ```
/// use crv_core::versioning::SCHEMA_V;
///
/// assert_eq!(SCHEMA_V.to_string(), "0.1@2025-09-20");
/// ```
pub const SCHEMA_V: SchemaVersion = SchemaVersion {
    major: SCHEMA_MAJOR_VERSION,
    minor: SCHEMA_MINOR_VERSION,
    date: IsoDate { year: 2025, month: 9, day: 20 },
};

/// The major number of [`SCHEMA_V`].
pub const SCHEMA_MAJOR_VERSION: u32 = 0;
/// The minor number of [`SCHEMA_V`].
pub const SCHEMA_MINOR_VERSION: u32 = 1;
/// The major number that data must have to be compatible.
pub const SCHEMA_COMPAT_MAJOR: u32 = SCHEMA_MAJOR_VERSION;
/// The minor number that data must have to be compatible.
pub const SCHEMA_COMPAT_MINOR: u32 = SCHEMA_MINOR_VERSION;

/// A version of the tables: two numbers, and its date.
///
/// As text it is `<major>.<minor>@<date>`; as JSON `{"major": 0, "minor": 1, "date": "2025-09-20"}`.
///
/// ```
/// use crv_core::versioning::SchemaVersion;
///
/// let version: SchemaVersion = "0.2@2026-02-28".parse()?;
/// assert_eq!((version.major(), version.minor()), (0, 2));
/// assert!("0.2@2026-02-30".parse::<SchemaVersion>().is_err());
/// assert!("-1.0@2026-02-28".parse::<SchemaVersion>().is_err());
/// # Ok::<(), crv_core::error::SchemaError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaVersion {
    major: u32,
    minor: u32,
    date: IsoDate,
}

impl SchemaVersion {
    /// Makes a version; the date is written `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`SchemaError::VersionDate`].
    pub fn new(major: u32, minor: u32, date: &str) -> Result<Self, SchemaError> {
        Ok(Self { major, minor, date: date.parse()? })
    }

    /// The major number.
    pub const fn major(self) -> u32 {
        self.major
    }

    /// The minor number.
    pub const fn minor(self) -> u32 {
        self.minor
    }

    /// The date of the version, printed as `YYYY-MM-DD`.
    pub const fn date(self) -> IsoDate {
        self.date
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}@{}", self.major, self.minor, self.date)
    }
}

impl FromStr for SchemaVersion {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('@').and_then(|(numbers, date)| Some((numbers.split_once('.')?, date)));
        let ((major, minor), date) =
            parts.ok_or_else(|| SchemaError::VersionText { value: text.to_owned() })?;
        Self::new(number("major", major)?, number("minor", minor)?, date)
    }
}

fn number(part: &'static str, text: &str) -> Result<u32, SchemaError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits { text.parse().ok() } else { None };
    parsed.ok_or_else(|| SchemaError::VersionNumber { part, value: text.to_owned() })
}

/// A calendar day, written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IsoDate {
    year: u16,
    month: u8,
    day: u8,
}

impl IsoDate {
    /// The day, if it exists in the calendar.
    fn from_parts(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        (year >= 1 && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }
}

impl fmt::Display for IsoDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for IsoDate {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let parts = || {
            let mut parts = text.split('-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            Self::from_parts(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        };
        let date = if shape { parts() } else { None };
        date.ok_or_else(|| SchemaError::VersionDate { value: text.to_owned() })
    }
}

impl TryFrom<String> for IsoDate {
    type Error = SchemaError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IsoDate> for String {
    fn from(date: IsoDate) -> Self {
        date.to_string()
    }
}

/// Returns whether this build can read data of this version: major and minor are equal, the date may differ.
pub const fn is_compatible(version: SchemaVersion) -> bool {
    version.major == SCHEMA_COMPAT_MAJOR && version.minor == SCHEMA_COMPAT_MINOR
}

/// Refuses a version that is not [compatible](is_compatible).
///
/// # Errors
/// [`VersionMismatch`], naming both versions.
pub const fn ensure_compatible(version: SchemaVersion) -> Result<(), VersionMismatch> {
    if is_compatible(version) { Ok(()) } else { Err(VersionMismatch { expected: SCHEMA_V, found: version }) }
}

/// Returns whether `candidate` may follow `current`: the next minor, or the next major with minor 0.
///
/// ```
/// use crv_core::versioning::{SCHEMA_V, SchemaVersion, is_successor_of};
///
/// assert!(is_successor_of(SchemaVersion::new(0, 2, "2026-01-01")?, SCHEMA_V));
/// assert!(is_successor_of(SchemaVersion::new(1, 0, "2026-01-01")?, SCHEMA_V));
/// assert!(!is_successor_of(SchemaVersion::new(1, 1, "2026-01-01")?, SCHEMA_V));
/// assert!(!is_successor_of(SCHEMA_V, SCHEMA_V));
/// # Ok::<(), crv_core::error::SchemaError>(())
/// ```
pub fn is_successor_of(candidate: SchemaVersion, current: SchemaVersion) -> bool {
    let next_minor =
        candidate.major == current.major && Some(candidate.minor) == current.minor.checked_add(1);
    let next_major = Some(candidate.major) == current.major.checked_add(1) && candidate.minor == 0;
    next_minor || next_major
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_schema_version_is_the_contracts() {
        assert_eq!(
            (SCHEMA_V.major(), SCHEMA_V.minor(), SCHEMA_V.date().to_string()),
            (0, 1, "2025-09-20".into())
        );
        assert_eq!("2025-09-20".parse::<IsoDate>().unwrap(), SCHEMA_V.date(), "the constant is a valid date");
        assert_eq!(serde_json::to_string(&SCHEMA_V).unwrap(), r#"{"major":0,"minor":1,"date":"2025-09-20"}"#);
    }

    #[test]
    fn a_date_that_is_not_iso_is_refused() {
        for refused in [
            "2025/09/20",
            "2025-9-2",
            "20-09-2025",
            "20250920",
            "2025-13-01",
            "2025-02-29",
            "1900-02-29",
            "0000-01-01",
            "2025-00-10",
            "2025-01-00",
            "2025-01-32",
            " 2025-01-01",
            "+025-01-01",
            "",
        ] {
            let error = SchemaVersion::new(0, 1, refused).unwrap_err();
            assert!(error.to_string().starts_with("SchemaVersion date must be ISO"), "{error}");
        }
        for day in ["2024-02-29", "2000-02-29", "9999-12-31", "0001-01-01"] {
            assert_eq!(SchemaVersion::new(0, 1, day).unwrap().date().to_string(), day);
        }
    }

    #[test]
    fn a_negative_number_is_refused_by_name() {
        let error = "-1.0@2025-09-20".parse::<SchemaVersion>().unwrap_err();
        assert!(error.to_string().starts_with("SchemaVersion major must be non-negative"), "{error}");
        let error = "0.-1@2025-09-20".parse::<SchemaVersion>().unwrap_err();
        assert!(error.to_string().starts_with("SchemaVersion minor must be non-negative"), "{error}");
        for refused in ["", "0.1", "1@2025-09-20", "0.1.2@2025-09-20", "+0.1@2025-09-20", ".1@2025-09-20"] {
            assert!(refused.parse::<SchemaVersion>().is_err(), "{refused:?}");
        }
    }

    #[test]
    fn compatible_means_same_major_and_minor_whatever_the_day() {
        assert!(is_compatible(SchemaVersion::new(0, 1, "1999-01-01").unwrap()));
        let other = SchemaVersion::new(0, 2, "2025-09-20").unwrap();
        let error = ensure_compatible(other).unwrap_err();
        assert!(
            error.to_string().starts_with("schema version 0.2@2025-09-20 is not compatible with 0.1@2025")
        );
        assert!(ensure_compatible(SchemaVersion::new(1, 1, "2025-09-20").unwrap()).is_err());
        assert!(ensure_compatible(SCHEMA_V).is_ok());
    }

    proptest! {
        #[test]
        fn text_round_trips(major: u32, minor: u32, year in 1u16..=9999, month in 1u8..=12, day in 1u8..=28) {
            let version = SchemaVersion { major, minor, date: IsoDate { year, month, day } };
            prop_assert_eq!(version.to_string().parse::<SchemaVersion>().unwrap(), version);
            let json = serde_json::to_string(&version).unwrap();
            prop_assert_eq!(serde_json::from_str::<SchemaVersion>(&json).unwrap(), version);
        }

        #[test]
        fn a_version_has_two_successors_and_is_not_its_own(major in 0u32..5, minor in 0u32..5) {
            let at = |major, minor| SchemaVersion { major, minor, date: SCHEMA_V.date };
            let current = at(major, minor);
            let successors = (0..7)
                .flat_map(|major| (0..7).map(move |minor| at(major, minor)))
                .filter(|candidate| is_successor_of(*candidate, current))
                .collect::<Vec<_>>();
            prop_assert_eq!(successors, vec![at(major, minor + 1), at(major + 1, 0)]);
        }
    }
}
