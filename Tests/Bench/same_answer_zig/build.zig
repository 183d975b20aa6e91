//! Builds the plugin in both styles, with the header in -Dinclude=FOLDER.
const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const include = b.option([]const u8, "include", "the folder of outrider.h").?;

    const header = b.addTranslateC(.{ .root_source_file = b.path("outrider.h"), .target = target, .optimize = optimize });
    header.addIncludePath(.{ .cwd_relative = include });
    for ([_][]const u8{ "blocking", "event" }) |style| {
        const options = b.addOptions();
        options.addOption(bool, "event_style", std.mem.eql(u8, style, "event"));
        const plugin = b.createModule(.{ .root_source_file = b.path("same_answer.zig"), .target = target, .optimize = optimize });
        plugin.addImport("outrider", header.createModule());
        plugin.addOptions("options", options);
        b.installArtifact(b.addLibrary(.{ .name = b.fmt("same_answer_zig_{s}", .{style}), .linkage = .dynamic, .root_module = plugin }));
    }
}
