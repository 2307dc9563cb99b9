//! Names of the directories of runs that are being removed.

use crv_core::ids::{RUN_ID_MAX_BYTES, RunId};

use super::{StorePath, runs_dir};

const WORD: &str = "~removed-";
const DIGITS: usize = 16;

/// The directory that a run has while it is being removed: `<run_id>~removed-<16 hex digits>`.
///
/// `~` is in no run id, so that no reader takes the directory for a run. Of a run id that is too long for such a name,
/// the beginning is kept.
///
/// ```
/// use crv_log::paths::RemovedRun;
/// let removed = RemovedRun::new(&"sweep-7".parse()?, 0xbeef);
/// assert_eq!(removed.path().as_str(), "runs/sweep-7~removed-000000000000beef");
/// assert!("sweep-7~removed-000000000000beef".parse::<crv_core::ids::RunId>().is_err());
/// assert_eq!(RemovedRun::parse("sweep-7~removed-000000000000beef"), Some(removed));
/// assert_eq!(RemovedRun::parse("sweep-7~removed-beef"), None);
/// # Ok::<(), crv_core::error::GrammarError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedRun {
    name: String,
}

impl RemovedRun {
    /// The directory for `run`; `random` distinguishes several of one run.
    pub fn new(run: &RunId, random: u64) -> Self {
        let kept = run.as_str().len().min(RUN_ID_MAX_BYTES - WORD.len() - DIGITS);
        // A run id is ASCII.
        let id = run.as_str().get(..kept).unwrap_or_default();
        Self { name: format!("{id}{WORD}{random:016x}") }
    }

    /// Parses a name that [`new`](Self::new) makes, and no other.
    pub fn parse(name: &str) -> Option<Self> {
        let (id, hex) = name.rsplit_once(WORD)?;
        let random = u64::from_str_radix(hex, 16).ok()?;
        let removed = Self::new(&RunId::new(id).ok()?, random);
        (removed.name == name).then_some(removed)
    }

    /// Whether the directory may be that of `run`: it has the same name, as far as that was kept.
    pub fn is_of(&self, run: &RunId) -> bool {
        self.name.rsplit_once('~').is_some_and(|(id, _)| {
            Self::new(run, 0).name.rsplit_once('~').is_some_and(|(kept, _)| kept == id)
        })
    }

    /// The directory's path.
    pub fn path(&self) -> StorePath {
        runs_dir().child(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_parse_back_and_are_no_run_ids(id in "[A-Za-z0-9._:-]{3,255}", random: u64) {
            let removed = RemovedRun::new(&RunId::new(id).unwrap(), random);
            prop_assert_eq!(RemovedRun::parse(&removed.name), Some(removed.clone()));
            prop_assert!(RunId::new(removed.name.as_str()).is_err());
            prop_assert!(removed.name.len() <= RUN_ID_MAX_BYTES);
        }

        #[test]
        fn other_names_are_not_taken_for_one(name in "\\PC{0,60}") {
            prop_assert_eq!(RemovedRun::parse(&name), None);
        }
    }

    #[test]
    fn a_name_that_is_nearly_one_is_none() {
        for name in [
            "~removed-0000000000000000",
            "a~removed-000000000000BEEF",
            "a~removed-+00000000000beef",
            "a/b~removed-000000000000beef",
        ] {
            assert_eq!(RemovedRun::parse(name), None, "{name}");
        }
    }
}
