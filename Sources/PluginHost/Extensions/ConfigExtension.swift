import COutrider
import HTTP

/// `outrider.config/1`: typed reads of `[plugin.config]`, and errors reported at its keys.
extension Extensions {
  static let config = unsafe Extension(
    "outrider.config/1",
    outrider_config(
      size: 0, reserved: 0,
      find: { unsafe ConfigValues.find($0, $1, $2) },
      type: { unsafe ConfigValues.item($0, $1)?.value.type ?? 0 },
      count: { UInt32(clamping: unsafe ConfigValues.item($0, $1)?.children.count ?? 0) },
      at: { unsafe ConfigValues.child($0, $1, $2) },
      key: { unsafe ConfigValues.item($0, $1)?.key.abi ?? outrider_bytes() },
      text: { unsafe ConfigValues.item($0, $1)?.text.abi ?? outrider_bytes() },
      integer: { unsafe ConfigValues.item($0, $1)?.value.integer ?? 0 },
      number: { unsafe ConfigValues.item($0, $1)?.value.number ?? 0 },
      date: { unsafe ConfigValues.date($0, $1, $2) },
      folder: { unsafe HostTable.plugin($0)?.record.configuration.folder.abi ?? outrider_bytes() },
      error: { unsafe ConfigErrors.add($0, $1, $2, $3) },
      expect: { unsafe ConfigErrors.expect($0, $1, $2, $3) }))
}

/// Looks up values by number, which is the index plus 1.
enum ConfigValues {
  static func item(_ host: UnsafePointer<outrider_host>?, _ value: UInt32) -> PluginConfigurationItem? {
    guard value > 0, let items = unsafe HostTable.plugin(host)?.record.configuration.items,
      items.indices.contains(Int(value) - 1)
    else { return nil }
    return items[Int(value) - 1]
  }

  static func find(_ host: UnsafePointer<outrider_host>?, _ table: UInt32, _ key: UnsafePointer<CChar>?) -> UInt32 {
    guard let key = unsafe key, let items = unsafe HostTable.plugin(host)?.record.configuration.items,
      case .table(let range)? = unsafe item(host, table)?.value
    else { return 0 }
    let wanted = unsafe Bytes(cString: key)
    for place in range where items[place].key.equals(wanted) { return UInt32(place + 1) }
    return 0
  }

  static func child(_ host: UnsafePointer<outrider_host>?, _ value: UInt32, _ index: UInt32) -> UInt32 {
    guard let range = unsafe item(host, value)?.children, index < range.count else { return 0 }
    return UInt32(range.lowerBound + Int(index) + 1)
  }

  static func date(
    _ host: UnsafePointer<outrider_host>?, _ value: UInt32, _ date: UnsafeMutablePointer<outrider_config_date>?
  ) -> outrider_status {
    guard let date = unsafe date, unsafe date.pointee.size >= OUTRIDER_CONFIG_DATE_SIZE_1_0,
      let item = unsafe item(host, value), case .date(let text) = item.value, let parsed = ConfigDate(text)
    else { return CallStatus.invalid.rawValue }
    var filled = parsed.abi
    filled.size = unsafe date.pointee.size
    unsafe ABI.fill(date, size: Int(filled.size), with: filled)
    return CallStatus.ok.rawValue
  }
}

extension PluginConfigurationItem.Value {
  fileprivate var type: UInt32 {
    switch self {
    case .table: OUTRIDER_CONFIG_TABLE
    case .array: OUTRIDER_CONFIG_ARRAY
    case .string: OUTRIDER_CONFIG_STRING
    case .integer: OUTRIDER_CONFIG_INTEGER
    case .float: OUTRIDER_CONFIG_FLOAT
    case .boolean: OUTRIDER_CONFIG_BOOLEAN
    case .date: OUTRIDER_CONFIG_DATE
    }
  }

  fileprivate var integer: Int64 {
    switch self {
    case .integer(let number): number
    case .boolean(let truth): truth ? 1 : 0
    default: 0
    }
  }

  fileprivate var number: Double {
    switch self {
    case .float(let number): number
    case .integer(let number): Double(number)
    default: 0
    }
  }
}
