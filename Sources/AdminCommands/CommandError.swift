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

/// Why a command cannot do what it was asked: one sentence for the operator, and the exit status.
struct CommandError: Error, Hashable {
    var sentence: String
    var status: Int32

    init(_ sentence: String, status: Int32 = ExitStatus.refused) {
        self.sentence = sentence
        self.status = status
    }

    init(_ error: SystemError) { self.init("\(error)") }
}
