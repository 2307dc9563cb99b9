//! Calls that fail: which, how, and for how long.

use std::io;

use super::Call;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// A device error (EIO). The call has no effect.
    Device,
    /// The disk is full (ENOSPC). The call has no effect.
    Full,
    /// Permission is denied (EACCES). The call has no effect.
    Denied,
    /// The disk is full in the middle of a write: some of the bytes are written.
    ShortWrite,
    /// The call takes effect, and returns an error.
    Done,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 5] = [Self::Device, Self::Full, Self::Denied, Self::ShortWrite, Self::Done];

    fn kind(self) -> io::ErrorKind {
        match self {
            // The standard library's kind for EIO.
            Self::Device | Self::Done => io::ErrorKind::Other,
            Self::Full | Self::ShortWrite => io::ErrorKind::StorageFull,
            Self::Denied => io::ErrorKind::PermissionDenied,
        }
    }
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// One call fails.
    Once,
    /// From that call on, every call that changes something fails, until the fault is removed.
    UntilMended,
    /// The same, until the store has waited for so many microseconds since the first failure.
    For(u64),
}

/// Which calls fail.
#[derive(Debug, Clone)]
pub struct Plan {
    fault: Fault,
    lasts: Lasts,
    /// Calls before the first that fails.
    left: u64,
    /// If set, only this kind of call fails.
    only: Option<Call>,
    began: Option<u64>,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Works,
    Fails(io::ErrorKind),
    WorksAndFails(io::ErrorKind),
}

impl Plan {
    /// Makes the call after `skip` others fail.
    pub fn new(fault: Fault, lasts: Lasts, skip: u64) -> Self {
        Self { fault, lasts, left: skip, only: None, began: None }
    }

    /// Counts, and fails, only calls of this kind.
    #[must_use]
    pub fn only(mut self, call: Call) -> Self {
        self.only = Some(call);
        self
    }

    pub(super) fn fault(&self) -> Fault {
        self.fault
    }

    pub(super) fn judge(&mut self, call: Call) -> Verdict {
        let any = match self.fault {
            Fault::Device | Fault::Denied => true,
            Fault::Full | Fault::Done => call.changes(),
            Fault::ShortWrite => call == Call::Write,
        };
        if !any || self.only.is_some_and(|only| only != call) {
            return Verdict::Works;
        }
        let now = u64::try_from(crv_io::simulation::waited().as_micros()).unwrap_or(u64::MAX);
        let hit = if self.left > 0 {
            self.left -= 1;
            false
        } else {
            match (self.lasts, self.began) {
                (_, None) => true,
                (Lasts::Once, Some(_)) => false,
                // A disk with a lasting fault can still be read.
                (Lasts::UntilMended, Some(_)) => call.changes(),
                (Lasts::For(time), Some(began)) => call.changes() && now < began.saturating_add(time),
            }
        };
        if !hit {
            return Verdict::Works;
        }
        self.began = self.began.or(Some(now));
        match self.fault {
            Fault::Done => Verdict::WorksAndFails(self.fault.kind()),
            // Only a write can be short: any other call has no effect.
            fault => Verdict::Fails(fault.kind()),
        }
    }
}
