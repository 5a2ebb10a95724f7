/// What `nft -t -j list ruleset` lists, as far as the check looks at it.
struct RulesetListing {
    struct Table: Hashable {
        var family: String
        var name: String
        var title: String { "table \(family) \(name)" }
    }

    struct Chain: Hashable {
        var table: Table
        var name: String
        /// nil for a chain that is only jumped to.
        var hook: String?
        var type: String?
        var priority: Int?
        var policy: String?
        var title: String { "chain \(name) of \(table.title)" }
    }

    struct Rule {
        var table: Table
        var chain: String
        var statements: [JSONNode]
    }

    private(set) var tables: [Table] = []
    private(set) var chains: [Chain] = []
    private(set) var rules: [Rule] = []
    private(set) var sets: [Table: Set<String>] = [:]

    init(json text: String) throws(JSONNode.Fault) {
        guard case .array(let items)? = try JSONNode(parsing: text)["nftables"] else { throw JSONNode.Fault(offset: 0) }
        for item in items {
            if let table = item["table"] { tables.append(Table(family: table["family"]?.text ?? "", name: table["name"]?.text ?? "")) }
            if let chain = item["chain"] {
                chains.append(
                    Chain(
                        table: Self.table(chain), name: chain["name"]?.text ?? "", hook: chain["hook"]?.text, type: chain["type"]?.text,
                        priority: chain["prio"]?.integer, policy: chain["policy"]?.text))
            }
            if let rule = item["rule"] {
                rules += Self.plain(Rule(table: Self.table(rule), chain: rule["chain"]?.text ?? "", statements: rule["expr"]?.items ?? []))
            }
            if let set = item["set"] { sets[Self.table(set), default: []].insert(set["name"]?.text ?? "") }
        }
    }

    private static func table(_ node: JSONNode) -> Table {
        Table(family: node["family"]?.text ?? "", name: node["table"]?.text ?? "")
    }

    /// A rule with a verdict map as the rules it stands for, one for each element; any other as it is. What a named map holds is not
    /// listed: one that asks for the port is taken to accept, any other for a match that nobody knows.
    private static func plain(_ rule: Rule) -> [Rule] {
        guard let place = rule.statements.firstIndex(where: { $0["vmap"] != nil }), let map = rule.statements[place]["vmap"],
            let key = map["key"], let data = map["data"]
        else { return [rule] }
        func with(_ right: JSONNode, _ verdict: JSONNode) -> Rule {
            let match = JSONNode.object(["match": .object(["op": .string("=="), "left": key, "right": right])])
            var plain = rule
            plain.statements.replaceSubrange(place...place, with: [match, verdict])
            return plain
        }
        guard data.text == nil else {
            let accepting = with(data, .object(["accept": .null]))
            return accepting.namesPorts ? [accepting] : [accepting.hiding("vmap")]
        }
        return (data["set"]?.items ?? []).compactMap { $0.items.count == 2 ? with($0.items[0], $0.items[1]) : nil }
    }

    func rules(of table: Table, chain: String) -> [Rule] { rules.filter { $0.table == table && $0.chain == chain } }
    func rules(of table: Table) -> [Rule] { rules.filter { $0.table == table } }
}

extension RulesetListing.Rule {
    /// The statement of this kind, if the rule has one; a bare one (`accept`) is null.
    func statement(_ kind: String) -> JSONNode? {
        for statement in statements {
            if let body = statement[kind] { return body }
            if statement.text == kind { return .null }
        }
        return nil
    }

    private typealias Match = (left: JSONNode, right: JSONNode, operator: String)

    /// Matches of the rule: the left side's key, the right side, and how they are compared.
    private var matches: [Match] {
        statements.compactMap { statement in
            guard let match = statement["match"], let left = match["left"], let right = match["right"] else { return nil }
            // `x & y == y` asks for a flag as `x y` does.
            if let both = left["&"]?.items, both.count == 2, both[1] == right, match["op"]?.text == "==" { return (both[0], right, "in") }
            return (left, right, match["op"]?.text ?? "==")
        }
    }

    /// Whether it is for everything but what stands on its right side.
    private static func isNegated(_ match: Match) -> Bool { ["!=", "!"].contains(match.operator) }

    /// Statements that hold for some packets only.
    private static let conditions = ["limit", "quota", "ct count", "set", "meter"]

    /// Whether it has no condition at all.
    var isUnconditional: Bool { matches.isEmpty && !hasHiddenMatch && Self.conditions.allSatisfy { statement($0) == nil } }

    /// The same with a match that is not listed.
    func hiding(_ name: String) -> Self {
        var rule = self
        rule.statements.append(.object(["xt": .object(["type": .string("match"), "name": .string(name)])]))
        return rule
    }

    /// Whether it has a match of iptables' own, of which nft lists no more than the name, and some versions not even that. A comment
    /// is one to iptables, and matches everything.
    var hasHiddenMatch: Bool {
        statements.contains { statement in
            guard let own = statement["xt"] else { return false }
            return own["type"]?.text != "target" && own["name"]?.text != "comment"
        }
    }

    /// Whether it drops or rejects, in nft's words or in those of iptables.
    var refuses: Bool {
        statement("drop") != nil || statement("reject") != nil || statements.contains { $0["xt"]?["name"]?.text == "REJECT" }
    }

    /// Whether TCP can pass its matches on the protocol.
    var admitsTCP: Bool { matches.allSatisfy { Self.admitsTCP($0) ?? true } }

    /// Whether a segment to this TCP port can pass its matches on ports; other matches are taken to fit.
    func admits(port: Int) -> Bool { matches.allSatisfy { Self.admits($0, port) ?? true } }

    /// Whether it names this destination port.
    func names(port: Int) -> Bool { matches.contains { Self.admits($0, port) == true } }

    /// Whether it looks at destination ports at all.
    var namesPorts: Bool { matches.contains { Self.admits($0, 0) != nil } }

    /// nil: the match is on nothing that tells the protocol.
    private static func admitsTCP(_ match: Match) -> Bool? {
        let payload = match.left["payload"]
        let field = payload?["field"]?.text
        guard match.left["meta"]?["key"]?.text == "l4proto" || field == "protocol" || field == "nexthdr" else {
            return payload?["protocol"]?.text.flatMap { otherProtocols.contains($0) ? false : nil }
        }
        let names = match.right.text.map { [$0] } ?? match.right["set"]?.items.compactMap(\.text) ?? []
        guard !names.isEmpty, !names[0].hasPrefix("@") else { return nil }
        return names.contains("tcp") != isNegated(match)
    }

    /// A rule that looks into the header of one of these is not for TCP.
    private static let otherProtocols: Set = ["udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "ah", "esp", "comp", "gre"]

    /// nil: the match is not on the destination port.
    private static func admits(_ match: Match, _ port: Int) -> Bool? {
        if let lefts = match.left["concat"]?.items { return admitsJoined(lefts, match, port) }
        guard match.left["payload"]?["field"]?.text == "dport" else { return nil }
        guard let bound = match.right.integer else { return contains(match.right, port) != isNegated(match) }
        return switch match.operator {
        case "<": port < bound
        case ">": port > bound
        case "<=": port <= bound
        case ">=": port >= bound
        default: (port == bound) != isNegated(match)
        }
    }

    /// The same where several things are matched at once, as in `meta l4proto . th dport`.
    private static func admitsJoined(_ lefts: [JSONNode], _ match: Match, _ port: Int) -> Bool? {
        func part(_ index: Int, _ right: JSONNode) -> Match { (lefts[index], right, "==") }
        guard lefts.indices.contains(where: { admits(part($0, .null), port) != nil }) else { return nil }
        let entries = (match.right["set"]?.items ?? [match.right]).map { $0["elem"]?["val"] ?? $0 }
        let isAdmitted = entries.contains { entry in
            guard let rights = entry["concat"]?.items, rights.count == lefts.count else { return entry.text?.hasPrefix("@") == true }
            return lefts.indices.allSatisfy { admits(part($0, rights[$0]), port) ?? admitsTCP(part($0, rights[$0])) ?? true }
        }
        return isAdmitted != isNegated(match)
    }

    /// Whether it looks for translated connections (`ct status dnat`).
    var looksForTranslated: Bool {
        matches.contains { match in
            match.left["ct"]?["key"]?.text == "status" && !Self.isNegated(match)
                && (match.right.text == "dnat" || match.right.items.contains(.string("dnat")))
        }
    }

    /// Whether new connections pass its matches on the connection's state.
    var admitsNew: Bool {
        matches.allSatisfy { match in
            guard match.left["ct"]?["key"]?.text == "state" else { return true }
            let states = match.right.text.map { [$0] } ?? (match.right["set"]?.items ?? match.right.items).compactMap(\.text)
            return states.contains("new") != Self.isNegated(match)
        }
    }

    /// Whether it concerns loopback alone.
    var isForLoopback: Bool {
        matches.contains { match in
            let key = match.left["meta"]?["key"]?.text
            return (key == "iifname" || key == "iif") && match.right.text == "lo" && !Self.isNegated(match)
        }
    }

    /// Whether the first segment of a stranger's connection to this port can pass all of these.
    func concerns(port: Int) -> Bool { admits(port: port) && admitsTCP && admitsNew && !isForLoopback }

    private static func contains(_ right: JSONNode, _ port: Int) -> Bool {
        switch right {
        case .number(let number): return number == port
        case .string(let name): return name == "smtp" && port == 25 || name.hasPrefix("@") || name == "*"
        case .array(let items): return items.contains { contains($0, port) }
        case .object:
            if let items = right["set"] { return contains(items, port) }
            if let element = right["elem"]?["val"] { return contains(element, port) }
            let bounds = right["range"]?.items.compactMap(\.integer) ?? []
            return bounds.count == 2 && bounds[0] <= port && port <= bounds[1]
        case .null, .bool: return false
        }
    }
}
