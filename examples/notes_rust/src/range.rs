//! A single range of bytes (RFC 9110 section 14).

#[derive(Debug, PartialEq, Eq)]
pub enum Range {
    /// There is none, or none that this understands.
    Ignored,
    /// The first and the last byte.
    Satisfiable(usize, usize),
    Unsatisfiable,
}

impl Range {
    /// What the value of the field `Range` means for so many bytes.
    pub fn read(value: &[u8], size: usize) -> Range {
        Range::parsed(value, size).unwrap_or(Range::Ignored)
    }

    fn parsed(value: &[u8], size: usize) -> Option<Range> {
        let range = value.strip_prefix(b"bytes=")?;
        let dash = range.iter().position(|&byte| byte == b'-')?;
        let (first, last) = (&range[..dash], &range[dash + 1..]);
        if first.is_empty() {
            // The last bytes, so many.
            let count = number(last)?;
            return match count.min(size) {
                0 => Some(Range::Unsatisfiable),
                count => Some(Range::Satisfiable(size - count, size - 1)),
            };
        }
        let first = number(first)?;
        let last = if last.is_empty() { usize::MAX } else { number(last)? };
        if last < first {
            None
        } else if first >= size {
            Some(Range::Unsatisfiable)
        } else {
            Some(Range::Satisfiable(first, last.min(size - 1)))
        }
    }
}

/// A decimal number; one that is too large is the largest.
fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(usize::MAX))
}
