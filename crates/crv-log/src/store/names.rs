//! [`Names`]: which directories have a durable name, and which must be synced for others to have one. Pure.

use std::collections::BTreeSet;

use crate::paths::StorePath;

/// What a store knows of the names of its directories.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Directories whose own entry in their parent is known to be durable, with those above.
    durable: BTreeSet<StorePath>,
    /// Directories that this store created since their parent was last synced.
    created: BTreeSet<StorePath>,
}

/// Directories to sync, and those whose names are durable then.
#[derive(Debug)]
pub(super) struct ToSync {
    pub(super) dirs: Vec<StorePath>,
    durable: BTreeSet<StorePath>,
}

impl Names {
    /// Records that `dir` was just created: it is not durable, even if an earlier directory of that name was.
    pub(super) fn created(&mut self, dir: &StorePath) {
        self.durable.remove(dir);
        self.created.insert(dir.clone());
    }

    /// Records that `dir`, with what is in it, is no longer there.
    pub(super) fn removed(&mut self, dir: &StorePath) {
        let below = format!("{dir}/");
        let is_elsewhere = |known: &StorePath| known != dir && !known.as_str().starts_with(&below);
        self.durable.retain(is_elsewhere);
        self.created.retain(is_elsewhere);
    }

    /// Records that the name at `path` is durable, with the directories above it.
    pub(super) fn trust(&mut self, path: &StorePath) {
        let mut dir = path.parent();
        while let Some(at) = dir.filter(|at| !self.durable.contains(at)) {
            dir = at.parent();
            self.durable.insert(at);
        }
    }

    /// Returns what to sync for the names at `paths`: the directories that hold them, and those that hold the directories
    /// above that are not known to be durable.
    pub(super) fn to_sync(&self, paths: &[StorePath]) -> ToSync {
        let (mut dirs, mut durable) = (BTreeSet::new(), BTreeSet::new());
        for path in paths {
            let mut dir = path.parent();
            dirs.extend(dir.clone());
            while let Some(at) = dir {
                if self.durable.contains(&at) || !durable.insert(at.clone()) {
                    break;
                }
                dir = at.parent();
                dirs.extend(dir.clone());
            }
        }
        // One sync covers every directory that was created in a directory before it.
        let is_inside = |dir: &&StorePath| dir.parent().is_some_and(|parent| dirs.contains(&parent));
        durable.extend(self.created.iter().filter(is_inside).cloned());
        ToSync { dirs: dirs.into_iter().collect(), durable }
    }

    /// Records that these were synced.
    pub(super) fn synced(&mut self, synced: ToSync) {
        self.created.retain(|dir| !synced.durable.contains(dir));
        self.durable.extend(synced.durable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> StorePath {
        text.split('/').fold(StorePath::root(), |path, name| path.entry(name).unwrap())
    }

    fn dirs(names: &Names, text: &str) -> Vec<String> {
        names.to_sync(&[path(text)]).dirs.iter().map(|dir| dir.as_str().to_owned()).collect()
    }

    #[test]
    fn a_directory_is_synced_until_the_names_above_it_are_durable() {
        let mut names = Names::default();
        assert_eq!(dirs(&names, "runs/r/a"), ["", "runs", "runs/r"]);
        names.synced(names.to_sync(&[path("runs/r/a")]));
        assert_eq!(dirs(&names, "runs/r/b"), ["runs/r"]);
        // Created in a directory that is synced after it: one sync covers both.
        names.created(&path("runs/r/t"));
        assert_eq!(dirs(&names, "runs/r/t/part"), ["runs/r", "runs/r/t"]);
        names.synced(names.to_sync(&[path("runs/r/b")]));
        assert_eq!(dirs(&names, "runs/r/t/part"), ["runs/r/t"]);
    }

    #[test]
    fn a_directory_that_is_created_again_or_removed_is_not_durable() {
        let mut names = Names::default();
        names.trust(&path("runs/r/t/part"));
        assert_eq!(dirs(&names, "runs/r/t/other"), ["runs/r/t"]);
        names.created(&path("runs/r/t"));
        assert_eq!(dirs(&names, "runs/r/t/other"), ["runs/r", "runs/r/t"]);
        names.trust(&path("runs/r/t/part"));
        names.trust(&path("runs/r2/x"));
        names.removed(&path("runs/r"));
        assert_eq!(dirs(&names, "runs/r/t/other"), ["runs", "runs/r", "runs/r/t"]);
        assert_eq!(dirs(&names, "runs/r2/y"), ["runs/r2"], "another with a longer name stays");
    }
}
