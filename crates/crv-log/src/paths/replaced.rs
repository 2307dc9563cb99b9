//! Names under which a repair keeps the files that it replaced.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::StorePath;

const WORD: &str = ".replaced-";

impl StorePath {
    /// Where the file at this path is kept when it is replaced at `time`: `<name>.replaced-<yyyymmddThhmmss>-<8 hex
    /// digits>`. `random` keeps two names of one second apart.
    ///
    /// ```
    /// use crv_log::paths::{StorePath, is_replaced_name};
    /// let base = StorePath::root().entry("base.json").unwrap();
    /// let kept = base.replaced("2025-09-25T08:00:01.5Z".parse().unwrap(), 0xbeef);
    /// assert_eq!(kept.as_str(), "base.json.replaced-20250925T080001-0000beef");
    /// assert!(is_replaced_name(kept.file_name()));
    /// ```
    #[must_use]
    pub fn replaced(&self, time: Timestamp, random: u32) -> Self {
        let time = Offset::UTC.to_datetime(time);
        Self(format!(
            "{self}{WORD}{:04}{:02}{:02}T{:02}{:02}{:02}-{random:08x}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        ))
    }
}

/// Whether [`StorePath::replaced`] makes names like this.
pub fn is_replaced_name(name: &str) -> bool {
    let Some((before, mark)) = name.rsplit_once(WORD) else { return false };
    let shape = |byte: u8| match byte {
        b'0'..=b'9' => b'0',
        b'a'..=b'f' => b'a',
        other => other,
    };
    let bytes = mark.as_bytes();
    let time =
        bytes.get(..16).is_some_and(|time| time.iter().map(|byte| shape(*byte)).eq(*b"00000000T000000-"));
    let hex = bytes
        .get(16..)
        .is_some_and(|hex| hex.len() == 8 && hex.iter().all(|byte| matches!(shape(*byte), b'0' | b'a')));
    !before.is_empty() && time && hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_are_known_again_and_are_of_no_other_form(second in 0_i64..253_370_764_800, random: u32) {
            let path = StorePath::root().child("00000000000000000017.json");
            let kept = path.replaced(Timestamp::from_second(second).unwrap(), random);
            prop_assert!(is_replaced_name(kept.file_name()), "{}", kept);
            prop_assert_eq!(super::super::CommitNumber::parse_file_name(kept.file_name()), None);
            prop_assert_eq!(kept.parent(), path.parent());
        }

        #[test]
        fn other_names_are_not_taken_for_one(name in "\\PC{0,60}") {
            prop_assert!(!is_replaced_name(&name));
        }
    }

    #[test]
    fn what_is_nearly_such_a_name_is_none() {
        for name in
            [".replaced-20250925T080001-0000beef", "a.replaced-20250925T080001-0000beeF", "a.replaced-2025"]
        {
            assert!(!is_replaced_name(name), "{name}");
        }
    }
}
