internal import LinuxIO
internal import MetricsText
internal import Moments
internal import NIOCore
internal import NIOHTTP1

/// One connection: a request, an answer, the end.
final class HTTPConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long a request may take to arrive.
    static let requestLimit: TimeAmount = .seconds(5)
    /// How long an answer may take to be read.
    static let answerLimit: TimeAmount = .seconds(10)

    private let desk: SnapshotDesk
    private let crowd: Crowd
    private var state = State.awaitingRequest
    private var deadline: Scheduled<Void>?

    private enum State {
        case awaitingRequest
        case awaitingSnapshot
        /// The answer is on its way; nothing more is read but the end.
        case answered
    }

    init(desk: SnapshotDesk, crowd: Crowd) {
        self.desk = desk
        self.crowd = crowd
    }

    func channelActive(context: ChannelHandlerContext) {
        limit(to: Self.requestLimit, context) { $0.answer(.requestTimeout, "the request did not come within 5 seconds", $1) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        state = .answered
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state == .awaitingRequest, case .head(let head) = unwrapInboundIn(data) else { return }
        crowd.spoke(context.channel)
        guard head.uri == "/metrics" || head.uri.hasPrefix("/metrics?") else {
            return answer(.notFound, "there is nothing here but /metrics", context)
        }
        guard head.method == .GET else {
            return answer(.methodNotAllowed, "/metrics answers GET alone", allowing: "GET", context)
        }
        state = .awaitingSnapshot
        deadline?.cancel()
        let loop = context.eventLoop
        let connection = NIOLoopBound((self, context), eventLoop: loop)
        desk.ask(now: Clock.monotonic()) { answer in
            loop.execute {
                let (handler, context) = connection.value
                handler.take(answer, context)
            }
        }
    }

    private func take(_ answer: SnapshotDesk.Answer, _ context: ChannelHandlerContext) {
        guard state == .awaitingSnapshot else { return }
        switch answer {
        case .snapshot(let snapshot, let taken):
            var facts = crowd.facts
            facts.snapshotAge = max(0, Double((Clock.monotonic() - taken).wholeMilliseconds) / 1000)
            self.answer(.ok, MetricsText.write(snapshot, facts), as: MetricsText.contentType, context)
        case .unavailable(let sentence): self.answer(.serviceUnavailable, sentence, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // It has said all it will. Who waits for an answer may still get it.
        if case .some(ChannelEvent.inputClosed) = event as? ChannelEvent {
            switch state {
            case .awaitingRequest, .answered: context.close(promise: nil)
            case .awaitingSnapshot: break
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard state == .awaitingRequest else { return }
        if error is InputBudget.Exceeded || error as? HTTPParserError == .headerOverflow {
            answer(.requestHeaderFieldsTooLarge, "a request has \(InputBudget.limit) bytes at most", context)
        } else if error is HTTPParserError {
            answer(.badRequest, "this is no HTTP request", context)
        } else {
            context.close(promise: nil)
        }
    }

    private func answer(
        _ status: HTTPResponseStatus, _ text: String, as contentType: String = "text/plain; charset=utf-8", allowing methods: String? = nil,
        _ context: ChannelHandlerContext
    ) {
        guard state != .answered else { return }
        state = .answered
        crowd.spoke(context.channel)
        crowd.answered(Int(status.code))
        let body = ByteBuffer(string: status == .ok ? text : text + "\n")
        var fields: HTTPHeaders = ["Content-Type": contentType, "Content-Length": String(body.readableBytes), "Connection": "close"]
        if let methods { fields.add(name: "Allow", value: methods) }
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: fields))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        // The end is said first and the close waits for the client's: a close with its bytes unread would reset what it has not
        // read of the answer.
        let connection = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in connection.value.close(mode: .output, promise: nil) }
        limit(to: Self.answerLimit, context) { $1.close(promise: nil) }
    }

    /// Calls `body` when the time is over, unless another limit is set before.
    private func limit(
        to time: TimeAmount, _ context: ChannelHandlerContext, _ body: @escaping (HTTPConnection, ChannelHandlerContext) -> Void
    ) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time) { body(self, context) }
    }
}
