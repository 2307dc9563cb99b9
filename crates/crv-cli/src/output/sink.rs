//! Where data goes: standard output, or a file that is renamed into place only when it is complete.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_err::{File, OpenOptions};

use crate::error::CliError;

const BUFFER_BYTES: usize = 1 << 16;

/// Buffered standard output that records whether its pipe was closed: writers of formats wrap the error, and its
/// kind is lost.
pub(crate) struct Stdout {
    inner: BufWriter<io::Stdout>,
    closed: Arc<AtomicBool>,
}

impl Stdout {
    pub(crate) fn new() -> Self {
        Self {
            inner: BufWriter::with_capacity(BUFFER_BYTES, io::stdout()),
            closed: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Returns a flag that is set once the pipe is closed. It can be read after the writer was moved.
    pub(crate) fn closed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.closed)
    }

    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.closed.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.noted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.noted(result)
    }
}

/// A file that is written under a temporary name beside its target, and renamed to it when it is complete.
///
/// A device or a named pipe cannot be replaced: it is written directly.
pub(crate) struct OutputFile {
    writer: BufWriter<File>,
    /// The temporary file and its target; `None` when there is nothing to rename.
    rename: Option<Unfinished>,
    path: PathBuf,
}

/// Removes the temporary file unless it was renamed.
struct Unfinished {
    temporary: PathBuf,
    target: PathBuf,
    renamed: bool,
}

impl OutputFile {
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        Self::try_create(path).map_err(|error| CliError::file(path, &error))
    }

    fn try_create(path: &Path) -> io::Result<Self> {
        // The target of a symbolic link is replaced, not the link.
        let target = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs_err::metadata(&target) {
            Ok(found) if found.is_dir() => {
                let text = format!("{} is a directory", path.display());
                return Err(io::Error::new(io::ErrorKind::IsADirectory, text));
            }
            Ok(found) if !found.is_file() => {
                let file = OpenOptions::new().write(true).open(&target)?;
                return Ok(Self::over(file, None, path));
            }
            _ => {}
        }
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = target.with_file_name(format!(".{name}.{:016x}.tmp", fastrand::u64(..)));
        // Not `fs_err`: its error would name the temporary file, which the user has never seen.
        let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let file = File::from_parts(opened, &temporary);
        Ok(Self::over(file, Some(Unfinished { temporary, target, renamed: false }), path))
    }

    fn over(file: File, rename: Option<Unfinished>, path: &Path) -> Self {
        Self { writer: BufWriter::with_capacity(BUFFER_BYTES, file), rename, path: path.to_owned() }
    }

    /// Syncs the file and renames it to its target.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        let Self { mut writer, rename, path } = self;
        let finish = || {
            writer.flush()?;
            let Some(mut unfinished) = rename else { return Ok(()) };
            writer.get_ref().sync_all()?;
            fs_err::rename(&unfinished.temporary, &unfinished.target)?;
            unfinished.renamed = true;
            Ok(())
        };
        finish().map_err(|error: io::Error| CliError::file(&path, &error))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.renamed {
            // Error ignored: an earlier error is being returned.
            let _ = fs_err::remove_file(&self.temporary);
        }
    }
}
