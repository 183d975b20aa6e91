//! What the application needs of JSON (RFC 8259).
const std = @import("std");

/// The member `text` of an object: a string that is not empty. null: the content is something else.
pub fn text(arena: std.mem.Allocator, content: []const u8) ?[]const u8 {
    const value = std.json.parseFromSliceLeaky(std.json.Value, arena, content, .{}) catch return null;
    if (value != .object) return null;
    const member = value.object.get("text") orelse return null;
    return if (member == .string and member.string.len > 0) member.string else null;
}

/// Appends a text as a JSON string.
pub fn appendQuoted(allocator: std.mem.Allocator, out: *std.ArrayList(u8), plain: []const u8) !void {
    try out.append(allocator, '"');
    for (plain) |byte| switch (byte) {
        '"', '\\' => try out.appendSlice(allocator, &.{ '\\', byte }),
        0...0x1F => {
            const digits = "0123456789abcdef";
            try out.appendSlice(allocator, &.{ '\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15] });
        },
        else => try out.append(allocator, byte),
    };
    try out.append(allocator, '"');
}
