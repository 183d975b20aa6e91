//! same_answer.c in Zig: the same fields and body. The option decides the style.
const std = @import("std");
const outrider = @import("outrider");
const event_style = @import("options").event_style;

pub const panic = std.debug.simple_panic;

const body = bytes("Hello, Outrider!");
const fields = [_]outrider.outrider_field{.{ .name = bytes("content-type"), .value = bytes("text/plain") }};

fn bytes(text: []const u8) outrider.outrider_bytes {
    return .{ .data = text.ptr, .size = text.len };
}

fn handle(
    _: ?*anyopaque,
    _: ?*anyopaque,
    exchange: outrider.outrider_exchange,
    _: [*c]const outrider.outrider_head,
    io: [*c]const outrider.outrider_io,
) callconv(.c) outrider.outrider_status {
    return io.*.respond.?(io, exchange, 200, &fields, fields.len, body);
}

fn open(
    state: ?*anyopaque,
    exchange: outrider.outrider_exchange,
    _: [*c]const outrider.outrider_head,
    _: [*c]?*anyopaque,
) callconv(.c) outrider.outrider_status {
    const host: *const outrider.outrider_host = @ptrCast(@alignCast(state.?));
    return host.send_response.?(host, exchange, 200, &fields, fields.len, body);
}

fn onEvent(
    _: ?*anyopaque,
    _: ?*anyopaque,
    _: outrider.outrider_exchange,
    _: [*c]const outrider.outrider_event,
) callconv(.c) void {}

fn close(_: ?*anyopaque, _: ?*anyopaque, _: outrider.outrider_exchange) callconv(.c) void {}

const plugin: outrider.outrider_plugin = .{
    .size = @sizeOf(outrider.outrider_plugin),
    .abi = outrider.OUTRIDER_ABI_VERSION,
    .abi_required = outrider.OUTRIDER_ABI(1, 0),
    .capabilities = outrider.OUTRIDER_THREAD_SAFE,
    .name = "same_answer",
    .version = "1.0",
    .handle = if (event_style) null else handle,
    .open = if (event_style) open else null,
    .on_event = if (event_style) onEvent else null,
    .close = if (event_style) close else null,
};

pub export fn outrider_plugin_v1(_: [*c]const outrider.outrider_host) [*c]const outrider.outrider_plugin {
    return &plugin;
}
