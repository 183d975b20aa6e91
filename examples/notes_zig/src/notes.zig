//! The notes application (../notes.md) in Zig: notes in SQLite, server-sent events, uploads.
const std = @import("std");
const c = @import("c");
const Database = @import("Database.zig");
const Call = @import("Call.zig");

/// Prints the message of a panic. The default also prints a trace, but compiles slowly.
pub const panic = std.debug.simple_panic;

const allocator = std.heap.c_allocator;

/// Passes the request to the function of its path and method.
fn handle(
    state: ?*anyopaque,
    thread: ?*anyopaque,
    exchange: c.outrider_exchange,
    head: [*c]const c.outrider_head,
    io: [*c]const c.outrider_io,
) callconv(.c) c.outrider_status {
    const call: Call = .{
        .service = @ptrCast(@alignCast(state.?)),
        .notes = @ptrCast(@alignCast(thread.?)),
        .exchange = exchange,
        .head = head,
        .io = io,
    };
    return call.serve() catch |failure| call.failed(failure);
}

fn load(
    host: [*c]const c.outrider_host,
    info: [*c]const c.outrider_load_info,
    state: [*c]?*anyopaque,
    failure: [*c]c.outrider_error,
) callconv(.c) c.outrider_status {
    const database = configured(host, "database");
    const uploads = configured(host, "uploads");
    if (info.*.purpose != c.OUTRIDER_PURPOSE_INSPECT and (database == null or uploads == null)) {
        refuse(failure, "[plugin.config] needs the key \"{s}\": the path of {s}", if (database == null)
            .{ "database", "the database" }
        else
            .{ "uploads", "a folder" });
        return c.OUTRIDER_E_INVALID;
    }
    const service = allocator.create(Call.Service) catch return c.OUTRIDER_E_FAILED;
    service.* = .{ .host = host, .database = database orelse "", .uploads = uploads orelse "" };
    state.* = service;
    return c.OUTRIDER_OK;
}

/// A text of [plugin.config], which stays where it is as long as the host; null if it is missing or empty.
fn configured(host: *const c.outrider_host, key: [*:0]const u8) ?[]const u8 {
    const value = host.config_string.?(host, key, null);
    return if (value.size == 0) null else value.data[0..value.size];
}

/// Writes the reason of a refusal, cut off where there is no more room.
fn refuse(failure: *c.outrider_error, comptime format: []const u8, arguments: anytype) void {
    const room = failure.text[0 .. failure.text.len - 1];
    const text = std.fmt.bufPrint(room, format, arguments) catch room;
    failure.text[text.len] = 0;
}

fn unload(state: ?*anyopaque) callconv(.c) void {
    const service: *Call.Service = @ptrCast(@alignCast(state.?));
    allocator.destroy(service);
}

fn threadStart(
    state: ?*anyopaque,
    _: [*c]const c.outrider_thread_info,
    thread: [*c]?*anyopaque,
    failure: [*c]c.outrider_error,
) callconv(.c) c.outrider_status {
    const service: *const Call.Service = @ptrCast(@alignCast(state.?));
    const notes = allocator.create(Database) catch return c.OUTRIDER_E_FAILED;
    notes.* = .{};
    notes.open(service.database) catch {
        refuse(failure, "{s}: {s}", .{ service.database, notes.reason() });
        notes.close();
        allocator.destroy(notes);
        return c.OUTRIDER_E_FAILED;
    };
    thread.* = notes;
    return c.OUTRIDER_OK;
}

fn threadStop(_: ?*anyopaque, thread: ?*anyopaque) callconv(.c) void {
    const notes: *Database = @ptrCast(@alignCast(thread.?));
    notes.close();
    allocator.destroy(notes);
}

const plugin: c.outrider_plugin = .{
    .size = @sizeOf(c.outrider_plugin),
    .abi = c.OUTRIDER_ABI_VERSION,
    .abi_required = c.OUTRIDER_ABI(1, 0),
    .capabilities = c.OUTRIDER_THREAD_SAFE,
    .name = "notes",
    .version = "1.0",
    .load = load,
    .unload = unload,
    .thread_start = threadStart,
    .thread_stop = threadStop,
    .handle = handle,
};

pub export fn outrider_plugin_v1(_: [*c]const c.outrider_host) [*c]const c.outrider_plugin {
    return &plugin;
}
