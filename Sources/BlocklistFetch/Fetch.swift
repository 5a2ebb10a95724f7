internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import Sandbox

/// One fetch: the source's bytes go to the engine as they come, then how it ended.
struct Fetch: ~Copyable {
    private let order: FetchOrder
    private let link: FetchLink
    private var decoder: SourceDecoder

    init(_ order: FetchOrder, link: consuming FetchLink) {
        self.order = order
        self.link = link
        decoder = SourceDecoder(byteLimit: order.byteLimit, chunkLimit: FetchNotice.chunkLimit)
    }

    mutating func run() {
        var outcome: FetchNotice.Outcome
        do throws(FetchError) { outcome = try fetch() } catch {
            guard case .failed(let sentence) = error else { return }
            outcome = .failed(sentence)
        }
        // Abandoned at the very end: nobody is left to care.
        do throws(FetchError) { try link.send(.finished(outcome)) } catch {}
    }

    private mutating func fetch() throws(FetchError) -> FetchNotice.Outcome {
        switch order.source {
        case .file(let path): try read(path)
        case .url(let url): try curl(url)
        case .command(let words): try run(words)
        }
    }

    private mutating func read(_ path: String) throws(FetchError) -> FetchNotice.Outcome {
        // Not blocking: a named pipe must not hold us.
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else {
            let advice = errno == EACCES ? "; the user greymoat-fetch needs the right to read it" : ""
            throw .failed("cannot be read: \(SystemError.last("").reason)\(advice)")
        }
        let file = FileDescriptor(owning: number)
        var status = stat()
        guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw .failed("is no regular file") }
        let tag = Self.tag(of: status)
        if tag == order.entityTag { return .notModified }
        while let bytes = try Self.bytes(from: file) { try pass(bytes) }
        try passLast()
        return .complete(entityTag: tag, lastModified: "")
    }

    private mutating func curl(_ url: String) throws(FetchError) -> FetchNotice.Outcome {
        let program = try ChildProgram(CurlCommand(url, order).arguments, withHeaders: true)
        let status = try passOutput(of: program)
        guard status == .exited(0) else {
            // `curl: (6) Could not resolve host: lists.example`
            let words = program.lastErrorLine.utf8.drop { $0 != UInt8(ascii: ")") }.dropFirst(2)
            let reason = words.isEmpty ? program.lastErrorLine : String(Substring(words))
            throw .failed("could not be fetched: \(reason.isEmpty ? "curl \(status)" : reason)")
        }
        let headers = CurlHeaders(program.headerText)
        if headers.status == 304 { return .notModified }
        try passLast()
        return .complete(entityTag: headers.entityTag, lastModified: headers.lastModified)
    }

    private mutating func run(_ words: [String]) throws(FetchError) -> FetchNotice.Outcome {
        let program = try ChildProgram(words)
        let status = try passOutput(of: program)
        guard status == .exited(0) else {
            let reason = program.lastErrorLine
            throw .failed("\(status)\(reason.isEmpty ? "" : ": \(reason)")")
        }
        try passLast()
        return .complete(entityTag: "", lastModified: "")
    }

    /// Passes a program's output on until it ends, then waits for the program's own end.
    private mutating func passOutput(of program: ChildProgram) throws(FetchError) -> ExitStatus {
        var isOpen = true
        while isOpen {
            var watched = [program.output.number]
            if let number = program.errorNumber { watched.append(number) }
            if let number = program.headerNumber { watched.append(number) }
            try link.wait(readable: watched)
            program.drain()
            guard link.isReadable(program.output.number) else { continue }
            guard let bytes = try Self.bytes(from: program.output) else {
                isOpen = false
                continue
            }
            try pass(bytes)
        }
        while true {
            program.drain()
            if let status = try program.status() { return status }
            try link.pause()
        }
    }

    private mutating func pass(_ bytes: [UInt8]) throws(FetchError) {
        try decoder.feed(bytes)
        while let piece = try decoder.next() { try link.send(.bytes(piece)) }
    }

    private mutating func passLast() throws(FetchError) {
        let piece = try decoder.finish()
        if !piece.isEmpty { try link.send(.bytes(piece)) }
    }

    /// nil at the end.
    private static func bytes(from descriptor: borrowing FileDescriptor) throws(FetchError) -> [UInt8]? {
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            do throws(SystemError) { count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer)) ?? 0 } catch {
                failure = error
            }
        }
        if let failure { throw .failed("cannot be read to its end: \(failure.reason)") }
        return bytes.isEmpty ? nil : bytes
    }

    /// A file's stand-in for an entity tag: what changes whenever its contents do.
    private static func tag(of status: stat) -> String {
        let changed = status.st_ctim
        return "file-\(status.st_dev)-\(status.st_ino)-\(status.st_size)-\(changed.tv_sec).\(changed.tv_nsec)"
    }
}
