internal import Moments

/// RFC 5322 §3.3 date-time in UTC, such as `Sat, 21 Nov 2026 06:37:53 +0000`.
enum MailDate {
    private static let days: [StaticString] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds a mail date can show: years 0000 to 9999.
    private static let range: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

    static func append(_ time: UnixTime, to output: inout [UInt8]) {
        let seconds = min(max(time.seconds, range.lowerBound), range.upperBound)
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let second = seconds - day * 86_400
        let (year, month, dayOfMonth) = civil(fromDay: day)
        append(days[Int(((day % 7) + 7) % 7)], to: &output)
        output += [UInt8(ascii: ","), UInt8(ascii: " ")]
        // RFC 5322 allows one digit or two; two keep the banner's length the same all month.
        append(dayOfMonth, width: 2, to: &output)
        output.append(UInt8(ascii: " "))
        append(months[Int(month) - 1], to: &output)
        output.append(UInt8(ascii: " "))
        append(year, width: 4, to: &output)
        output.append(UInt8(ascii: " "))
        append(second / 3600, width: 2, to: &output)
        output.append(UInt8(ascii: ":"))
        append(second / 60 % 60, width: 2, to: &output)
        output.append(UInt8(ascii: ":"))
        append(second % 60, width: 2, to: &output)
        append(" +0000", to: &output)
    }

    /// The Gregorian date of a day counted from 1970-01-01. Years are counted from 1 March, so that the leap day is a
    /// year's last and 400 years are one cycle of 146,097 days.
    private static func civil(fromDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let cycle = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfCycle = shifted - cycle * 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private static func append(_ text: StaticString, to output: inout [UInt8]) {
        output.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func append(_ number: Int64, width: Int, to output: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            output.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
