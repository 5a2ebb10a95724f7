internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// HTTP/1.1 by SwiftNIO on one thread: a request a connection, and everything about it bounded.
enum HTTPServer {
    /// Starts the thread, which accepts from the listener until the process ends. `listener`: bound and listening; taken over.
    static func start(onListener listener: Int32, desk: SnapshotDesk) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let crowd = Crowd()
        let bootstrap = ServerBootstrap(group: group)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                crowd.enter(channel)
                return channel.eventLoop.makeCompletedFuture { try addHandlers(to: channel, crowd, desk) }
            }
        _ = try bootstrap.withBoundSocket(listener).wait()
    }

    private static func addHandlers(to channel: any Channel, _ crowd: Crowd, _ desk: SnapshotDesk) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = InputBudget.limit
        limits.maxHeaderListSize = InputBudget.limit
        limits.maxHeaderFieldCount = 64
        try channel.pipeline.syncOperations.addHandlers([
            InputBudget(), HTTPResponseEncoder(),
            ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)),
            HTTPConnection(desk: desk, crowd: crowd),
        ])
    }
}

/// Lets through as much as a request may have; of what comes after, some is thrown away, and then the connection.
final class InputBudget: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Bytes of a request.
    static let limit = 8192
    /// Bytes after which nobody is waited for to read his answer.
    static let patience = 1 << 20
    private var taken = 0

    struct Exceeded: Error {}

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let wasWithin = taken <= Self.limit
        taken += unwrapInboundIn(data).readableBytes
        if taken <= Self.limit {
            context.fireChannelRead(data)
        } else if wasWithin {
            context.fireErrorCaught(Exceeded())
        } else if taken > Self.patience {
            context.close(promise: nil)
        }
    }
}
