//! Tests of the handler in the mock host of outrider-testing(3): no server, no socket, and no time that passes.
const std = @import("std");
const testing = @import("testing");
const plugin = @import("plugin");

const expectEqual = std.testing.expectEqual;

const Host = struct {
    mock: *testing.outrider_mock,

    fn init(config: [*:0]const u8) !Host {
        const settings: testing.outrider_mock_settings = .{
            .size = @sizeOf(testing.outrider_mock_settings),
            .model = testing.OUTRIDER_MODEL_ASYNC,
            .config = config,
            .aborts_on_misuse = 1,
        };
        return .{ .mock = testing.outrider_mock_new(@ptrCast(&plugin.outrider_plugin_v1), &settings) orelse return error.OutOfMemory };
    }

    fn start(config: [*:0]const u8) !Host {
        const host = try init(config);
        try expectEqual(testing.OUTRIDER_OK, testing.outrider_mock_start(host.mock));
        return host;
    }

    fn stop(host: Host) void {
        testing.outrider_mock_stop(host.mock, 0);
        testing.outrider_mock_free(host.mock);
    }

    fn get(host: Host, target: [*:0]const u8) *testing.outrider_mock_exchange {
        const request: testing.outrider_mock_request = .{ .size = @sizeOf(testing.outrider_mock_request), .target = target };
        return testing.outrider_mock_serve(host.mock, &request).?;
    }

    fn advance(host: Host, ms: u64) void {
        testing.outrider_mock_advance(host.mock, ms * std.time.ns_per_ms);
    }
};

fn responseOf(exchange: *testing.outrider_mock_exchange) testing.outrider_mock_response {
    return testing.outrider_mock_response_of(exchange).*;
}

fn text(bytes: testing.outrider_bytes) []const u8 {
    return if (bytes.size == 0) "" else bytes.data[0..bytes.size];
}

test "hints are sent at once" {
    const host = try Host.start("{}");
    defer host.stop();
    const response = responseOf(host.get("/"));
    try expectEqual(1, response.n_informational);
    try expectEqual(103, response.informational[0].status);
    try expectEqual(testing.OUTRIDER_MOCK_OPEN, response.ending);
}

test "the page is sent after the delay" {
    const host = try Host.start("{\"delay_ms\": 200}");
    defer host.stop();
    const exchange = host.get("/");
    host.advance(199);
    try expectEqual(testing.OUTRIDER_MOCK_OPEN, responseOf(exchange).ending);
    host.advance(1);
    try expectEqual(testing.OUTRIDER_MOCK_COMPLETE, responseOf(exchange).ending);
    try expectEqual(200, responseOf(exchange).status);
    try std.testing.expectEqualStrings("hello\n", text(responseOf(exchange).body));
}

test "a client that leaves is forgotten" {
    const host = try Host.start("{}");
    defer host.stop();
    const exchange = host.get("/");
    testing.outrider_mock_leave(exchange);
    host.advance(1000);
    try expectEqual(testing.OUTRIDER_MOCK_NONE, responseOf(exchange).ending);
}

test "a bad configuration is refused" {
    const host = try Host.init("{\"delay_ms\": -1}");
    defer testing.outrider_mock_free(host.mock);
    try expectEqual(testing.OUTRIDER_E_INVALID, testing.outrider_mock_load(host.mock, testing.OUTRIDER_PURPOSE_CHECK));
    try std.testing.expectEqualStrings("load refused: delay_ms must be from 0 to 60000", std.mem.span(testing.outrider_mock_error(host.mock)));
}
