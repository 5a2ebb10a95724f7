import Foundation
import LinuxIO
import RoleMessages
import TestSupport
import WireFormat

/// One run of the real `greymoat-fetch`, with the test in the places of supervisor and engine.
final class FetchRun {
    let process: LabProcess
    private let supervisor: PacketChannel
    private let engine: FileDescriptor
    private var decoder = FetchNotice.decoder()

    /// What came over the stream until its end.
    struct Report {
        var bytes: [UInt8] = []
        var outcome: FetchNotice.Outcome?
        var chunks = 0

        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("greymoat-fetch").path

    init(_ order: FetchOrder, on host: LabHost? = nil) throws {
        let channel = try FileDescriptor.socketPair(.packets)
        let stream = try FileDescriptor.socketPair(.stream)
        let packets = try channel.first.duplicate()
        let roleEnd = try channel.second.duplicate()
        engine = try stream.first.duplicate()
        let fetchEnd = try stream.second.duplicate()
        supervisor = PacketChannel(packets)
        try supervisor.send(SupervisorOrder.start(.fetch(order)).packet(), descriptors: [fetchEnd.number])
        if let host {
            process = try host.spawn([Self.program], descriptors: [roleEnd.number])
        } else {
            process = try LabProcess([Self.program], descriptors: [roleEnd.number])
        }
    }

    static func report(_ source: FetchOrder.Source, on host: LabHost? = nil, _ change: (inout FetchOrder) -> Void = { _ in }) throws
        -> Report
    {
        var order = FetchOrder(source: source)
        order.timeLimit = .seconds(20)
        change(&order)
        return try FetchRun(order, on: host).report()
    }

    /// Reads until the stream ends.
    func report() throws -> Report {
        var report = Report()
        while let notice = try next() {
            switch notice {
            case .bytes(let bytes):
                report.bytes += bytes
                report.chunks += 1
            case .finished(let outcome): report.outcome = outcome
            }
        }
        return report
    }

    /// The next notice, nil at the end of the stream.
    func next() throws -> FetchNotice? {
        while true {
            if let frame = try decoder.next() { return try FetchNotice(decoding: frame) }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = try buffer.withUnsafeMutableBytes { try engine.read(into: $0) } ?? 0
            if count == 0 { return nil }
            decoder.append(buffer[..<count])
        }
    }

    /// The role's first words to its supervisor.
    func ready() throws -> RoleNotice? {
        guard let (bytes, _) = try supervisor.receive(), !bytes.isEmpty else { return nil }
        return try RoleNotice(packet: bytes)
    }

    func stop() throws { try supervisor.send(SupervisorOrder.stop.packet()) }
}

/// A directory that goes with the test.
final class Scratch {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("greymoat-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ bytes: some Sequence<UInt8>, mode: Int = 0o644) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    func script(_ name: String, _ text: String) throws -> String { try write(name, "#!/bin/sh\n\(text)\n".utf8, mode: 0o755) }
}

/// gzip(1) on bytes.
func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    let scratch = try Scratch()
    let file = try scratch.write("x", bytes)
    let process = try LabProcess(["gzip", "-n", file])
    guard process.waitForExit() == 0 else { throw LabError("gzip failed: \(process.log)") }
    return Array(try Data(contentsOf: URL(fileURLWithPath: file + ".gz")))
}
