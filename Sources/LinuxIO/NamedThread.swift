internal import CLinux
internal import Glibc

/// A thread of its own beside a role's loop. Roles have few, and each has a name that `ps -L` shows.
public struct NamedThread: ~Copyable {
    private let thread: pthread_t

    /// Starts `body` on a new thread. `name`: at most 15 bytes are shown.
    public init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                gm_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw SystemError("start the \(name) thread", code: code)
        }
        self.thread = thread
    }

    /// Waits until the thread's body has returned.
    public consuming func join() {
        pthread_join(thread, nil)
        discard self
    }

    /// Nobody waits for it: its stack goes when it ends, and would stay for ever otherwise.
    deinit { pthread_detach(thread) }

    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
