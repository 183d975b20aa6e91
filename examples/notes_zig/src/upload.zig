//! Uploads, each in a file of its own.
const std = @import("std");
const c = @import("c");
const cstring = @import("cstring.zig");
const Call = @import("Call.zig");

pub fn isName(name: []const u8) bool {
    if (name.len == 0 or name.len > 64 or name[0] == '.') return false;
    for (name) |byte| if (!std.ascii.isAlphanumeric(byte) and std.mem.indexOfScalar(u8, "._-", byte) == null) return false;
    return true;
}

/// Stores the content under the name once it is complete; total is its size. Until then, and after a failure, it has another
/// name or none. Returns the status of the host's function that has failed, if one has.
pub fn receive(call: Call, name: []const u8, total: *u64) Call.Error!c.outrider_status {
    var path: [4096]u8 = undefined;
    var part: [4096]u8 = undefined;
    const complete = cstring.print(&path, "{s}/{s}", .{ call.service.uploads, name }) catch return error.File;
    const incomplete = cstring.print(&part, "{s}/.{s}.XXXXXX", .{ call.service.uploads, name }) catch return error.File;
    const file = c.mkostemp(incomplete, c.O_CLOEXEC);
    if (file < 0) return error.File;
    errdefer _ = c.unlink(incomplete);
    const status = copy(call, file, total) catch |failure| {
        _ = c.close(file);
        return failure;
    };
    const is_readable = c.fchmod(file, 0o644) == 0;
    const is_written = c.close(file) == 0;
    if (status < 0) {
        _ = c.unlink(incomplete);
        return status;
    }
    if (!is_readable or !is_written or c.rename(incomplete, complete) != 0) return error.File;
    return c.OUTRIDER_OK;
}

fn copy(call: Call, file: c_int, total: *u64) Call.Error!c.outrider_status {
    var buffer: [64 * 1024]u8 = undefined;
    while (true) {
        var got: usize = 0;
        const status = call.io.read.?(call.io, call.exchange, &buffer, buffer.len, &got);
        if (status < 0) return status;
        if (got == 0) return c.OUTRIDER_OK;
        try write(file, buffer[0..got]);
        total.* += got;
    }
}

fn write(file: c_int, content: []const u8) error{File}!void {
    var rest = content;
    while (rest.len > 0) {
        const written = c.write(file, rest.ptr, rest.len);
        if (written < 0) return error.File;
        rest = rest[@intCast(written)..];
    }
}
