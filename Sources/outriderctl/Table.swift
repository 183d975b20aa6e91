import PluginHost

/// Aligned columns of text; the first row has the titles.
struct Table {
  private var rows: [[String]]

  init(_ header: String...) { rows = [header] }

  /// Control characters in cells are escaped: their text may come from plugins or clients.
  mutating func add(_ cells: String...) { rows.append(cells.map { LogText.escaped(Array($0.utf8)) }) }

  var text: String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
      let line = cells.joined(separator: "  ")
      return String(line[..<(line.lastIndex { $0 != " " }.map { line.index(after: $0) } ?? line.startIndex)])
    }.joined(separator: "\n")
  }
}
