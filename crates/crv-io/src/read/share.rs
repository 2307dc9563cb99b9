//! [`Share`]: a large part, read by several threads.

use std::sync::{Arc, Mutex, PoisonError};

use super::part::Opened;
use crate::error::Result;

/// Bytes of a large part that one thread reads in sequence, about.
const SHARE_BYTES: u64 = 4 << 20;

/// Which of the row groups of a part one reader reads. The part is opened and verified by the first reader.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    place: usize,
    of: usize,
    opened: Arc<Mutex<Option<Opened>>>,
}

impl Share {
    /// The shares of a part of `bytes` bytes, in order, at most `most`; `None` for one that is read in one piece.
    pub(super) fn of(bytes: u64, most: usize) -> Option<impl ExactSizeIterator<Item = Self>> {
        let of = usize::try_from(bytes.div_ceil(SHARE_BYTES)).unwrap_or(usize::MAX).min(most);
        let opened: Arc<Mutex<Option<Opened>>> = Arc::default();
        (of > 1).then(|| (0..of).map(move |place| Self { place, of, opened: Arc::clone(&opened) }))
    }

    /// The open part. Others wait while one opens it; an error is for each to find.
    pub(super) fn opened(&self, open: impl FnOnce() -> Result<Opened>) -> Result<Opened> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*opened {
            return Ok(opened.clone());
        }
        Ok(opened.insert(open()?).clone())
    }

    /// Those of `groups` that are in this share.
    pub(super) fn take(&self, groups: &[usize]) -> Vec<usize> {
        let end = |place: usize| groups.len() * place / self.of;
        groups.get(end(self.place)..end(self.place + 1)).unwrap_or_default().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_group_is_in_one_share_in_order() {
        for bytes in [SHARE_BYTES + 1, 3 * SHARE_BYTES, 40 * SHARE_BYTES, u64::MAX] {
            let shares: Vec<Share> = Share::of(bytes, 1_000).unwrap().collect();
            for groups in [0, 1, 2, 7, 40, 2_000] {
                let groups: Vec<usize> = (0..groups).map(|group| group * 3).collect();
                let taken: Vec<usize> = shares.iter().flat_map(|share| share.take(&groups)).collect();
                assert_eq!(taken, groups);
            }
        }
        assert!(Share::of(0, 9).is_none() && Share::of(SHARE_BYTES, 9).is_none());
        assert!(Share::of(u64::MAX, 1).is_none() && Share::of(u64::MAX, 0).is_none());
        assert_eq!(Share::of(u64::MAX, 5).unwrap().len(), 5);
    }
}
