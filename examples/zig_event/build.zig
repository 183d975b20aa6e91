//! zig build: the plugin, below the prefix.    zig build test: its tests, without a server.
const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});

    const plugin = b.createModule(.{ .root_source_file = b.path("src/hello.zig"), .target = target, .optimize = optimize });
    plugin.addImport("outrider", header(b, "src/outrider.h", target, optimize));
    b.installArtifact(b.addLibrary(.{ .name = "hello", .linkage = .dynamic, .root_module = plugin }));

    const tests = b.createModule(.{ .root_source_file = b.path("tests/test_hello.zig"), .target = target, .optimize = optimize });
    tests.addImport("plugin", plugin);
    tests.addImport("testing", header(b, "tests/testing.h", target, optimize));
    tests.linkSystemLibrary("outrider-testing", .{ .use_pkg_config = .force });
    b.step("test", "Test the plugin in the mock host").dependOn(&b.addRunArtifact(b.addTest(.{ .root_module = tests })).step);
}

/// The declarations of a C header, translated, which finds those of the installed Outrider.
fn header(b: *std.Build, path: []const u8, target: std.Build.ResolvedTarget, optimize: anytype) *std.Build.Module {
    const include = b.run(&.{ "pkg-config", "--variable=includedir", "outrider-plugin" });
    const translated = b.addTranslateC(.{ .root_source_file = b.path(path), .target = target, .optimize = optimize });
    translated.addIncludePath(.{ .cwd_relative = std.mem.trim(u8, include, " \n") });
    return translated.createModule();
}
