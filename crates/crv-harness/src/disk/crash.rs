//! The states of a disk that a crash may leave.
//!
//! Of the changes to names that no sync made durable, any may be kept and any lost, directory by directory. Of a
//! file that was not synced, nothing may be left, or all bytes, a prefix, the full length with zeros, or some
//! sectors and not others. (The states of ALICE: Pillai et al., OSDI 2014.)

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;

use super::{Dir, Disk, File, Inode, Node, ROOT};

/// Bytes that a disk writes as a unit.
const SECTOR: usize = 512;

/// What may be left of a file that was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// What the last sync made durable.
    Durable,
    /// Everything.
    All,
    /// A prefix.
    Torn,
    /// The full length, with zeros from some offset on.
    Zeros,
    /// Some sectors, and zeros in place of the others.
    Sectors,
}

const LEFT: [Left; 5] = [Left::Durable, Left::All, Left::Torn, Left::Zeros, Left::Sectors];

/// What is pending: the number of changes to names, and the files that are not synced.
struct Open {
    changes: usize,
    files: Vec<Inode>,
}

/// What a crash leaves: which changes to names, and what of each file.
struct Fate {
    kept: Vec<bool>,
    left: BTreeMap<Inode, Left>,
}

impl Disk {
    /// Returns the states that a crash now may leave: all of them if there are at most `limit`, else that many,
    /// including those that keep nothing and everything.
    pub fn crashes(&self, limit: usize, random: &mut Rng) -> Vec<Self> {
        let open = self.open_changes();
        let of_files = LEFT.len().checked_pow(open.files.len() as u32);
        let of_names = 1_usize.checked_shl(open.changes as u32);
        let all = of_files.zip(of_names).and_then(|(files, names)| files.checked_mul(names));
        let fates: Vec<Fate> = match all {
            Some(all) if all <= limit => (0..all).map(|number| Fate::number(number, &open)).collect(),
            _ => {
                let extremes = [Fate::all(&open, false), Fate::all(&open, true)];
                let prefixes = (1..open.changes).map(|kept| Fate::prefix(kept, &open, random));
                let some: Vec<Fate> = extremes.into_iter().chain(prefixes).take(limit).collect();
                let more = limit - some.len();
                some.into_iter().chain((0..more).map(|_| Fate::random(&open, random))).collect()
            }
        };
        fates.iter().map(|fate| self.after(fate, random)).collect()
    }

    /// Returns the state in which only what was synced is left.
    #[must_use]
    pub fn only_durable(&self) -> Self {
        self.after(&Fate::all(&self.open_changes(), false), &mut Rng::with_seed(0))
    }

    /// Returns the state in which everything is left, as when a process is killed and the machine goes on.
    #[must_use]
    pub fn everything(&self) -> Self {
        self.after(&Fate::all(&self.open_changes(), true), &mut Rng::with_seed(0))
    }

    fn open_changes(&self) -> Open {
        let mut open = Open { changes: 0, files: Vec::new() };
        for (inode, node) in &self.nodes {
            match &**node {
                Node::Dir(dir) => open.changes += dir.pending.len(),
                Node::File(file) if file.bytes != file.durable => open.files.push(*inode),
                Node::File(_) => {}
            }
        }
        open
    }

    fn after(&self, fate: &Fate, random: &mut Rng) -> Self {
        let mut kept = fate.kept.iter().copied();
        let mut names = BTreeMap::new();
        for (inode, node) in &self.nodes {
            let Node::Dir(dir) = &**node else { continue };
            let mut left = dir.durable.clone();
            for change in &dir.pending {
                if kept.next().unwrap_or(false) {
                    change.apply(&mut left);
                }
            }
            names.insert(*inode, left);
        }
        let mut after = Self { nodes: BTreeMap::new(), time: self.time };
        self.copy(ROOT, &names, fate, random, &mut after);
        after
    }

    /// Copies what can be reached from `inode`. All of it is durable in the copy.
    fn copy(
        &self,
        inode: Inode,
        names: &BTreeMap<Inode, BTreeMap<String, Inode>>,
        fate: &Fate,
        random: &mut Rng,
        after: &mut Self,
    ) {
        match self.nodes.get(&inode).map(|node| &**node) {
            Some(Node::File(file)) => {
                let left = fate.left.get(&inode).copied().unwrap_or(Left::Durable);
                let bytes = if file.bytes == file.durable {
                    Arc::clone(&file.bytes)
                } else {
                    Arc::new(left.of(file, random))
                };
                let copy = after.nodes.entry(inode).or_insert_with(|| {
                    let durable = Arc::clone(&bytes);
                    let modified = file.modified;
                    Arc::new(Node::File(File {
                        bytes,
                        durable,
                        given_up: false,
                        modified,
                        names: 0,
                        open: 0,
                    }))
                });
                if let Node::File(copy) = Arc::make_mut(copy) {
                    copy.names += 1;
                }
            }
            Some(Node::Dir(_)) => {
                let left = names.get(&inode).cloned().unwrap_or_default();
                for inode in left.values() {
                    self.copy(*inode, names, fate, random, after);
                }
                let dir = Dir { durable: left.clone(), names: left, pending: Vec::new() };
                after.nodes.insert(inode, Arc::new(Node::Dir(dir)));
            }
            None => {}
        }
    }
}

impl Left {
    fn of(self, file: &File, random: &mut Rng) -> Vec<u8> {
        let length = file.bytes.len();
        match self {
            Self::Durable => file.durable.to_vec(),
            Self::All => file.bytes.to_vec(),
            Self::Torn => file.bytes.get(..random.usize(..=length)).unwrap_or_default().to_vec(),
            Self::Zeros => {
                let mut bytes = file.bytes.to_vec();
                bytes.get_mut(random.usize(..=length)..).unwrap_or_default().fill(0);
                bytes
            }
            Self::Sectors => {
                let mut bytes = file.bytes.to_vec();
                bytes.chunks_mut(SECTOR).filter(|_| random.bool()).for_each(|sector| sector.fill(0));
                bytes
            }
        }
    }
}

impl Fate {
    fn all(open: &Open, kept: bool) -> Self {
        let left = if kept { Left::All } else { Left::Durable };
        Self { kept: vec![kept; open.changes], left: open.files.iter().map(|file| (*file, left)).collect() }
    }

    /// The one with this number, of all possible ones.
    fn number(mut number: usize, open: &Open) -> Self {
        let mut digit = |base: usize| {
            let digit = number % base;
            number /= base;
            digit
        };
        let kept = (0..open.changes).map(|_| digit(2) == 1).collect();
        let left = |file: &Inode| (*file, LEFT.get(digit(LEFT.len())).copied().unwrap_or(Left::Durable));
        Self { kept, left: open.files.iter().map(left).collect() }
    }

    /// Keeps the first `kept` changes to names.
    fn prefix(kept: usize, open: &Open, random: &mut Rng) -> Self {
        let kept = (0..open.changes).map(|change| change < kept).collect();
        Self { kept, ..Self::random(open, random) }
    }

    fn random(open: &Open, random: &mut Rng) -> Self {
        let often = random.f64();
        Self {
            kept: (0..open.changes).map(|_| random.f64() < often).collect(),
            left: open
                .files
                .iter()
                .map(|file| (*file, random.choice(LEFT).unwrap_or(Left::Durable)))
                .collect(),
        }
    }
}
