//! Calls that fail: which, how, and for how long.

use std::io;

use super::Call;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// An error of the device (EIO). Nothing happened.
    Device,
    /// The disk is full (ENOSPC). Nothing happened.
    Full,
    /// It is not allowed (EACCES). Nothing happened.
    Denied,
    /// The disk is full in the middle of a write: some of the bytes are there.
    ShortWrite,
    /// The reply was lost: the call says that it failed, and it took effect.
    Done,
}

impl Fault {
    /// Every fault there is.
    pub const ALL: [Self; 5] = [Self::Device, Self::Full, Self::Denied, Self::ShortWrite, Self::Done];

    fn kind(self) -> io::ErrorKind {
        match self {
            // What EIO is to the standard library.
            Self::Device | Self::Done => io::ErrorKind::Other,
            Self::Full | Self::ShortWrite => io::ErrorKind::StorageFull,
            Self::Denied => io::ErrorKind::PermissionDenied,
        }
    }
}

/// For how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// The one call fails.
    Once,
    /// From that call on all of them that change something fail, until somebody mends it.
    UntilMended,
    /// The same, until so much time was waited since the first failure. In microseconds.
    For(u64),
}

/// Which calls fail.
#[derive(Debug, Clone)]
pub struct Plan {
    fault: Fault,
    lasts: Lasts,
    /// Calls until the first that fails.
    left: u64,
    /// Only this kind of call fails, where one is named.
    only: Option<Call>,
    began: Option<u64>,
}

/// What is to become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Works,
    Fails(io::ErrorKind),
    WorksAndFails(io::ErrorKind),
}

impl Plan {
    /// The call that comes after `skip` others fails.
    pub fn new(fault: Fault, lasts: Lasts, skip: u64) -> Self {
        Self { fault, lasts, left: skip, only: None, began: None }
    }

    /// Only calls of this kind are counted, and fail.
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
                // A disk that fails for good can still be read.
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
            // Only a write can be short; any other call just fails.
            fault => Verdict::Fails(fault.kind()),
        }
    }
}
