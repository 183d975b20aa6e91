import Foundation
import HTTP
import Testing

/// One case of Tests/Corpus, whose README says what its keys mean.
struct CorpusCase: Decodable, Sendable, CustomTestStringConvertible {
  struct Expectation: Decodable, Sendable {
    var requests: [ReadRequest]?
    var status: UInt32?
    var refusal: String?
  }

  struct Settings: Decodable, Sendable {
    var requestLine, fieldSize, fields, head, chunkExtension: Int?
    var body: Int64?
    var underscores: String?

    enum CodingKeys: String, CodingKey {
      case requestLine = "limits.request_line"
      case fieldSize = "limits.field_size"
      case fields = "limits.fields"
      case head = "limits.head"
      case body = "limits.body"
      case chunkExtension = "limits.chunk_extension"
      case underscores = "http.underscore_fields"
    }
  }

  let name: String
  let note: String
  let settings: Settings?
  let data: String
  let expect: Expectation
  let closes: Bool
  /// The file's name.
  var topic = ""

  private enum CodingKeys: CodingKey { case name, note, settings, data, expect, closes }

  var testDescription: String { "\(topic): \(name)" }
  var bytes: [UInt8] { latin1(data) }

  var limits: RequestLimits {
    var limits = RequestLimits()
    guard let settings else { return limits }
    limits.requestLine = settings.requestLine ?? limits.requestLine
    limits.fieldSize = settings.fieldSize ?? limits.fieldSize
    limits.fields = settings.fields ?? limits.fields
    limits.head = settings.head ?? limits.head
    limits.body = settings.body ?? limits.body
    limits.chunkExtension = settings.chunkExtension ?? limits.chunkExtension
    return limits
  }

  var underscores: UnderscoreFields {
    switch settings?.underscores {
    case "refuse": .refuse
    case "pass": .pass
    default: .drop
    }
  }
}

extension CorpusCase {
  /// The whole corpus; empty if it cannot be read, which a test of its own would tell.
  static let all: [CorpusCase] = (try? read()) ?? []

  static func read() throws -> [CorpusCase] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let folder = tests.appending(path: "Corpus/http1")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
    return try files.flatMap { file in
      try JSONDecoder().decode([CorpusCase].self, from: Data(contentsOf: file)).map { one in
        var one = one
        one.topic = file.deletingPathExtension().lastPathComponent
        return one
      }
    }
  }
}
