//! A blocking handler that sends early hints before its page. outrider-zig(7) explains it.
const std = @import("std");
const outrider = @import("outrider");

/// Prints the message of a panic. The default also prints a trace, but compiles slowly.
pub const panic = std.debug.simple_panic;

fn handle(
    _: ?*anyopaque,
    _: ?*anyopaque,
    exchange: outrider.outrider_exchange,
    _: [*c]const outrider.outrider_head,
    io: [*c]const outrider.outrider_io,
) callconv(.c) outrider.outrider_status {
    const hints = [_]outrider.outrider_field{field("link", "</style.css>; rel=preload; as=style")};
    _ = outrider.outrider_early_hints(io, exchange, &hints, hints.len); // on the wire before this returns

    const fields = [_]outrider.outrider_field{field("content-type", "text/plain")};
    return io.*.respond.?(io, exchange, 200, &fields, fields.len, bytes("hello\n"));
}

fn field(name: []const u8, value: []const u8) outrider.outrider_field {
    return .{ .name = bytes(name), .value = bytes(value) };
}

fn bytes(text: []const u8) outrider.outrider_bytes {
    return .{ .data = text.ptr, .size = text.len };
}

const plugin: outrider.outrider_plugin = .{
    .size = @sizeOf(outrider.outrider_plugin),
    .abi = outrider.OUTRIDER_ABI_VERSION,
    .abi_required = outrider.OUTRIDER_ABI(1, 0),
    .capabilities = outrider.OUTRIDER_THREAD_SAFE,
    .name = "hello",
    .version = "1.0",
    .handle = handle,
};

pub export fn outrider_plugin_v1(_: [*c]const outrider.outrider_host) [*c]const outrider.outrider_plugin {
    return &plugin;
}
