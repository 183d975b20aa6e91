//! A Range field with a single range of bytes (RFC 9110 section 14).
const std = @import("std");

pub const Range = union(enum) {
    /// There is none, or one of another form: the whole text is sent.
    ignored,
    unsatisfiable,
    /// The bytes from first to last.
    satisfiable: struct { first: usize, last: usize },
};

/// What the value asks for of a text of that size.
pub fn read(value: []const u8, size: usize) Range {
    const unit = "bytes=";
    if (!std.mem.startsWith(u8, value, unit)) return .ignored;
    const spec = value[unit.len..];
    const dash = std.mem.indexOfScalar(u8, spec, '-') orelse return .ignored;
    const from = number(spec[0..dash]) catch return .ignored;
    const to = number(spec[dash + 1 ..]) catch return .ignored;
    const first = from orelse size -| (to orelse return .ignored); // without a first: the last bytes, so many
    if (from != null and to != null and to.? < first) return .ignored;
    if (first >= size) return .unsatisfiable;
    const last = if (from == null) size - 1 else @min(to orelse size - 1, size - 1);
    return .{ .satisfiable = .{ .first = first, .last = last } };
}

/// Digits; null if there are none. A number that is too large counts as the largest.
fn number(digits: []const u8) error{NotANumber}!?usize {
    var value: usize = 0;
    for (digits) |digit| {
        if (!std.ascii.isDigit(digit)) return error.NotANumber;
        value = value *| 10 +| (digit - '0');
    }
    return if (digits.len == 0) null else value;
}
