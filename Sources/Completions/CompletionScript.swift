import ArgumentParser

/// The completion script of a shell for a program, as the argument parser generates it, without the subcommand `help`
/// that it adds to every program: these programs have no subcommands.
package enum CompletionScript {
  private static let flag = "--generate-completion-script"

  /// The script that the command line requests; nil if it requests none, or one for an unknown shell.
  package static func requested(of command: any ParsableCommand.Type, _ arguments: [String]) -> String? {
    guard let position = arguments.firstIndex(where: { $0 == flag || $0.hasPrefix("\(flag)=") }) else { return nil }
    let name: String? =
      arguments[position] == flag
      ? arguments.dropFirst(position + 1).first : String(arguments[position].dropFirst(flag.count + 1))
    guard let shell = name.map({ CompletionShell(rawValue: $0) }) ?? CompletionShell.autodetected() else { return nil }
    let lines = command.completionScript(for: shell).split(separator: "\n", omittingEmptySubsequences: false)
    return Lines(lines.map(String.init), of: shell).withoutHelp.joined(separator: "\n")
  }

  /// The lines of a script.
  private struct Lines {
    private var lines: [String]
    private let shell: CompletionShell

    init(_ lines: [String], of shell: CompletionShell) {
      self.lines = lines
      self.shell = shell
    }

    var withoutHelp: [String] {
      var script = self
      switch shell {
      case .bash:
        script.remove(from: "    # Offer subcommand / subcommand argument completions", through: "    esac")
        script.remove(from: { $0.hasPrefix("_") && $0.hasSuffix("_help() {") }, through: "}")
        // After `key=` the user continues with a value.
        if let set = script.lines.firstIndex(of: "    '--set')") {
          script.lines.insert("        compopt -o nospace +o filenames 2> /dev/null", at: set + 1)
        }
      case .zsh:
        script.remove(from: "        '(-): :->command'", through: "        '(-)*:: :->arg'")
        script.remove(from: "    case \"${state}\" in", through: "    esac")
        script.remove(from: { $0.hasPrefix("_") && $0.hasSuffix("_help() {") }, through: "}")
      case .fish:
        script.remove(from: "        switch $unparsed_tokens[1]", through: "        end")
        script.lines.removeAll { $0.contains(" -fa 'help' ") }
      default: break
      }
      return script.lines
    }

    private mutating func remove(from first: String, through last: String) {
      remove(from: { $0 == first }, through: last)
    }

    private mutating func remove(from isFirst: (String) -> Bool, through last: String) {
      guard let first = lines.firstIndex(where: isFirst), let end = lines[first...].firstIndex(of: last) else { return }
      lines.removeSubrange(first...end)
    }
  }
}
