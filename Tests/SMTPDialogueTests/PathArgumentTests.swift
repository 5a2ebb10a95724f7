import Testing

@testable import SMTPDialogue

@Suite struct PathArgumentTests {
    private func sender(_ text: String) -> String? {
        Array(text.utf8).withUnsafeBytes { PathArgument.sender(in: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    private func recipient(_ text: String) -> String? {
        Array(text.utf8).withUnsafeBytes { PathArgument.recipient(in: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        ("FROM:<a@b>", "<a@b>"), ("from:<a@b>", "<a@b>"), ("FROM: <a@b>", "<a@b>"), ("FROM :<a@b>", "<a@b>"), ("FROM <a@b>", "<a@b>"),
        ("FROM:a@b", "<a@b>"), ("FROM: a@b SIZE=10", "<a@b>"), ("FROM a@b", "<a@b>"), ("<a@b>", "<a@b>"), ("a@b", "<a@b>"),
        ("FROM:<>", "<>"), ("FROM: <>", "<>"), ("FROM:< >", "<>"), ("FROM:<a@b", "<a@b>"), ("FROM:<a@b SIZE=1", "<a@b>"),
        ("FROM:<a@b>SIZE=1", "<a@b>"), ("FROM:<a@b> BODY=8BITMIME AUTH=<>", "<a@b>"), ("FROM:a@b AUTH=<>", "<a@b>"),
        ("FROM:<@r1,@r2:a@b>", "<a@b>"), ("FROM:<@[IPv6:::1]:a@b>", "<a@b>"), ("FROM:Some One <a@b>", "<a@b>"),
        ("FROM:<\"a b\"@c>", "<\"a b\"@c>"), ("FROM:<\"a>b\"@c>", "<\"a>b\"@c>"), ("FROM:<\"a@b>", "<\"a@b>"), ("FROM:<<a@b>>", "<a@b>"),
        ("FROM:< a@b >", "<a@b>"), ("FROM:<a>", "<a>"), ("FROM:<under_score@b>", "<under_score@b>"), ("FROM:<é@ü>", "<é@ü>"),
        ("fromage@b", "<fromage@b>"), ("FROM:\"a b\"@c", "<\"a b\"@c>"), ("FROM:<\"a\\\"> b\"@c>", "<\"a\\\"> b\"@c>"),
    ])
    func findsTheAddress(text: String, address: String) {
        #expect(sender(text) == address)
    }

    @Test(arguments: ["", "FROM", "FROM:", "FROM: ", "from :"]) func noAddress(text: String) {
        #expect(sender(text) == nil)
    }

    @Test func aRecipientIsNeverEmpty() {
        #expect(recipient("TO:<>") == nil)
        #expect(recipient("TO:< >") == nil)
        #expect(recipient("TO:<@route:>") == nil)
        #expect(recipient("TO:<a>") == "<a>")
        #expect(recipient("to: tom@b") == "<tom@b>")
        #expect(recipient("tom@b") == "<tom@b>")
    }

    @Test(arguments: [
        ("<postmaster>", true), ("<PostMaster@b>", true), ("<\"postmaster\"@b>", true), ("<postmaster@a@b>", false),
        ("<postmasters@b>", false), ("<>", false), ("<@postmaster>", false), ("<xpostmaster>", false),
    ])
    func postmaster(path: String, isPostmaster: Bool) {
        #expect(PathArgument.isPostmaster(Array(path.utf8)) == isPostmaster)
    }
}
