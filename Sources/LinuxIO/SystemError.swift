internal import Glibc

/// A system call that failed: what we were doing, and errno.
public struct SystemError: Error, Hashable, Sendable {
    /// What was being done, in words that complete "cannot …".
    public let operation: String
    public let code: Int32

    public init(_ operation: String, code: Int32) {
        self.operation = operation
        self.code = code
    }

    /// The error the last call left in errno.
    public static func last(_ operation: String) -> SystemError { SystemError(operation, code: errno) }

    /// errno's text, as strerror(3) has it.
    public var reason: String { String(cString: strerror(code)) }

    public var wouldBlock: Bool { code == EAGAIN || code == EWOULDBLOCK }
}

extension SystemError: CustomStringConvertible {
    public var description: String { "cannot \(operation): \(reason)" }
}

/// Calls `body` until it does not end in EINTR; a negative result throws. The one place where EINTR is retried.
@discardableResult
public func retrying<Result: SignedInteger>(
    _ operation: @autoclosure () -> String, _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        if errno != EINTR { throw .last(operation()) }
    }
}
