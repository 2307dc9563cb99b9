//! What a check found: problems, each of a kind, with what to do about it.

use serde::{Serialize, Serializer};

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckOptions {
    /// Read every byte of every part, and compare checksums. Else footers alone are read.
    pub deep: bool,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckProgress {
    /// Parts looked at so far.
    pub parts: u64,
    /// Parts there are to look at.
    pub of: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Is there no problem but harmless ones?
    pub ok: bool,
    /// Was every byte of every part read?
    pub deep: bool,
    /// Tables that were written.
    pub tables: u64,
    /// Commit files that were read.
    pub commits: u64,
    /// Parts that were looked at.
    pub parts: u64,
    /// The rows they hold, as their entries say.
    pub rows: u64,
    /// How many bytes were read, of the log, of manifests and, where deep, of parts.
    pub bytes: u64,
    /// What was found, harmless problems last.
    pub problems: Vec<Problem>,
}

/// One thing that is not as it should be, or not as it need be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// Does it neither lose rows nor stop anybody? So it is said of its kind: [`ProblemKind::is_harmless`].
    pub harmless: bool,
    /// The file, or the first of them.
    pub path: String,
    /// What is wrong with it.
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
    /// Storage refuses to read something.
    Unreadable,
    /// A document is of a later version than this crate reads.
    LaterVersion,
    /// The base of the log is not what was written.
    DamagedBase,
    /// The newest commit is not what was written, and no manifest includes it.
    TornCommit,
    /// A commit is not what was written, and it is not the newest, or a manifest includes it.
    DamagedCommit,
    /// Commits are missing, and later ones are there.
    MissingCommit,
    /// Manifests include commits beyond the end of the log.
    LostLog,
    /// A table was written, and its manifest is not there.
    MissingManifest,
    /// A manifest is not what was written.
    DamagedManifest,
    /// A manifest says something else than the log.
    ManifestDisagrees,
    /// A part that was committed is not there.
    MissingPart,
    /// A part is not what was written.
    DamagedPart,
    /// A part is whole, and does not hold what its entry says, or does not fit the table.
    PartDisagrees,
    /// The rows of a part are in a merged part as well, and both are live: a read gives them twice.
    DoubledPart,
    /// The settings have another bucket size than the table.
    BucketSize,
    /// A commit file that the base stands for.
    LeftoverCommit,
    /// A manifest that is older than the base of the log, which says the rest.
    OldManifest,
    /// A manifest that another implementation wrote.
    ForeignManifest,
    /// Parts whose rows are in merged parts now.
    MergedPart,
    /// A part that no commit names.
    OrphanPart,
    /// A file that was never finished, or is being written.
    TemporaryFile,
    /// A file that a repair replaced, and kept.
    ReplacedFile,
    /// A name that is none of the format's.
    UnknownName,
    /// A link, or a device: what it stands for was not listed.
    Link,
}

impl ProblemKind {
    /// Every kind, those that are harmless last.
    pub const ALL: [Self; 24] = [
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
        Self::BucketSize,
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

    /// The stable word for this kind, the same in every language.
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
            Self::BucketSize => "bucket-size",
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

    /// Does a problem of this kind neither lose rows nor stop anybody?
    pub const fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::BucketSize
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
        assert!(ProblemKind::ALL.is_sorted(), "ALL has the order of the kinds");
    }
}
