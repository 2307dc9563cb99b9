//! A [`FileSystem`] on a [`Disk`]. It counts calls, records the disk after each of them, and injects faults.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crv_io::store::EntryKind;
use crv_io::store::files::{FileSystem, Lock, NewFile, OpenFile, Stat};

use super::fault::{Fault, Plan, Verdict};
use super::{Dir, Disk, File, Inode, NameChange, Node, names};

/// The duration of a sync, and of any other call, in microseconds.
const SYNC_TIME: u64 = 900;
const CALL_TIME: u64 = 10;
/// The granularity of modification times, in microseconds: as coarse as that of kernels.
const TIME_GRAIN: u64 = 4_000;

/// A system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// A file is created.
    Create,
    /// Bytes are written.
    Write,
    /// A file is synced.
    Sync,
    /// A file is opened.
    Open,
    /// Bytes are read.
    Read,
    /// The metadata of a name or an open file is read.
    Stat,
    /// The names in a directory are read.
    List,
    /// A directory is created.
    MakeDir,
    /// A file is renamed.
    Rename,
    /// A file gets one more name.
    Link,
    /// A name is removed.
    Unlink,
    /// A directory is synced.
    SyncDir,
    /// A directory is locked.
    Lock,
}

impl Call {
    /// Returns whether the call changes the disk, or its durable state.
    pub fn changes(self) -> bool {
        !matches!(self, Self::Open | Self::Read | Self::Stat | Self::List | Self::Lock)
    }
}

type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Inner {
    disk: Disk,
    calls: u64,
    /// The disk after each call that changes it, if it is recorded.
    history: Option<Vec<Disk>>,
    plan: Option<Plan>,
    /// A callback that runs just before the call of this number.
    hook: Option<(u64, Hook)>,
    locked: BTreeSet<Inode>,
    failed: Vec<(Call, PathBuf)>,
}

/// An in-memory file system. Clones share its state.
#[derive(Clone, Default)]
pub struct Sim(Arc<Mutex<Inner>>);

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("calls", &self.inner().calls).finish_non_exhaustive()
    }
}

impl Sim {
    /// Creates a file system with this disk.
    pub fn new(disk: Disk) -> Self {
        Self(Arc::new(Mutex::new(Inner { disk, ..Inner::default() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a copy of the disk.
    pub fn disk(&self) -> Disk {
        self.inner().disk.clone()
    }

    /// Returns the number of calls so far.
    pub fn calls(&self) -> u64 {
        self.inner().calls
    }

    /// Records the disk after every call that changes it, from now on.
    pub fn remember(&self) {
        let mut inner = self.inner();
        inner.history = Some(vec![inner.disk.clone()]);
    }

    /// Returns the number of recorded disks.
    pub fn moment(&self) -> usize {
        self.inner().history.as_ref().map_or(0, Vec::len)
    }

    /// Takes the recorded disks. The first is the disk at the start of the recording.
    pub fn history(&self) -> Vec<Disk> {
        self.inner().history.take().unwrap_or_default()
    }

    /// Syncs a file by its name, which only a planted bug does.
    pub fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.call(Call::Sync, path, |disk| {
            let file =
                disk.find(path).and_then(|inode| disk.file_mut(inode)).ok_or(io::ErrorKind::NotFound)?;
            file.durable = Arc::clone(&file.bytes);
            Ok(())
        })
    }

    /// Makes calls fail from now on, as the plan says.
    pub fn plan(&self, plan: Plan) {
        let mut inner = self.inner();
        inner.failed.clear();
        inner.plan = Some(plan);
    }

    /// Removes the fault. Returns the calls that it hit.
    pub fn mend(&self) -> Vec<(Call, PathBuf)> {
        let mut inner = self.inner();
        inner.plan = None;
        std::mem::take(&mut inner.failed)
    }

    /// Runs `hook` just before the call after the next `calls` ones.
    pub fn interrupt(&self, calls: u64, hook: impl FnOnce() + Send + 'static) {
        let mut inner = self.inner();
        inner.hook = Some((inner.calls + calls, Box::new(hook)));
    }

    /// Removes an interruption that was not reached. Returns whether there was one.
    pub fn uninterrupt(&self) -> bool {
        self.inner().hook.take().is_some()
    }

    /// Makes a call: counts it, runs the hook, applies the fault plan, and records the disk.
    fn call<T>(
        &self,
        call: Call,
        path: &Path,
        work: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        let hook = {
            let mut inner = self.inner();
            inner.calls += 1;
            let calls = inner.calls;
            inner.hook.take_if(|(at, _)| *at < calls)
        };
        if let Some((_, hook)) = hook {
            hook();
        }
        let mut inner = self.inner();
        inner.disk.time += if matches!(call, Call::Sync | Call::SyncDir) { SYNC_TIME } else { CALL_TIME };
        let verdict = inner.plan.as_mut().map_or(Verdict::Works, |plan| plan.judge(call));
        if verdict != Verdict::Works {
            inner.failed.push((call, path.to_owned()));
        }
        let result = match verdict {
            Verdict::Works => work(&mut inner.disk),
            Verdict::Fails(kind) => Err(kind.into()),
            Verdict::WorksAndFails(kind) => work(&mut inner.disk).and(Err(kind.into())),
        };
        if call.changes() {
            let Inner { disk, history, .. } = &mut *inner;
            if let Some(history) = history {
                history.push(disk.clone());
            }
        }
        result
            .map_err(|error| io::Error::new(error.kind(), format!("{call:?} of {}: {error}", path.display())))
    }

    fn add_name(disk: &mut Disk, path: &Path, inode: Inode) -> io::Result<()> {
        let (dir, name) = place(disk, path)?;
        let dir = disk.dir_mut(dir).ok_or(io::ErrorKind::NotADirectory)?;
        if dir.names.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        dir.names.insert(name.clone(), inode);
        dir.pending.push(NameChange::Add(name, inode));
        if let Some(file) = disk.file_mut(inode) {
            file.names += 1;
        }
        Ok(())
    }
}

/// The directory that `path` lies in, and its name there.
fn place(disk: &Disk, path: &Path) -> io::Result<(Inode, String)> {
    let name = names(path).last().ok_or(io::ErrorKind::AlreadyExists)?;
    let dir = disk.find(path.parent().unwrap_or(path)).ok_or(io::ErrorKind::NotFound)?;
    match disk.nodes.get(&dir).map(|node| &**node) {
        Some(Node::Dir(_)) => Ok((dir, name.to_owned())),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

fn stat(disk: &Disk, inode: Inode) -> io::Result<Stat> {
    match disk.nodes.get(&inode).map(|node| &**node) {
        Some(Node::File(file)) => Ok(Stat {
            kind: EntryKind::Object(file.bytes.len() as u64),
            inode,
            modified: (file.modified / TIME_GRAIN) * TIME_GRAIN * 1_000,
        }),
        Some(Node::Dir(_)) => Ok(Stat { kind: EntryKind::Directory, inode, modified: 0 }),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

impl FileSystem for Sim {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let inode = self.call(Call::Create, path, |disk| {
            let inode = disk.free_inode();
            let file = File { modified: disk.time, open: 1, ..File::default() };
            disk.nodes.insert(inode, Arc::new(Node::File(file)));
            Self::add_name(disk, path, inode).inspect_err(|_| {
                disk.nodes.remove(&inode);
            })?;
            Ok(inode)
        })?;
        Ok(Box::new(Handle { sim: self.clone(), inode, path: path.to_owned() }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let inode = self.call(Call::Open, path, |disk| {
            let inode = disk.find(path).ok_or(io::ErrorKind::NotFound)?;
            if let Some(file) = disk.file_mut(inode) {
                file.open += 1;
            }
            Ok(inode)
        })?;
        Ok(Box::new(Handle { sim: self.clone(), inode, path: path.to_owned() }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let stat =
            self.call(Call::Stat, path, |disk| stat(disk, disk.find(path).ok_or(io::ErrorKind::NotFound)?))?;
        // Files look as old as the epoch, so that a vacuum takes parts that a writer is about to commit, as it would
        // after an hour. Temporary files look new.
        let is_temporary = path.extension().is_some_and(|extension| extension == "tmp");
        Ok(if is_temporary { Stat { modified: u64::MAX, ..stat } } else { stat })
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        self.call(Call::List, path, |disk| {
            let inode = disk.find(path).ok_or(io::ErrorKind::NotFound)?;
            let Some(Node::Dir(dir)) = disk.nodes.get(&inode).map(|node| &**node) else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            dir.names.iter().map(|(name, inode)| Ok((name.clone(), stat(disk, *inode)?.kind))).collect()
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.call(Call::MakeDir, path, |disk| {
            let inode = disk.free_inode();
            disk.nodes.insert(inode, Arc::new(Node::Dir(Dir::default())));
            Self::add_name(disk, path, inode).inspect_err(|_| {
                disk.nodes.remove(&inode);
            })
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Call::Rename, from, |disk| {
            let inode = disk.find(from).ok_or(io::ErrorKind::NotFound)?;
            let (dir, old) = place(disk, from)?;
            let (target, new) = place(disk, to)?;
            if dir != target {
                return Err(io::Error::other("the store renames within a directory only"));
            }
            let Some(entries) = disk.dir_mut(dir) else { return Err(io::ErrorKind::NotADirectory.into()) };
            entries.names.remove(&old);
            let replaced = entries.names.insert(new.clone(), inode);
            entries.pending.push(NameChange::Rename(old, new, inode));
            if let Some(replaced) = replaced.filter(|replaced| *replaced != inode) {
                unname(disk, replaced);
            }
            Ok(())
        })
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Call::Link, to, |disk| {
            let inode = disk.find(from).ok_or(io::ErrorKind::NotFound)?;
            Self::add_name(disk, to, inode)
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call(Call::Unlink, path, |disk| {
            let inode = disk.find(path).ok_or(io::ErrorKind::NotFound)?;
            let (dir, name) = place(disk, path)?;
            let Some(entries) = disk.dir_mut(dir) else { return Err(io::ErrorKind::NotADirectory.into()) };
            entries.names.remove(&name);
            entries.pending.push(NameChange::Remove(name));
            unname(disk, inode);
            Ok(())
        })
    }

    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rename(from, to)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.call(Call::Unlink, path, |disk| {
            let inode = disk.find(path).ok_or(io::ErrorKind::NotFound)?;
            let (dir, name) = place(disk, path)?;
            match disk.nodes.get(&inode).map(|node| &**node) {
                Some(Node::Dir(removed)) if removed.names.is_empty() => {}
                Some(Node::Dir(_)) => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
                _ => return Err(io::ErrorKind::NotADirectory.into()),
            }
            let Some(entries) = disk.dir_mut(dir) else { return Err(io::ErrorKind::NotADirectory.into()) };
            entries.names.remove(&name);
            entries.pending.push(NameChange::Remove(name));
            Ok(())
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.call(Call::SyncDir, path, |disk| {
            let inode = disk.find(path).ok_or(io::ErrorKind::NotFound)?;
            let Some(dir) = disk.dir_mut(inode) else { return Err(io::ErrorKind::NotADirectory.into()) };
            dir.durable.clone_from(&dir.names);
            dir.pending.clear();
            let all: Vec<Inode> = disk.nodes.keys().copied().collect();
            for inode in all {
                disk.forget_if_gone(inode);
            }
            Ok(())
        })
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let inode =
            self.call(Call::Lock, path, |disk| disk.find(path).ok_or(io::ErrorKind::NotFound.into()))?;
        let taken = self.inner().locked.insert(inode);
        Ok(taken.then(|| Box::new(Held { sim: self.clone(), inode }) as Lock))
    }
}

fn unname(disk: &mut Disk, inode: Inode) {
    if let Some(file) = disk.file_mut(inode) {
        file.names -= 1;
    }
    disk.forget_if_gone(inode);
}

#[derive(Debug)]
struct Held {
    sim: Sim,
    inode: Inode,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.sim.inner().locked.remove(&self.inode);
    }
}

#[derive(Debug)]
struct Handle {
    sim: Sim,
    inode: Inode,
    path: PathBuf,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let disk = &mut self.sim.inner().disk;
        if let Some(file) = disk.file_mut(self.inode) {
            file.open -= 1;
        }
        disk.forget_if_gone(self.inode);
    }
}

impl NewFile for Handle {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let append = |disk: &mut Disk, bytes: &[u8]| {
            let time = disk.time;
            let file = disk.file_mut(self.inode).ok_or(io::ErrorKind::NotFound)?;
            Arc::make_mut(&mut file.bytes).extend_from_slice(bytes);
            file.modified = time;
            Ok(())
        };
        let short = self.sim.inner().plan.as_ref().is_some_and(|plan| plan.fault() == Fault::ShortWrite);
        let written = self.sim.call(Call::Write, &self.path, |disk| append(disk, bytes));
        if short && written.is_err() {
            // Some of the bytes are written all the same.
            let some = bytes.get(..bytes.len() / 2).unwrap_or_default();
            append(&mut self.sim.inner().disk, some)?;
        }
        written
    }

    fn sync(&self) -> io::Result<()> {
        let synced = self.sim.call(Call::Sync, &self.path, |disk| {
            let file = disk.file_mut(self.inode).ok_or(io::ErrorKind::NotFound)?;
            if !file.given_up {
                file.durable = Arc::clone(&file.bytes);
            }
            Ok(())
        });
        if synced.is_err()
            && let Some(file) = self.sim.inner().disk.file_mut(self.inode)
        {
            file.given_up = true;
        }
        synced
    }

    fn stat(&self) -> io::Result<Stat> {
        self.sim.call(Call::Stat, &self.path, |disk| stat(disk, self.inode))
    }
}

impl OpenFile for Handle {
    fn stat(&self) -> io::Result<Stat> {
        NewFile::stat(self)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.sim.call(Call::Read, &self.path, |disk| {
            let Some(Node::File(file)) = disk.nodes.get(&self.inode).map(|node| &**node) else {
                return Err(io::ErrorKind::IsADirectory.into());
            };
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let end = start.checked_add(buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(file.bytes.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }
}
