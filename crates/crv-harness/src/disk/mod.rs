//! An in-memory file system that keeps pending and durable state apart, as real ones do.
//!
//! A file's bytes are durable once the file is synced, a name once its directory is; neither implies the other.
//! [`Disk`] is the state, [`Sim`] is a `FileSystem` on it, [`crash`] builds the states that a crash may leave.

pub mod crash;
pub mod fault;
mod sim;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path};
use std::sync::Arc;

pub use sim::{Call, Sim};

/// The number of an inode. Numbers of removed files are reused, lowest first.
type Inode = u64;

const ROOT: Inode = 1;

/// Files and directories, each with its durable state.
#[derive(Debug, Clone)]
pub struct Disk {
    nodes: BTreeMap<Inode, Arc<Node>>,
    /// Microseconds since the disk was created.
    time: u64,
}

#[derive(Debug, Clone)]
enum Node {
    File(File),
    Dir(Dir),
}

#[derive(Debug, Clone, Default)]
struct File {
    bytes: Arc<Vec<u8>>,
    /// What certainly survives: the bytes of the last sync that succeeded.
    durable: Arc<Vec<u8>>,
    /// Whether a sync failed: the kernel then counts the bytes as written, and no later sync writes them.
    given_up: bool,
    modified: u64,
    names: usize,
    open: usize,
}

#[derive(Debug, Clone, Default)]
struct Dir {
    names: BTreeMap<String, Inode>,
    durable: BTreeMap<String, Inode>,
    /// The changes to the names since they were synced, in order.
    pending: Vec<NameChange>,
}

/// A change to a directory that is lost or kept as a whole.
#[derive(Debug, Clone)]
enum NameChange {
    Add(String, Inode),
    Remove(String),
    Rename(String, String, Inode),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, Inode>) {
        match self {
            Self::Add(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self { nodes: BTreeMap::from([(ROOT, Arc::new(Node::Dir(Dir::default())))]), time: 0 }
    }
}

impl Disk {
    /// Returns the size of every file, by path.
    pub fn files(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        self.walk(ROOT, "", &mut |path, node| {
            if let Node::File(file) = node {
                found.insert(path.to_owned(), file.bytes.len() as u64);
            }
        });
        found
    }

    /// Returns the bytes of the file `path`, if there is one.
    pub fn read(&self, path: &str) -> Option<&[u8]> {
        match &**self.nodes.get(&self.find(Path::new(path))?)? {
            Node::File(file) => Some(&file.bytes),
            Node::Dir(_) => None,
        }
    }

    /// Replaces the bytes of the file `path`, or removes the file.
    pub fn set(&mut self, path: &str, bytes: Option<Vec<u8>>) {
        let path = Path::new(path);
        let Some(inode) = self.find(path) else { return };
        if let Some(bytes) = bytes {
            if let Some(file) = self.file_mut(inode) {
                file.bytes = Arc::new(bytes);
                file.durable = Arc::clone(&file.bytes);
            }
            return;
        }
        let dir = path.parent().and_then(|dir| self.find(dir)).and_then(|dir| self.dir_mut(dir));
        if let (Some(dir), Some(name)) = (dir, names(path).last()) {
            dir.names.remove(name);
            dir.durable.remove(name);
        }
        self.nodes.remove(&inode);
    }

    /// Returns the number of bytes in all files.
    pub fn size(&self) -> u64 {
        self.files().values().sum()
    }

    fn walk<'a>(&'a self, at: Inode, path: &str, look: &mut impl FnMut(&str, &'a Node)) {
        let Some(node) = self.nodes.get(&at) else { return };
        look(path, node);
        if let Node::Dir(dir) = &**node {
            for (name, inode) in &dir.names {
                self.walk(*inode, &format!("{path}/{name}"), look);
            }
        }
    }

    /// Returns a digest of what is on the disk: two disks with the same files have the same digest.
    pub fn digest(&self) -> u64 {
        // FNV-1a.
        let mut sum = 0xcbf2_9ce4_8422_2325_u64;
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        let mut line = String::new();
        self.walk(ROOT, "", &mut |path, node| {
            line.clear();
            if let Node::File(file) = node {
                let _ = write!(line, "{path}\0{}\0{}\0", file.bytes.len(), crc32c::crc32c(&file.bytes));
                take(line.as_bytes());
            } else {
                let _ = write!(line, "{path}/\0");
                take(line.as_bytes());
            }
        });
        sum
    }

    fn find(&self, path: &Path) -> Option<Inode> {
        let mut at = ROOT;
        for name in names(path) {
            let Node::Dir(dir) = &**self.nodes.get(&at)? else { return None };
            at = *dir.names.get(name)?;
        }
        Some(at)
    }

    fn dir_mut(&mut self, inode: Inode) -> Option<&mut Dir> {
        match Arc::make_mut(self.nodes.get_mut(&inode)?) {
            Node::Dir(dir) => Some(dir),
            Node::File(_) => None,
        }
    }

    fn file_mut(&mut self, inode: Inode) -> Option<&mut File> {
        match Arc::make_mut(self.nodes.get_mut(&inode)?) {
            Node::File(file) => Some(file),
            Node::Dir(_) => None,
        }
    }

    fn free_inode(&self) -> Inode {
        (ROOT..Inode::MAX).find(|inode| !self.nodes.contains_key(inode)).unwrap_or(Inode::MAX)
    }

    /// Drops a file that has no name, is not open, and that no crash can bring back.
    fn forget_if_gone(&mut self, inode: Inode) {
        let node = self.nodes.get(&inode).map(|node| &**node);
        let gone = matches!(node, Some(Node::File(file)) if file.names == 0 && file.open == 0);
        let named = |dir: &Dir| {
            dir.durable.values().any(|named| *named == inode)
                || dir.pending.iter().any(|change| match change {
                    NameChange::Add(_, named) | NameChange::Rename(_, _, named) => *named == inode,
                    NameChange::Remove(_) => false,
                })
        };
        if gone && !self.nodes.values().any(|node| matches!(&**node, Node::Dir(dir) if named(dir))) {
            self.nodes.remove(&inode);
        }
    }
}

/// The components of a path.
fn names(path: &Path) -> impl Iterator<Item = &str> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    })
}
