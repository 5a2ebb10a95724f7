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
                rules.append(Rule(table: Self.table(rule), chain: rule["chain"]?.text ?? "", statements: rule["expr"]?.items ?? []))
            }
            if let set = item["set"] { sets[Self.table(set), default: []].insert(set["name"]?.text ?? "") }
        }
    }

    private static func table(_ node: JSONNode) -> Table {
        Table(family: node["family"]?.text ?? "", name: node["table"]?.text ?? "")
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

    /// Matches of the rule: the left side's key, and the right side.
    private var matches: [(left: JSONNode, right: JSONNode, isNegated: Bool)] {
        statements.compactMap { statement in
            guard let match = statement["match"], let left = match["left"], let right = match["right"] else { return nil }
            return (left, right, match["op"]?.text == "!=")
        }
    }

    /// Whether it has no condition at all.
    var isUnconditional: Bool { matches.isEmpty && !hasHiddenMatch && statement("limit") == nil }

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
    var admitsTCP: Bool {
        matches.allSatisfy { match in
            if match.left["payload"]?["field"]?.text == "dport" { return match.left["payload"]?["protocol"]?.text != "udp" }
            guard match.left["meta"]?["key"]?.text == "l4proto", let name = match.right.text else { return true }
            return (name == "tcp") != match.isNegated
        }
    }

    /// Whether a segment to this TCP port can pass its matches on ports; other matches are taken to fit.
    func admits(port: Int) -> Bool {
        matches.allSatisfy { match in
            guard match.left["payload"]?["field"]?.text == "dport" else { return true }
            return Self.contains(match.right, port) != match.isNegated
        }
    }

    /// Whether it names this destination port.
    func names(port: Int) -> Bool {
        matches.contains { $0.left["payload"]?["field"]?.text == "dport" && Self.contains($0.right, port) && !$0.isNegated }
    }

    /// Whether it looks for translated connections (`ct status dnat`).
    var looksForTranslated: Bool {
        matches.contains { match in
            match.left["ct"]?["key"]?.text == "status" && !match.isNegated
                && (match.right.text == "dnat" || match.right.items.contains(.string("dnat")))
        }
    }

    /// Whether new connections pass its matches on the connection's state.
    var admitsNew: Bool {
        matches.allSatisfy { match in
            guard match.left["ct"]?["key"]?.text == "state" else { return true }
            let states = match.right.text.map { [$0] } ?? (match.right["set"]?.items ?? match.right.items).compactMap(\.text)
            return states.contains("new") != match.isNegated
        }
    }

    /// Whether it concerns loopback alone.
    var isForLoopback: Bool {
        matches.contains { match in
            let key = match.left["meta"]?["key"]?.text
            return (key == "iifname" || key == "iif") && match.right.text == "lo" && !match.isNegated
        }
    }

    private static func contains(_ right: JSONNode, _ port: Int) -> Bool {
        switch right {
        case .number(let number): return number == port
        case .string(let name): return name == "smtp" && port == 25 || name.hasPrefix("@")
        case .array(let items): return items.contains { contains($0, port) }
        case .object:
            if let items = right["set"] { return contains(items, port) || items.items.contains { contains($0, port) } }
            let bounds = right["range"]?.items.compactMap(\.integer) ?? []
            return bounds.count == 2 && bounds[0] <= port && port <= bounds[1]
        case .null, .bool: return false
        }
    }
}
