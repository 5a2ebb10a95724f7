import Foundation
import TestSupport
import Testing

/// What the process that strangers meet is linked with. Swift concurrency, Dispatch and Foundation start threads that open files,
/// which its sandbox answers with death.
@Suite struct LinkageTests {
    private static let allowed: Set<String> = [
        "libswiftCore.so", "libswiftGlibc.so", "libseccomp.so.2", "libssl.so.3", "libcrypto.so.3", "libc.so.6", "libm.so.6",
        // What debug builds need besides.
        "libswiftSwiftOnoneSupport.so",
        // Parts of the C library and the compiler's runtime, where they are files of their own.
        "libpthread.so.0", "libdl.so.2", "librt.so.1", "libresolv.so.2", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
    ]

    @Test(.disabled(if: Sanitizer.isOn, "a sanitizer brings libraries of its own"))
    func needsNamedLibrariesAlone() throws {
        let image = try ELFImage(path: Program.path)
        #expect(image.needed.contains("libswiftCore.so"))
        #expect(Set(image.needed).subtracting(Self.allowed).isEmpty, "\(image.needed)")
    }

    @Test(.disabled(if: Sanitizer.isOn, "a sanitizer brings names of its own"))
    func namesNoSymbolOfWhatItMustNotUse() throws {
        let image = try ELFImage(path: Program.path)
        #expect(image.names.contains { $0.hasPrefix("swift_retain") })
        for forbidden in ["dispatch_", "swift_task_", "Foundation", "swift_concurrency", "getaddrinfo"] {
            #expect(!image.names.contains { $0.contains(forbidden) }, "\(forbidden)")
        }
    }
}

/// As much of a 64-bit little-endian ELF file as tells what it is linked with.
private struct ELFImage {
    /// DT_NEEDED.
    private(set) var needed: [String] = []
    /// Every name in the dynamic string table.
    private(set) var names: [String] = []

    private struct Fault: Error {}

    init(path: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        func number<Value: FixedWidthInteger>(_ offset: Int, _ type: Value.Type) -> Int {
            Int(bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) })
        }
        guard bytes.prefix(6) == [0x7F, 0x45, 0x4C, 0x46, 2, 1] else { throw Fault() }
        let sections = number(40, UInt64.self)
        let sectionSize = number(58, UInt16.self)
        for index in 0..<number(60, UInt16.self) {
            let header = sections + index * sectionSize
            guard number(header + 4, UInt32.self) == 6 else { continue }  // SHT_DYNAMIC
            let strings = sections + number(header + 40, UInt32.self) * sectionSize
            let table = bytes[number(strings + 24, UInt64.self)...].prefix(number(strings + 32, UInt64.self))
            names = table.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            let start = number(header + 24, UInt64.self)
            for entry in stride(from: start, to: start + number(header + 32, UInt64.self), by: 16) where number(entry, UInt64.self) == 1 {
                needed.append(
                    String(decoding: table[(table.startIndex + number(entry + 8, UInt64.self))...].prefix { $0 != 0 }, as: UTF8.self))
            }
            return
        }
        throw Fault()
    }
}
