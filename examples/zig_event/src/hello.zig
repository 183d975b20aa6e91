//! An event handler that sends early hints at once and its page later, and blocks nothing meanwhile. outrider-zig(7)
//! explains it. Configuration: delay_ms = 100.
const std = @import("std");
const outrider = @import("outrider");

/// Prints the message of a panic. The default also prints a trace, but compiles slowly.
pub const panic = std.debug.simple_panic;

/// A [[plugin]] entry.
const Service = struct {
    host: *const outrider.outrider_host,
    delay_ns: u64,
};

/// A request that waits for its page.
const Visit = struct {
    service: *Service,
    exchange: outrider.outrider_exchange,
};

const allocator = std.heap.c_allocator;

fn load(
    host: [*c]const outrider.outrider_host,
    _: [*c]const outrider.outrider_load_info,
    state: [*c]?*anyopaque,
    failure: [*c]outrider.outrider_error,
) callconv(.c) outrider.outrider_status {
    const delay_ms = host.*.config_integer.?(host, "delay_ms", 100);
    if (delay_ms < 0 or delay_ms > 60 * 1000) {
        const reason = "delay_ms must be from 0 to 60000";
        @memcpy(failure.*.text[0 .. reason.len + 1], reason[0 .. reason.len + 1]);
        return outrider.OUTRIDER_E_INVALID;
    }
    const service = allocator.create(Service) catch return outrider.OUTRIDER_E_FAILED;
    service.* = .{ .host = host, .delay_ns = @as(u64, @intCast(delay_ms)) * std.time.ns_per_ms };
    state.* = service;
    return outrider.OUTRIDER_OK;
}

fn unload(state: ?*anyopaque) callconv(.c) void {
    allocator.destroy(of(Service, state));
}

fn open(
    state: ?*anyopaque,
    exchange: outrider.outrider_exchange,
    _: [*c]const outrider.outrider_head,
    self: [*c]?*anyopaque,
) callconv(.c) outrider.outrider_status {
    const service = of(Service, state);
    const host = service.host;
    const visit = allocator.create(Visit) catch return outrider.OUTRIDER_E_FAILED;
    visit.* = .{ .service = service, .exchange = exchange };
    self.* = visit;
    const hints = [_]outrider.outrider_field{field("link", "</style.css>; rel=preload; as=style")};
    _ = outrider.outrider_send_early_hints(host, exchange, &hints, hints.len);
    const status = host.after.?(host, exchange, service.delay_ns, answer, visit, null);
    if (status < 0) allocator.destroy(visit); // close does not follow
    return status;
}

fn answer(context: ?*anyopaque, why: outrider.outrider_status) callconv(.c) void {
    if (why != outrider.OUTRIDER_OK) return; // the client has left: close follows
    const visit = of(Visit, context);
    const fields = [_]outrider.outrider_field{field("content-type", "text/plain")};
    _ = outrider.outrider_send_response(visit.service.host, visit.exchange, 200, &fields, fields.len, bytes("hello\n"));
}

/// Reads no body, and ignores a disconnection.
fn onEvent(
    _: ?*anyopaque,
    _: ?*anyopaque,
    _: outrider.outrider_exchange,
    _: [*c]const outrider.outrider_event,
) callconv(.c) void {}

fn close(_: ?*anyopaque, self: ?*anyopaque, _: outrider.outrider_exchange) callconv(.c) void {
    allocator.destroy(of(Visit, self));
}

fn of(comptime T: type, pointer: ?*anyopaque) *T {
    return @ptrCast(@alignCast(pointer.?));
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
    .name = "hello",
    .version = "1.0",
    .load = load,
    .unload = unload,
    .open = open,
    .on_event = onEvent,
    .close = close,
};

pub export fn outrider_plugin_v1(_: [*c]const outrider.outrider_host) [*c]const outrider.outrider_plugin {
    return &plugin;
}
