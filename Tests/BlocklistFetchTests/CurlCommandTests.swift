import RoleMessages
import Testing

@testable import BlocklistFetch

@Suite struct CurlCommandTests {
    @Test func headersOfTheLastResponseCount() {
        let headers = CurlHeaders(
            "HTTP/1.1 301 Moved\r\nETag: \"old\"\r\nLocation: /x\r\n\r\nHTTP/2 200 \r\nlast-modified: Sat, 21 Nov 2026 06:00:00 GMT\r\n\r\n"
                .utf8)
        #expect(headers.status == 200 && headers.entityTag.isEmpty && headers.lastModified == "Sat, 21 Nov 2026 06:00:00 GMT")
        let tagged = CurlHeaders("HTTP/1.1 304 Not Modified\r\nETAG:  W/\"a:b\"\r\n\r\n".utf8)
        #expect(tagged.status == 304 && tagged.entityTag == "W/\"a:b\"")
    }

    @Test(arguments: ["", "220 ready\r\n226 done\r\n", "HTTP/", "HTTP/1.1 x\r\n", "ETag\r\n", ":\r\n"])
    func oddHeaders(text: String) { #expect(CurlHeaders(text.utf8).status == 0) }

    @Test func unprintableAndOverlongValidatorsAreNotKept() {
        #expect(CurlHeaders("HTTP/1.1 200 OK\nETag: \"a\u{1}b\"\n".utf8).entityTag.isEmpty)
        for count in FetchOrder.textLimit - 1...FetchOrder.textLimit + 1 {
            let tag = String(repeating: "e", count: count)
            #expect(CurlHeaders("HTTP/1.1 200 OK\nETag: \(tag)\n".utf8).entityTag == (count <= FetchOrder.textLimit ? tag : ""))
        }
        let late = String(repeating: "X: y\n", count: CurlHeaders.limit / 5) + "ETag: late\n"
        #expect(CurlHeaders(("HTTP/1.1 200 OK\n" + late).utf8).entityTag.isEmpty)
    }

    @Test func asksWhatIsNewAndStaysWithHTTPS() {
        var order = FetchOrder(source: .url(""))
        order.entityTag = "\"x\""
        order.lastModified = "Sat"
        let https = CurlCommand("https://h/f", order).arguments
        #expect(https.contains("If-None-Match: \"x\"") && https.contains("If-Modified-Since: Sat") && https.contains("=https"))
        #expect(https.last == "https://h/f" && https.first == "curl")
        #expect(!CurlCommand("ftp://h/f", order).arguments.contains("If-None-Match: \"x\""))
        #expect(CurlCommand("http://h/f", order).arguments.contains("=http,https"))
    }
}
