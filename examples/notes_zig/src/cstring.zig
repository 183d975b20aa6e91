//! Texts with a NUL behind them, as C has them.
const std = @import("std");

pub fn print(buffer: []u8, comptime format: []const u8, arguments: anytype) error{NoSpaceLeft}![:0]u8 {
    const text = try std.fmt.bufPrint(buffer, format ++ "\x00", arguments);
    return text[0 .. text.len - 1 :0];
}
