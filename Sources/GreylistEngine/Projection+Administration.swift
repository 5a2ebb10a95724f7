internal import Addressing
internal import GreylistPolicy
internal import LinuxIO
internal import Moments
internal import RoleMessages

/// What the administrator asks of the firewall role.
extension Projection {
    /// Takes the ruleset away; it stays away until `apply`.
    func remove(waiter: Waiter) {
        isRemoved = true
        abandonOrders()
        guard link != nil else {
            released.append((waiter, .failed("the firewall role is not running; the ruleset will be taken away when it is back")))
            return
        }
        state = .removed
        let order = nextOrder()
        outstanding[order] = [waiter]
        send(.setManaged(order: order, false))
    }

    /// The administrator took the ruleset away before this engine was started.
    func wasRemoved() {
        isRemoved = true
        abandonOrders()
        if link != nil { state = .removed }
    }

    /// Loads ruleset and elements, with this text as the ruleset if there is one.
    func apply(ruleset: String?, waiter: Waiter) {
        isRemoved = false
        guard link != nil else {
            released.append((waiter, .failed("the firewall role is not running; greymoatd starts it again by itself: see its log")))
            return
        }
        if let ruleset {
            var rest = Array(ruleset.utf8)[...]
            repeat {
                let piece = rest.prefix(FirewallOrder.rulesetPieceLimit)
                rest = rest.dropFirst(piece.count)
                send(.useRuleset(Array(piece), last: rest.isEmpty))
            } while !rest.isEmpty
        }
        send(.setManaged(order: nextOrder(), true))
        failuresInARow = 0
        gatheredWaiters.append(waiter)
        beginLoad()
    }

    /// Reads an element back from the kernel; `then` hears nil when it is not there. False when there is nobody to ask.
    func read(_ set: FirewallOrder.HostSet, _ address: IPAddress, then: @escaping (UInt32?) -> Void) -> Bool {
        guard link != nil else { return false }
        let order = nextOrder()
        elementReads[order] = then
        send(.read(order: order, set, address))
        return true
    }
}
