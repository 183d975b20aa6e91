//! A request with what it needs.
const std = @import("std");
const c = @import("c");
const Database = @import("Database.zig");
const range = @import("range.zig");
const upload = @import("upload.zig");
const json = @import("json.zig");

const Call = @This();

/// A [[plugin]] entry. The texts are the host's.
pub const Service = struct {
    host: *const c.outrider_host,
    database: []const u8,
    uploads: []const u8,
};

/// Why a call failed.
pub const Error = error{ OutOfMemory, Database, File };

const allocator = std.heap.c_allocator;
const max_note = 64 * 1024;
const Text = std.ArrayList(u8);

service: *const Service,
notes: *Database,
exchange: c.outrider_exchange,
head: *const c.outrider_head,
io: *const c.outrider_io,

pub fn serve(call: Call) !c.outrider_status {
    const path = slice(call.head.path);
    if (std.mem.eql(u8, path, "/notes")) {
        if (call.isGet()) return call.list();
        return if (call.has("POST")) call.add() else call.notAllowed("GET, HEAD, POST");
    }
    if (after(path, "/notes/")) |digits| {
        const id = noteID(digits) orelse return call.notFound();
        if (call.isGet()) return call.get(id);
        return if (call.has("DELETE")) call.delete(id) else call.notAllowed("GET, HEAD, DELETE");
    }
    if (std.mem.eql(u8, path, "/events")) return if (call.has("GET")) call.events() else call.notAllowed("GET");
    if (after(path, "/upload/")) |name| return if (call.has("PUT")) call.store(name) else call.notAllowed("PUT");
    return call.notFound();
}

/// Logs why the call failed. The client gets a 500.
pub fn failed(call: Call, failure: Error) c.outrider_status {
    const reason = switch (failure) {
        error.Database => call.notes.reason(),
        else => @errorName(failure),
    };
    call.service.host.log.?(call.service.host, call.exchange, c.OUTRIDER_LOG_ERROR, bytes(reason));
    return c.OUTRIDER_E_FAILED;
}

fn list(call: Call) !c.outrider_status {
    _ = c.outrider_early_hints(call.io, call.exchange, &field("link", "</notes.css>; rel=preload; as=style"), 1);
    var body: Text = .empty;
    defer body.deinit(allocator);
    try body.append(allocator, '[');
    var rows = call.notes.list();
    defer rows.reset();
    while (try rows.next()) |note| {
        if (body.items.len > 1) try body.append(allocator, ',');
        try appendNote(&body, note);
    }
    try body.append(allocator, ']');
    return call.respondJSON(200, null, body.items);
}

fn add(call: Call) !c.outrider_status {
    var content: Text = .empty;
    defer content.deinit(allocator);
    try content.ensureTotalCapacityPrecise(allocator, max_note + 1);
    while (content.items.len <= max_note) {
        var got: usize = 0;
        const room = content.unusedCapacitySlice();
        const status = call.io.read.?(call.io, call.exchange, room.ptr, room.len, &got);
        if (status < 0) return status;
        if (got == 0) break;
        content.items.len += got;
    }
    if (content.items.len > max_note) return call.respondError(413, "a note has at most 64 KiB", null);
    var arena: std.heap.ArenaAllocator = .init(allocator);
    defer arena.deinit();
    const text = json.text(arena.allocator(), content.items) orelse
        return call.respondError(400, "a note is an object with a text", null);

    const note: Database.Note = .{ .id = try call.notes.add(text), .text = text };
    var body: Text = .empty;
    defer body.deinit(allocator);
    try appendNote(&body, note);
    var place: [40]u8 = undefined;
    return call.respondJSON(201, field("location", print(&place, "/notes/{d}", .{note.id})), body.items);
}

fn get(call: Call, id: i64) !c.outrider_status {
    const text = try call.notes.get(id) orelse return call.notFound();
    defer call.notes.endGet();
    const is_ranged = call.has("GET");
    var place: [80]u8 = undefined;
    const fields = [_]c.outrider_field{field("content-type", "text/plain; charset=utf-8")};
    switch (range.read(if (is_ranged) call.value("range") else "", text.len)) {
        .satisfiable => |part| {
            const where = print(&place, "bytes {d}-{d}/{d}", .{ part.first, part.last, text.len });
            const with_range = fields ++ [_]c.outrider_field{field("content-range", where)};
            return call.respond(206, &with_range, text[part.first .. part.last + 1]);
        },
        .unsatisfiable => {
            const where = print(&place, "bytes */{d}", .{text.len});
            return call.respondError(416, "no byte of the note is within the range", field("content-range", where));
        },
        .ignored => return call.respond(200, &fields, text),
    }
}

fn delete(call: Call, id: i64) !c.outrider_status {
    return if (try call.notes.delete(id)) call.respond(204, &.{}, "") else call.notFound();
}

fn events(call: Call) !c.outrider_status {
    const fields = [_]c.outrider_field{ field("content-type", "text/event-stream"), field("cache-control", "no-cache") };
    var status = call.io.start.?(call.io, call.exchange, 200, &fields, fields.len);
    for (0..5) |i| {
        if (status < 0) break;
        if (i > 0) _ = c.usleep(200 * 1000);
        var event: [64]u8 = undefined;
        const chunk = bytes(print(&event, "data: {{\"count\":{d}}}\n\n", .{try call.notes.count()}));
        status = call.io.write.?(call.io, call.exchange, &chunk, 1);
    }
    return status;
}

fn store(call: Call, name: []const u8) !c.outrider_status {
    if (!upload.isName(name)) return call.respondError(400, "no file may have this name", null);
    var total: u64 = 0;
    const status = try upload.receive(call, name, &total);
    if (status < 0) return status;
    var body: [64]u8 = undefined;
    return call.respondJSON(201, null, print(&body, "{{\"bytes\":{d}}}", .{total}));
}

fn appendNote(body: *Text, note: Database.Note) !void {
    var begin: [48]u8 = undefined;
    try body.appendSlice(allocator, print(&begin, "{{\"id\":{d},\"text\":", .{note.id}));
    try json.appendQuoted(allocator, body, note.text);
    try body.append(allocator, '}');
}

fn respond(call: Call, status: u32, fields: []const c.outrider_field, body: []const u8) c.outrider_status {
    return call.io.respond.?(call.io, call.exchange, status, fields.ptr, fields.len, bytes(body));
}

fn respondJSON(call: Call, status: u32, more: ?c.outrider_field, body: []const u8) c.outrider_status {
    const media_type = field("content-type", "application/json");
    return call.respond(status, if (more) |other| &.{ media_type, other } else &.{media_type}, body);
}

fn respondError(call: Call, status: u32, comptime reason: []const u8, more: ?c.outrider_field) c.outrider_status {
    return call.respondJSON(status, more, "{\"error\":\"" ++ reason ++ "\"}");
}

fn notFound(call: Call) c.outrider_status {
    return call.respondError(404, "not found", null);
}

fn notAllowed(call: Call, comptime methods: []const u8) c.outrider_status {
    return call.respondError(405, "method not allowed", field("allow", methods));
}

fn has(call: Call, method: []const u8) bool {
    return std.mem.eql(u8, slice(call.head.method), method);
}

fn isGet(call: Call) bool {
    return call.has("GET") or call.has("HEAD");
}

/// The value of the last field of that name, or "".
fn value(call: Call, name: []const u8) []const u8 {
    var found: []const u8 = "";
    if (call.head.n_fields > 0) for (call.head.fields[0..call.head.n_fields]) |line| {
        if (std.ascii.eqlIgnoreCase(slice(line.name), name)) found = slice(line.value);
    };
    return found;
}

/// What follows the prefix; null if the path does not begin with it.
fn after(path: []const u8, prefix: []const u8) ?[]const u8 {
    return if (std.mem.startsWith(u8, path, prefix)) path[prefix.len..] else null;
}

/// The id that a path ends with; null if it is none.
fn noteID(digits: []const u8) ?i64 {
    for (digits) |digit| if (!std.ascii.isDigit(digit)) return null;
    const id = std.fmt.parseInt(i64, digits, 10) catch return null;
    return if (id == 0) null else id;
}

/// Formats into a buffer, which has room for every number.
fn print(buffer: []u8, comptime format: []const u8, arguments: anytype) []const u8 {
    return std.fmt.bufPrint(buffer, format, arguments) catch unreachable;
}

fn field(name: []const u8, content: []const u8) c.outrider_field {
    return .{ .name = bytes(name), .value = bytes(content) };
}

fn bytes(text: []const u8) c.outrider_bytes {
    return .{ .data = text.ptr, .size = text.len };
}

fn slice(text: c.outrider_bytes) []const u8 {
    return if (text.size == 0) "" else text.data[0..text.size];
}
