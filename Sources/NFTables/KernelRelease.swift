internal import Glibc

extension NFTBatch.Renewal {
    /// By the running kernel's release, as uname(2) tells it. When in doubt, what works everywhere.
    public static let ofThisKernel: Self = {
        var names = utsname()
        guard uname(&names) == 0 else { return .replacing }
        return of(kernelRelease: withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }()

    static func of(kernelRelease release: String) -> Self {
        let numbers = release.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
        guard release.first?.isNumber == true, numbers.count == 2 else { return .replacing }
        return (numbers[0], numbers[1]) >= (6, 12) ? .inPlace : .replacing
    }
}
