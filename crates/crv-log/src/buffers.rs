//! Buffers that are used again: those of files and pages that are read.
//!
//! A fresh buffer costs its zeroes, and the page faults of its memory: for a scan that decodes hundreds of megabytes a
//! second, about as much as decoding.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;

/// Bytes that are kept for each thread, at most.
const LARGEST: usize = 4 << 20;
/// Buffers that are kept for each thread, at most.
const MOST: usize = 8;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of `length` bytes, filled by `fill`, which finds any bytes in it. It is kept when the last reference to the
/// bytes is dropped. An error if it does not fit into memory: a failed allocation would end the process.
pub fn filled<E: From<io::Error>>(
    length: usize,
    fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
) -> Result<Bytes, E> {
    let taken = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        // The smallest that is large enough, so that a short document does not hold a large buffer.
        let fits = spare.iter().enumerate().filter(|(_, bytes)| bytes.len() >= length);
        let best = fits.min_by_key(|(_, bytes)| bytes.len()).map(|(at, _)| at);
        best.map(|at| spare.swap_remove(at))
    });
    let mut buffer = taken.ok().flatten().unwrap_or_default();
    if buffer.len() < length {
        buffer.try_reserve_exact(length - buffer.len()).map_err(|_| too_large())?;
        buffer.resize(length, 0);
    }
    let mut buffer = Buffer { bytes: buffer, length };
    fill(buffer.bytes.get_mut(..length).unwrap_or_default())?;
    Ok(Bytes::from_owner(buffer))
}

/// The error for an object that does not fit into memory.
pub fn too_large() -> io::Error {
    io::Error::other("it does not fit into memory")
}

/// Bytes of which the first `length` are used.
struct Buffer {
    bytes: Vec<u8>,
    length: usize,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // Error ignored: the thread is ending, and its buffers with it.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            let kept: usize = spare.iter().map(Vec::len).sum();
            if spare.len() < MOST && kept + bytes.len() <= LARGEST {
                spare.push(bytes);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(byte: u8, length: usize) -> Bytes {
        let fill = |buffer: &mut [u8]| {
            buffer.fill(byte);
            Ok::<_, io::Error>(())
        };
        filled(length, fill).unwrap()
    }

    #[test]
    fn a_buffer_is_used_again_when_nothing_refers_to_it() {
        let first = of(1, 100);
        let slice = first.slice(10..20);
        drop(first);
        let second = of(2, 50);
        assert_eq!(&slice[..], [1; 10], "a slice keeps its buffer");
        let at = slice.as_ptr() as usize - 10;
        drop(slice);
        let third = of(3, 80);
        assert_eq!(third.as_ptr() as usize, at);
        assert_eq!((third.len(), &second[..]), (80, &[2; 50][..]));
    }

    #[test]
    fn few_and_no_large_buffers_are_kept() {
        drop(of(1, LARGEST + 1));
        let many: Vec<Bytes> = (0..20).map(|_| of(1, 10)).collect();
        drop(many);
        SPARE
            .with_borrow(|spare| assert!(spare.len() == MOST && spare.iter().all(|bytes| bytes.len() == 10)));
    }

    #[test]
    fn a_length_that_memory_does_not_have_is_an_error() {
        let error = filled(isize::MAX as usize, |_| Ok::<_, io::Error>(())).unwrap_err();
        assert_eq!(error.to_string(), "it does not fit into memory");
    }
}
