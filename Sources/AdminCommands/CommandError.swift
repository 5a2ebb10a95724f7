internal import LinuxIO
internal import WireFormat

/// How a command ends (interface.md).
enum ExitStatus {
    static let done: Int32 = 0
    static let notFound: Int32 = 1
    static let refused: Int32 = 2
    static let usage: Int32 = 64
    static let noDaemon: Int32 = 69
}

/// Why a command cannot do what it was asked: a sentence for the operator, seldom more, and the exit status.
struct CommandError: Error, Hashable {
    var sentence: String
    /// What else is wrong, a line each.
    var further: [String]
    var status: Int32

    init(_ sentence: String, further: [String] = [], status: Int32 = ExitStatus.refused) {
        self.sentence = sentence
        self.further = further
        self.status = status
    }

    init(_ error: SystemError) { self.init("\(error)") }
}
