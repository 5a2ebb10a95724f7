/// `spamlogd [-DI] [-i interface] [-l pflog_interface] [-W whiteexp] [-Y synctarget]`: its work is part of greymoatd, so this
/// says which keys of greymoat.toml mean the same, and ends well: start scripts go on working.
enum SpamlogdProgram {
    private static let usage = "usage: spamlogd [-DI] [-i interface] [-l pflog_interface] [-W whiteexp] [-Y synctarget]\n"

    static func run(_ arguments: [String], on console: Console) throws(CommandError) -> Int32 {
        var parser = SwitchParser("DIi:l:W:Y:", arguments)
        var inboundOnly = false
        var interface: String?
        var remarks: [String] = []
        var whiteexp: Int?
        do throws(SwitchParser.Fault) {
            while let (letter, value) = try parser.next() {
                switch (letter, value) {
                case ("I", _): inboundOnly = true
                case ("i", let name?): interface = name
                case ("W", let text?):
                    guard let hours = Int(text), 1...8760 ~= hours else {
                        throw SwitchParser.Fault(sentence: "-W takes hours from 1 to 8760, not \(KeyText.shown(text))")
                    }
                    whiteexp = hours
                case ("l", let name?):
                    remarks.append(
                        "-l \(KeyText.shown(name)): packets come from NFLOG group 25 here ([packet-log] group), which the ruleset names too"
                    )
                case ("Y", let target?):
                    remarks.append(
                        "-Y \(KeyText.shown(target)): synchronisation between hosts is not there; what this host learns stays here")
                default: break
                }
            }
        } catch {
            console.complain(error.sentence)
            console.complain(verbatim: usage)
            return 1
        }
        guard parser.operands.isEmpty else {
            console.complain(verbatim: usage)
            return 1
        }
        if interface == "lo0" {
            remarks.append(
                "-i lo0: spamd's guides name it because pf redirects to it; here mail arrives on the outer interfaces, so every interface is meant"
            )
            interface = ""
        }
        try console.write(
            """
            # The packet log is part of greymoatd and needs no start of its own.
            # These keys of greymoat.toml say the same as the switches given:
            [packet-log]
            learn-outbound = \(!inboundOnly)
            interface = \(quoted(interface ?? ""))

            """)
        if let whiteexp { try console.write("\n[greylist]\nwhiteexp = \"\(whiteexp)h\"\n") }
        try console.flush()
        for remark in remarks { console.complain(remark) }
        return ExitStatus.done
    }

    private static func quoted(_ text: String) -> String {
        var output = ""
        JSONValue.quote(text, into: &output)
        return output
    }
}
