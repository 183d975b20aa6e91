const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});

    const include = b.run(&.{ "pkg-config", "--variable=includedir", "outrider-plugin" });
    const headers = b.addTranslateC(.{ .root_source_file = b.path("src/headers.h"), .target = target, .optimize = optimize });
    headers.addIncludePath(.{ .cwd_relative = std.mem.trim(u8, include, " \n") });

    const plugin = b.createModule(.{ .root_source_file = b.path("src/notes.zig"), .target = target, .optimize = optimize });
    plugin.addImport("c", headers.createModule());
    plugin.linkSystemLibrary("sqlite3", .{});
    b.installArtifact(b.addLibrary(.{ .name = "notes", .linkage = .dynamic, .root_module = plugin }));
}
