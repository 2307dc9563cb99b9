//! Identifiers. A [`RunId`] names a directory and is therefore checked; the others may be any text.

mod plain;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::GrammarError;
use crate::grammar::assert_lower_snake;

pub(crate) use plain::plain_id;
pub use plain::{AgentId, SignatureId, TokenId, VenueId};

/// The longest run id in bytes: the longest file name of the common file systems.
pub const RUN_ID_MAX_BYTES: usize = 255;

const RUN_ID: &str = "run id";

/// The name of a run, safe as the name of a directory.
///
/// Invariant: the text matches `[A-Za-z0-9._:-]+`, is not `.` or `..`, and has at most
/// [`RUN_ID_MAX_BYTES`] bytes.
///
/// ```
/// use crv_core::ids::RunId;
///
/// let run = RunId::new("20250101-000000")?;
/// assert_eq!(run.as_str(), "20250101-000000");
/// for refused in ["", ".", "..", "a/b", "a\\b", "a b", "run\n", "läufer"] {
///     assert!(RunId::new(refused).is_err(), "{refused:?}");
/// }
/// # Ok::<(), crv_core::error::GrammarError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// Checks a run id.
    ///
    /// # Errors
    /// [`GrammarError::InvalidId`] names the violated rule.
    pub fn new(text: impl Into<String>) -> Result<Self, GrammarError> {
        let text = text.into();
        match broken_rule(&text) {
            None => Ok(Self(text)),
            Some(reason) => Err(GrammarError::InvalidId {
                what: RUN_ID,
                value: text,
                reason,
                hint: "use letters, digits, `.`, `_`, `:` and `-`",
            }),
        }
    }

    /// Trims the text, replaces each blank in it by `_`, and checks the result.
    ///
    /// ```
    /// use crv_core::ids::RunId;
    ///
    /// assert_eq!(RunId::normalize("  my first run\n")?.as_str(), "my_first_run");
    /// assert!(RunId::normalize("   ").is_err());
    /// # Ok::<(), crv_core::error::GrammarError>(())
    /// ```
    ///
    /// # Errors
    /// As [`RunId::new`].
    pub fn normalize(text: &str) -> Result<Self, GrammarError> {
        Self::new(text.trim().replace(char::is_whitespace, "_"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Describes the first rule of run ids that the text violates.
fn broken_rule(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if text == "." || text == ".." {
        return Some("it would leave the runs directory".to_owned());
    }
    if text.len() > RUN_ID_MAX_BYTES {
        return Some(format!("it has {} bytes, at most {RUN_ID_MAX_BYTES} are allowed", text.len()));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    text.chars().find(|c| !allowed(*c)).map(|c| format!("it contains {c:?}"))
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for RunId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for RunId {
    type Error = GrammarError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

/// A new run id: `<prefix>_` and six random hex digits.
///
/// Six digits are enough for a few runs, but may collide in a large sweep: name the runs of a sweep by their
/// parameters.
///
/// ```
/// use crv_core::ids::make_run_id;
///
/// let run = make_run_id("run")?;
/// assert!(run.as_str().starts_with("run_") && run.as_str().len() == 10);
/// assert!(make_run_id("Run").is_err());
/// # Ok::<(), crv_core::error::GrammarError>(())
/// ```
///
/// # Errors
/// [`GrammarError`] if the prefix is not lower_snake, or too long for a run id.
pub fn make_run_id(prefix: &str) -> Result<RunId, GrammarError> {
    assert_lower_snake(prefix, "run id prefix")?;
    RunId::new(format!("{prefix}_{:06x}", fastrand::u32(..1 << 24)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_id_of_255_bytes_is_taken_and_one_more_is_refused() {
        assert!(RunId::new("a".repeat(255)).is_ok());
        let error = RunId::new("a".repeat(256)).unwrap_err();
        assert!(error.to_string().contains("it has 256 bytes, at most 255 are allowed"), "{error}");
    }

    #[test]
    fn a_refused_run_id_is_named_with_the_rule_it_breaks() {
        let error = RunId::new("../up").unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid run id `../up`: it contains '/'\nhint: use letters, digits, `.`, `_`, `:` and `-`"
        );
        assert!(RunId::new("...").is_ok(), "three dots are an ordinary name");
        for blank in ["a\u{0}", "a\n", "a\t", "a "] {
            assert!(RunId::new(blank).is_err(), "{blank:?}");
        }
    }

    #[test]
    fn deserialising_a_run_id_checks_it() {
        assert_eq!(serde_json::from_str::<RunId>(r#""r-1""#).unwrap().as_str(), "r-1");
        assert!(serde_json::from_str::<RunId>(r#""../r""#).is_err());
        assert_eq!(serde_json::to_string(&RunId::new("r-1").unwrap()).unwrap(), r#""r-1""#);
    }

    #[test]
    fn a_prefix_must_be_lower_snake_and_leave_room_for_the_digits() {
        for refused in ["", "Run", "a-b", "a_"] {
            assert!(make_run_id(refused).is_err(), "{refused:?}");
        }
        assert!(make_run_id(&"a".repeat(248)).is_ok());
        assert!(make_run_id(&"a".repeat(249)).is_err());
    }

    #[test]
    fn made_run_ids_end_in_six_hex_digits_and_differ() {
        let made: std::collections::BTreeSet<_> =
            (0..64).map(|_| make_run_id("sweep_a").unwrap().to_string()).collect();
        assert!(made.len() > 60, "{made:?}");
        for id in made {
            let digits = id.strip_prefix("sweep_a_").unwrap();
            assert!(
                digits.len() == 6 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
                "{id}"
            );
        }
    }

    #[test]
    fn plain_ids_take_any_text() {
        let agent = AgentId::from("agent/1 ä");
        assert_eq!(serde_json::to_string(&agent).unwrap(), "\"agent/1 ä\"");
        assert_eq!(String::from(agent), "agent/1 ä");
    }

    proptest! {
        #[test]
        fn a_run_id_is_what_its_rule_says(text in "[A-Za-z0-9._:\\- /\\\\é\n]{0,8}") {
            let rule = !text.is_empty() && text != "." && text != ".."
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
            prop_assert_eq!(RunId::new(text).is_ok(), rule);
        }

        #[test]
        fn normalising_twice_changes_nothing(text in any::<String>()) {
            if let Ok(once) = RunId::normalize(&text) {
                prop_assert_eq!(RunId::normalize(once.as_str()).unwrap(), once);
            }
        }
    }
}
