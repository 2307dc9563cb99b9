//! Bugs between the store and the file system.

use std::io;
use std::path::Path;

use crv_io::store::EntryKind;
use crv_io::store::files::{FileSystem, Lock, NewFile, OpenFile, Stat};

use super::Bug;
use crate::disk::Sim;

/// A file system that applies the bug to the store's calls.
#[derive(Debug)]
pub(super) struct Planted {
    sim: Sim,
    bug: Bug,
}

impl Planted {
    pub(super) fn new(sim: Sim, bug: Bug) -> Self {
        Self { sim, bug }
    }

    /// Returns whether this directory holds parts, commit files or a manifest, unlike those above it.
    fn is_direct(path: &Path) -> bool {
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        name(path).is_some_and(|name| name.starts_with("bucket=") || name == "_commits")
            || path.parent().and_then(name).is_some_and(|name| name == "tables")
    }
}

impl FileSystem for Planted {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = self.sim.create_new(path)?;
        Ok(match self.bug {
            Bug::NoFileSync | Bug::RenameBeforeSync | Bug::RetryFailedSync => {
                Box::new(PlantedFile { file, bug: self.bug })
            }
            _ => file,
        })
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.sim.open(path)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.sim.stat(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        self.sim.read_dir(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.sim.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.sim.rename(from, to)?;
        if self.bug == Bug::RenameBeforeSync { self.sim.sync_file(to) } else { Ok(()) }
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.bug == Bug::CommitReplaces {
            return self.sim.rename(from, to);
        }
        self.sim.hard_link(from, to)?;
        if to.parent().is_some_and(|dir| dir.ends_with("_commits"))
            && let Some(early) = super::EARLY.take()
        {
            early();
        }
        if self.bug == Bug::RenameBeforeSync { self.sim.sync_file(to) } else { Ok(()) }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.sim.remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match self.bug {
            Bug::NoDirSync => Ok(()),
            Bug::NoAncestorSync if !Self::is_direct(path) => Ok(()),
            _ => self.sim.sync_dir(path),
        }
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        self.sim.try_lock(path)
    }
}

#[derive(Debug)]
struct PlantedFile {
    file: Box<dyn NewFile>,
    bug: Bug,
}

impl NewFile for PlantedFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        match self.bug {
            Bug::RetryFailedSync => self.file.sync().or_else(|_| self.file.sync()),
            _ => Ok(()),
        }
    }

    fn stat(&self) -> io::Result<Stat> {
        self.file.stat()
    }
}
