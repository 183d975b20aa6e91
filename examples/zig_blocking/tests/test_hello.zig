//! Tests of the handler in the mock host of outrider-testing(3): no server, no socket.
const std = @import("std");
const testing = @import("testing");
const plugin = @import("plugin");

const Host = struct {
    mock: *testing.outrider_mock,

    fn start() !Host {
        const settings: testing.outrider_mock_settings = .{ .size = @sizeOf(testing.outrider_mock_settings), .aborts_on_misuse = 1 };
        const mock = testing.outrider_mock_new(@ptrCast(&plugin.outrider_plugin_v1), &settings) orelse return error.OutOfMemory;
        try std.testing.expectEqual(testing.OUTRIDER_OK, testing.outrider_mock_start(mock));
        return .{ .mock = mock };
    }

    fn stop(host: Host) void {
        testing.outrider_mock_stop(host.mock, 0);
        testing.outrider_mock_free(host.mock);
    }

    fn get(host: Host, target: [*:0]const u8) testing.outrider_mock_response {
        const request: testing.outrider_mock_request = .{ .size = @sizeOf(testing.outrider_mock_request), .target = target };
        return testing.outrider_mock_response_of(testing.outrider_mock_serve(host.mock, &request)).*;
    }
};

fn text(bytes: testing.outrider_bytes) []const u8 {
    return if (bytes.size == 0) "" else bytes.data[0..bytes.size];
}

test "hints come before the page" {
    const host = try Host.start();
    defer host.stop();
    const response = host.get("/");
    try std.testing.expectEqual(1, response.n_informational);
    try std.testing.expectEqual(103, response.informational[0].status);
    try std.testing.expectEqualStrings("</style.css>; rel=preload; as=style", text(response.informational[0].fields[0].value));
    try std.testing.expectEqual(200, response.status);
    try std.testing.expectEqualStrings("hello\n", text(response.body));
}
