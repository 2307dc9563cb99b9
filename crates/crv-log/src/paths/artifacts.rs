//! Names of the files of a run beside its tables: the bundle, and artifacts.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{RunPaths, StorePath, TMP_SUFFIX, is_plain_name};
use crate::error::{Error, Result};

/// The description of a run, in the run's directory.
pub const BUNDLE_FILE: &str = "bundle.manifest.json";
/// The directory of a run's artifacts, under the run.
pub const ARTIFACTS_DIR: &str = "artifacts";
/// The directory of the lab's artifacts, under the artifacts.
pub const LAB_DIR: &str = "lab";

/// A directory of the lab's artifacts.
///
/// ```
/// use crv_log::paths::LabDir;
/// assert_eq!(LabDir::parse("tidy").unwrap(), LabDir::Tidy);
/// assert!(LabDir::parse("../tidy").is_err());
/// assert!(LabDir::parse("Tidy").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LabDir {
    /// Tidy tables.
    Tidy,
    /// What probes of agents found.
    Probes,
    /// Policies.
    Policy,
    /// Records for audits.
    Audit,
}

impl LabDir {
    /// Every directory, in the order of the bundle.
    pub const ALL: [Self; 4] = [Self::Tidy, Self::Probes, Self::Policy, Self::Audit];

    /// The directory's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tidy => "tidy",
            Self::Probes => "probes",
            Self::Policy => "policy",
            Self::Audit => "audit",
        }
    }

    /// Parses the name of a directory; the error lists the directories.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|dir| dir.as_str() == name).ok_or_else(|| {
            Error::argument(format!("no directory of the lab's artifacts is called {name:?}"))
                .with_hint(format!("the directories are {}", Self::ALL.map(Self::as_str).join(", ")))
        })
    }
}

impl fmt::Display for LabDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for LabDir {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl RunPaths {
    /// The run's description.
    pub fn bundle(&self) -> StorePath {
        self.root().child(BUNDLE_FILE)
    }

    /// The directory of the run's artifacts.
    pub fn artifacts(&self) -> StorePath {
        self.root().child(ARTIFACTS_DIR)
    }

    /// A directory of the lab's artifacts.
    pub fn lab(&self, dir: LabDir) -> StorePath {
        self.artifacts().child(LAB_DIR).child(dir.as_str())
    }

    /// An artifact of the lab. An error if `name` is not a plain file name, or that of a temporary file.
    pub fn lab_artifact(&self, dir: LabDir, name: &str) -> Result<StorePath> {
        self.lab(dir).entry(name).filter(|_| !name.ends_with(TMP_SUFFIX)).ok_or_else(|| {
            Error::argument(format!("run `{}`: {name:?} cannot name an artifact", self.run())).with_hint(
                format!("a name has no `/`, no `\\`, is not `.` or `..`, and does not end in `{TMP_SUFFIX}`"),
            )
        })
    }
}

impl StorePath {
    /// The path of `name` in this directory; `None` if `name` is not the plain name of one entry.
    pub fn entry(&self, name: &str) -> Option<Self> {
        is_plain_name(name).then(|| self.child(name))
    }

    /// This path relative to the directory `dir`; `None` if it does not lie in it.
    pub fn relative_to(&self, dir: &Self) -> Option<&str> {
        self.as_str().strip_prefix(dir.as_str())?.strip_prefix('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crv_core::ids::RunId;
    use proptest::prelude::*;

    fn paths() -> RunPaths {
        RunPaths::new(RunId::new("r").unwrap())
    }

    #[test]
    fn a_bundle_and_artifacts_lie_in_their_run() {
        assert_eq!(paths().bundle().as_str(), "runs/r/bundle.manifest.json");
        assert_eq!(paths().lab(LabDir::Probes).as_str(), "runs/r/artifacts/lab/probes");
        let artifact = paths().lab_artifact(LabDir::Tidy, "a.parquet").unwrap();
        assert_eq!(artifact.relative_to(paths().root()), Some("artifacts/lab/tidy/a.parquet"));
    }

    #[test]
    fn no_name_leaves_the_directory_or_passes_for_an_unfinished_file() {
        for name in ["", ".", "..", "a/b", "/a", "a\\b", "a\0", "a.tmp"] {
            assert!(paths().lab_artifact(LabDir::Tidy, name).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn an_artifact_always_lies_in_its_directory(name in "\\PC{0,20}") {
            if let Ok(path) = paths().lab_artifact(LabDir::Audit, &name) {
                prop_assert_eq!(path.parent(), Some(paths().lab(LabDir::Audit)));
                prop_assert_eq!(path.file_name(), name);
            }
        }
    }

    #[test]
    fn directories_parse_back_to_what_made_them() {
        for dir in LabDir::ALL {
            assert_eq!(LabDir::parse(dir.as_str()).unwrap(), dir);
        }
    }
}
