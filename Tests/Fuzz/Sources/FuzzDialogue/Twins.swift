/// Two dialogues that live through the same program, one in whole pieces, one byte by byte.
enum Twins {
    static func live(through program: Program) {
        var program = program
        let context = program.context()
        var whole = Subject(context, drips: false)
        var dripped = Subject(context, drips: true)
        while let step = program.step() {
            whole.live(through: step)
            dripped.live(through: step)
            precondition(whole.output == dripped.output, "how bytes are cut changed the answer")
            precondition(whole.reports == dripped.reports, "how bytes are cut changed the reports")
            precondition(whole.isClosed == dripped.isClosed, "how bytes are cut changed the end")
            if whole.isClosed { return }
            whole.forget()
            dripped.forget()
        }
    }
}
