//! The report of a check: problems, each with its kind and an action.

use serde::{Serialize, Serializer};

/// What a check reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckOptions {
    /// Read every byte of every part, and compare checksums. Otherwise only footers are read.
    pub deep: bool,
}

/// The progress of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckProgress {
    /// Parts checked so far.
    pub parts: u64,
    /// Parts in total.
    pub of: u64,
}

/// The report of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Whether there are no problems except harmless ones.
    pub ok: bool,
    /// Whether every byte of every part was read.
    pub deep: bool,
    /// Tables that were written.
    pub tables: u64,
    /// Commit files that were read.
    pub commits: u64,
    /// Parts that were checked.
    pub parts: u64,
    /// Rows of these parts, according to their entries.
    pub rows: u64,
    /// Bytes read of the log, of manifests and, if deep, of parts.
    pub bytes: u64,
    /// The problems, harmless ones last.
    pub problems: Vec<Problem>,
}

/// One problem, or a harmless remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its kind.
    pub kind: ProblemKind,
    /// Whether its kind [is harmless](ProblemKind::is_harmless).
    pub harmless: bool,
    /// The file, or the first of several.
    pub path: String,
    /// A description of the problem.
    pub message: String,
    /// What to do about it.
    pub action: String,
}

impl Problem {
    pub(crate) fn new(
        kind: ProblemKind,
        path: impl Into<String>,
        message: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            harmless: kind.is_harmless(),
            path: path.into(),
            message: message.into(),
            action: action.into(),
        }
    }
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A file or directory cannot be read.
    Unreadable,
    /// A document is of a later version than this crate reads.
    LaterVersion,
    /// The base of the log is damaged.
    DamagedBase,
    /// The newest commit is damaged, and no manifest includes it.
    TornCommit,
    /// A commit is damaged, and it is not the newest, or a manifest includes it.
    DamagedCommit,
    /// Commits are missing, and later ones are there.
    MissingCommit,
    /// Manifests include commits beyond the end of the log.
    LostLog,
    /// A table was written, but its manifest is missing.
    MissingManifest,
    /// A manifest is damaged.
    DamagedManifest,
    /// A manifest disagrees with the log.
    ManifestDisagrees,
    /// A committed part is missing.
    MissingPart,
    /// A part is damaged.
    DamagedPart,
    /// A part is undamaged, but disagrees with its entry or does not fit the table.
    PartDisagrees,
    /// The rows of a part are also in a merged part, and both are live: a read returns them twice.
    DoubledPart,
    /// The facts of the run are damaged.
    DamagedFacts,
    /// The settings have another bucket size than the table.
    BucketSize,
    /// The facts are those of another run.
    ForeignFacts,
    /// The status of the run is damaged.
    DamagedStatus,
    /// A commit file that the base replaces.
    LeftoverCommit,
    /// A manifest that is older than the base of the log, which has the later commits.
    OldManifest,
    /// A foreign manifest: another implementation wrote it.
    ForeignManifest,
    /// Parts that merged parts replaced.
    MergedPart,
    /// A part that is not live, and that no live part was merged from.
    OrphanPart,
    /// An unfinished file, or one that is being written.
    TemporaryFile,
    /// A file that a repair replaced and kept.
    ReplacedFile,
    /// An unrecognized name.
    UnknownName,
    /// A link or a device: it was not followed.
    Link,
}

impl ProblemKind {
    /// Every kind, harmless ones last.
    pub const ALL: [Self; 27] = [
        Self::Unreadable,
        Self::LaterVersion,
        Self::DamagedBase,
        Self::TornCommit,
        Self::DamagedCommit,
        Self::MissingCommit,
        Self::LostLog,
        Self::MissingManifest,
        Self::DamagedManifest,
        Self::ManifestDisagrees,
        Self::MissingPart,
        Self::DamagedPart,
        Self::PartDisagrees,
        Self::DoubledPart,
        Self::DamagedFacts,
        Self::BucketSize,
        Self::ForeignFacts,
        Self::DamagedStatus,
        Self::LeftoverCommit,
        Self::OldManifest,
        Self::ForeignManifest,
        Self::MergedPart,
        Self::OrphanPart,
        Self::TemporaryFile,
        Self::ReplacedFile,
        Self::UnknownName,
        Self::Link,
    ];

    /// The stable code of this kind, the same in every language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::LaterVersion => "later-version",
            Self::DamagedBase => "damaged-base",
            Self::TornCommit => "torn-commit",
            Self::DamagedCommit => "damaged-commit",
            Self::MissingCommit => "missing-commit",
            Self::LostLog => "lost-log",
            Self::MissingManifest => "missing-manifest",
            Self::DamagedManifest => "damaged-manifest",
            Self::ManifestDisagrees => "manifest-disagrees",
            Self::MissingPart => "missing-part",
            Self::DamagedPart => "damaged-part",
            Self::PartDisagrees => "part-disagrees",
            Self::DoubledPart => "doubled-part",
            Self::DamagedFacts => "damaged-facts",
            Self::BucketSize => "bucket-size",
            Self::ForeignFacts => "foreign-facts",
            Self::DamagedStatus => "damaged-status",
            Self::LeftoverCommit => "leftover-commit",
            Self::OldManifest => "old-manifest",
            Self::ForeignManifest => "foreign-manifest",
            Self::MergedPart => "merged-part",
            Self::OrphanPart => "orphan-part",
            Self::TemporaryFile => "temporary-file",
            Self::ReplacedFile => "replaced-file",
            Self::UnknownName => "unknown-name",
            Self::Link => "link",
        }
    }

    /// Returns whether problems of this kind neither lose rows nor block readers or writers.
    pub const fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::BucketSize
                | Self::ForeignFacts
                | Self::DamagedStatus
                | Self::LeftoverCommit
                | Self::OldManifest
                | Self::ForeignManifest
                | Self::MergedPart
                | Self::OrphanPart
                | Self::TemporaryFile
                | Self::ReplacedFile
                | Self::UnknownName
                | Self::Link
        )
    }
}

impl std::fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ProblemKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kebab_case_and_no_two_kinds_share_one() {
        let mut words: Vec<&str> = ProblemKind::ALL.map(ProblemKind::as_str).to_vec();
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase())));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ProblemKind::ALL.len());
        assert!(ProblemKind::ALL.is_sorted_by_key(|kind| kind.is_harmless()));
        assert!(ProblemKind::ALL.is_sorted(), "ALL is in declaration order");
    }
}
