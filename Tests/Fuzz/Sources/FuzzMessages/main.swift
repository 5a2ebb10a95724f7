// Messages between greymoat and the engine, and between roles: the tarpit is taken for hostile, and so is whoever holds the
// control socket. The first byte names the protocol; the rest is a stream of frames. What is understood must be understood the
// same once it is written again.
internal import CFuzzDriver
internal import ControlProtocol
internal import Glibc
internal import RoleMessages
internal import WireFormat

func read<Message: WireMessage & Equatable>(_ bytes: [UInt8], as type: Message.Type) {
    var decoder = Message.decoder()
    decoder.append(bytes)
    do throws(WireError) {
        while let frame = try decoder.next() {
            let message = try Message(decoding: frame)
            let written = message.encoded()
            precondition(written.body.count <= Message.bodyLimit, "longer than anybody would take")
            do throws(WireError) {
                let again = try Message(decoding: written)
                // NaN, of which no message has any use, is unlike itself.
                precondition(again == message || again.encoded().body == written.body, "written, it reads otherwise")
            } catch { preconditionFailure("\(message) is not read again: \(error)") }
        }
    } catch {}
}

func check(_ input: UnsafeBufferPointer<UInt8>) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    switch first % 10 {
    case 0: read(bytes, as: ControlRequest.self)
    case 1: read(bytes, as: ControlReply.self)
    case 2: read(bytes, as: TarpitReport.self)
    case 3: read(bytes, as: EngineVerdict.self)
    case 4: read(bytes, as: FirewallOrder.self)
    case 5: read(bytes, as: FirewallNotice.self)
    case 6: read(bytes, as: SupervisorOrder.self)
    case 7: read(bytes, as: RoleNotice.self)
    case 8: read(bytes, as: FetchNotice.self)
    default: read(bytes, as: MetricsReply.self)
    }
}

exit(
    gm_run_fuzzer(CommandLine.argc, CommandLine.unsafeArgv) { start, count in
        check(UnsafeBufferPointer(start: start, count: count))
        return 0
    })
