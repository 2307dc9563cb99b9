//! A pack before it has its name, and errors of the disk.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::table::Failed;
use crate::error::{Error, ErrorKind, Result};
use crate::stamp;
use crate::store::StoreError;

/// The error for a file of the pack that could not be written.
pub(super) fn write_failed(path: &Path, error: io::Error) -> Error {
    let error = StoreError::new("write", path.display().to_string(), error);
    Error::caused_by(ErrorKind::Write, error.to_string(), error.hint(), error)
}

pub(super) fn table_failed(path: &Path, failed: Failed) -> Error {
    match failed {
        Failed::Disk(error) => write_failed(path, error),
        Failed::Parquet(error) => cannot_write(path, &error),
    }
}

pub(super) fn cannot_write(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Write, format!("could not write `{}`: {why}", path.display()))
}

/// The directory of a pack before it has its name. On drop, it is removed.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) path: PathBuf,
    /// Directories that had to be created for it: they are made durable with it.
    above: Vec<PathBuf>,
    kept: bool,
}

impl Unfinished {
    /// Creates a directory beside `target`.
    pub(super) fn create(target: &Path) -> Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!("{name}.{}.tmp", stamp::part_id().digits()));
        let parents =
            target.ancestors().skip(1).take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists());
        let above: Vec<PathBuf> = parents.map(Path::to_owned).collect();
        let create = || {
            above.iter().rev().try_for_each(fs::create_dir_all)?;
            fs::create_dir(&path)?;
            fs::create_dir(path.join("tables"))
        };
        create().map_err(|error| write_failed(target, error))?;
        Ok(Self { path, above, kept: false })
    }

    /// Makes the directory durable, and gives it its name.
    pub(super) fn publish(mut self, target: &Path) -> Result<()> {
        let publish = || {
            sync_dir(&self.path.join("tables"))?;
            sync_dir(&self.path)?;
            // An empty directory would be replaced.
            if target.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(&self.path, target)
        };
        publish().map_err(|error| write_failed(target, error))?;
        self.kept = true;
        let named = std::iter::once(target).chain(self.above.iter().map(PathBuf::as_path));
        let mut dirs = named.map(|path| path.parent().filter(|dir| !dir.as_os_str().is_empty()));
        dirs.try_for_each(|dir| sync_dir(dir.unwrap_or_else(|| Path::new(".")))).map_err(|error| {
            write_failed(target, error)
                .with_hint("the pack is in place, but may not survive power loss; pack again")
        })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.kept {
            // Error ignored: nothing reads a directory of this name.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Makes the names in a directory durable, where the system can.
fn sync_dir(path: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(path)?.sync_all() } else { Ok(()) }
}
