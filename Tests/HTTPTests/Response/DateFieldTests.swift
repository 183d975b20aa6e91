import HTTP
import Testing

@Suite struct DateFieldTests {
  private func date(_ seconds: Int64) -> String {
    var field = DateField()
    field.update(seconds)
    return text(field.value)
  }

  @Test(
    arguments: [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (1, "Thu, 01 Jan 1970 00:00:01 GMT"),
      (86_399, "Thu, 01 Jan 1970 23:59:59 GMT"),
      (86_400, "Fri, 02 Jan 1970 00:00:00 GMT"),
      (68_169_600, "Tue, 29 Feb 1972 00:00:00 GMT"),
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
      (946_684_799, "Fri, 31 Dec 1999 23:59:59 GMT"),
      (946_684_800, "Sat, 01 Jan 2000 00:00:00 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
      (1_000_000_000, "Sun, 09 Sep 2001 01:46:40 GMT"),
      (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
      (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"),
      (2_147_483_647, "Tue, 19 Jan 2038 03:14:07 GMT"),
      (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"),
      (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
      (4_294_967_296, "Sun, 07 Feb 2106 06:28:16 GMT"),
      (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] as [(Int64, String)])
  func knownDates(seconds: Int64, expected: String) {
    #expect(date(seconds) == expected)
  }

  /// Every day of 1970 to 2400, against a calendar that counts them one by one.
  @Test func everyDay() {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    var field = DateField()
    var day = 0
    for year in 1970...2400 {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for month in 0..<12 {
        for dayOfMonth in 1...(lengths[month] + (month == 1 && isLeap ? 1 : 0)) {
          let (hour, minute, second) = (day % 24, day % 60, day * 7 % 60)
          field.update(Int64(day * 86_400 + hour * 3600 + minute * 60 + second))
          let expected = """
            \(weekdays[day % 7]), \(two(dayOfMonth)) \(months[month]) \(year) \(two(hour)):\(two(minute)):\(two(second)) GMT
            """
          if text(field.value) != expected { Issue.record("\(text(field.value)) instead of \(expected)") }
          day += 1
        }
      }
    }
  }

  private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  @Test func goesOnAndBack() {
    var field = DateField()
    field.update(784_111_777)
    field.update(784_111_777)
    #expect(text(field.value) == "Sun, 06 Nov 1994 08:49:37 GMT")
    field.update(784_111_778)
    #expect(text(field.value) == "Sun, 06 Nov 1994 08:49:38 GMT")
    field.update(784_111_777)
    #expect(text(field.value) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(field.value.count == DateField.length)
  }
}
