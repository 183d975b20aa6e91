// Parses a browser's request as often as told, for callgrind: the difference between two runs of different length is
// the cost of the parses between them.
import HTTP

let request: StaticString = """
  GET /articles/2026/11/early-hints.html?ref=home HTTP/1.1\r
  Host: www.example.org\r
  User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0\r
  Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
  Accept-Language: en-US,en;q=0.5\r
  Accept-Encoding: gzip, deflate, br, zstd\r
  Referer: https://www.example.org/\r
  DNT: 1\r
  Connection: keep-alive\r
  Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1\r
  Upgrade-Insecure-Requests: 1\r
  Sec-Fetch-Dest: document\r
  Sec-Fetch-Mode: navigate\r
  Sec-Fetch-Site: same-origin\r
  Priority: u=0, i\r
  Cache-Control: max-age=0\r
  \r

  """

let rounds = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 0 : 0
let limits = RequestLimits()
let storage = UnsafeMutablePointer<Field>.allocate(capacity: limits.fields)
var parser = unsafe RequestHeadParser(limits: limits, underscores: .drop, storage: storage)
var complete = 0
for _ in 0..<rounds {
  parser.reset()
  if case .complete(let length) = unsafe parser.parse(request.utf8Start, count: request.utf8CodeUnitCount),
    length == request.utf8CodeUnitCount, parser.head.fields.count == 15
  {
    complete += 1
  }
}
guard complete == rounds else { fatalError("the request was not read") }
