internal import CLinux

/// Whether `body` comes to its end, tried in a copy of this process, which must have no other thread. False: it would have
/// crashed this process, or run for more than ten seconds.
public func survives(_ body: () -> Void) -> Bool {
    withoutActuallyEscaping(body) { body in
        var body = body
        return withUnsafeMutablePointer(to: &body) { place in
            gm_survives({ $0!.assumingMemoryBound(to: (() -> Void).self).pointee() }, place) != 0
        }
    }
}
