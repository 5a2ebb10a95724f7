import Addressing
import Moments
import Testing
import WireFormat

@Suite struct FrameTests {
    @Test(arguments: [1, 2, 3, 7, 1000]) func cutsFramesUnderAnyChunking(chunk: Int) throws {
        var stream: [UInt8] = []
        for type in 0..<5 { Frame(type: UInt8(type), body: Array(repeating: 7, count: type * 3)).append(to: &stream, version: 1) }
        var decoder = FrameDecoder(version: 1, limit: 100)
        var types: [UInt8] = []
        for start in stride(from: 0, to: stream.count, by: chunk) {
            decoder.append(stream[start..<min(start + chunk, stream.count)])
            while let frame = try decoder.next() {
                #expect(frame.body.count == Int(frame.type) * 3)
                types.append(frame.type)
            }
        }
        #expect(types == [0, 1, 2, 3, 4])
        #expect(decoder.pending == 0)
    }

    @Test func boundsFrames() throws {
        for (size, fits) in [(99, true), (100, true), (101, false)] {
            var stream: [UInt8] = []
            Frame(type: 1, body: Array(repeating: 0, count: size)).append(to: &stream, version: 1)
            var decoder = FrameDecoder(version: 1, limit: 100)
            decoder.append(stream.prefix(4))
            if fits {
                #expect(try decoder.next() == nil)
            } else {
                #expect(throws: WireError.tooLarge) { try decoder.next() }
            }
        }
    }

    @Test func refusesForeignVersions() {
        var stream: [UInt8] = []
        Frame(type: 1, body: []).append(to: &stream, version: 2)
        var decoder = FrameDecoder(version: 1, limit: 100)
        decoder.append(stream)
        #expect(throws: WireError.unknownVersion(2)) { try decoder.next() }
    }

    @Test func fieldsComeBack() throws {
        var writer = WireWriter()
        writer.write(true)
        writer.write(UInt16(65_000))
        writer.write(IPAddress("2001:db8::1")!)
        writer.write(Duration.milliseconds(1500))
        writer.write("héllo")
        writer.write(optional: UnixTime?(UnixTime(-5))) { $0.write($1) }
        writer.write(list: [UInt32](1...3)) { $0.write($1) }
        var reader = WireReader(writer.bytes)
        #expect(try reader.readBool())
        #expect(try reader.readUInt16() == 65_000)
        #expect(try reader.readAddress() == IPAddress("2001:db8::1"))
        #expect(try reader.readDuration() == .milliseconds(1500))
        #expect(try reader.readString(limit: 6) == "héllo")
        #expect(try reader.readOptional { r throws(WireError) in try r.readUnixTime() } == UnixTime(-5))
        #expect(try reader.readList(limit: 3) { r throws(WireError) in try r.readUInt32() } == [1, 2, 3])
        try reader.finish()
        for cut in 0..<writer.bytes.count {
            var reader = WireReader(writer.bytes[..<cut])
            #expect(throws: WireError.truncated) {
                _ = try reader.readBool()
                _ = try reader.readUInt16()
                _ = try reader.readAddress()
                _ = try reader.readDuration()
                _ = try reader.readString(limit: 6)
                _ = try reader.readOptional { r throws(WireError) in try r.readUnixTime() }
                _ = try reader.readList(limit: 3) { r throws(WireError) in try r.readUInt32() }
            }
        }
    }

    @Test func aLyingCountReservesNothing() {
        var writer = WireWriter()
        writer.write(UInt32.max)
        var reader = WireReader(writer.bytes)
        #expect(throws: WireError.truncated) { try reader.readList(limit: .max) { r throws(WireError) in try r.readUInt8() } }
    }
}
