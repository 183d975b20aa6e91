//! Bytes as the host counts them.

use crate::sys::outrider_bytes;

pub(crate) const fn bytes_of(bytes: &[u8]) -> outrider_bytes {
    outrider_bytes { data: bytes.as_ptr(), size: bytes.len() }
}

/// The bytes as a slice.
///
/// # Safety
/// The bytes live for `'a`. If the size is 0, the pointer may be NULL.
#[inline]
pub(crate) unsafe fn as_bytes<'a>(bytes: outrider_bytes) -> &'a [u8] {
    if bytes.size == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(bytes.data, bytes.size)
    }
}

/// Calls `body` with the text and a NUL behind it, on the stack. `None`: the text has a NUL, or `SIZE` bytes or more.
pub(crate) fn with_nul<const SIZE: usize, R>(
    text: &str,
    body: impl FnOnce(*const std::os::raw::c_char) -> R,
) -> Option<R> {
    if text.len() >= SIZE || text.as_bytes().contains(&0) {
        return None;
    }
    let mut buffer = [0u8; SIZE];
    buffer[..text.len()].copy_from_slice(text.as_bytes());
    Some(body(buffer.as_ptr().cast()))
}
