internal import WireFormat

extension StatusReport {
    func write(to writer: inout WireWriter) {
        writer.write(version)
        writer.write(blacklistOnly)
        writer.write(started)
        writer.write(now)
        writer.write(list: roles.prefix(Self.roleLimit)) { $1.write(to: &$0) }
        writer.write(connections.all)
        writer.write(connections.black)
        writer.write(connections.maximum)
        writer.write(connections.maximumBlack)
        database.write(to: &writer)
        firewall.write(to: &writer)
        packetLog.write(to: &writer)
        writer.write(list: blocklists.prefix(BlocklistStatus.limit)) { $1.write(to: &$0) }
        writer.write(list: counters.prefix(Self.counterLimit)) {
            $0.write($1.name)
            $0.write($1.value)
        }
        writer.write(unkept)
        writer.write(timing.passtime)
        writer.write(timing.greyexp)
        writer.write(timing.whiteexp)
        writer.write(timing.trapexp)
        writer.write(list: warnings.prefix(Self.warningLimit)) { $0.write(sentence: $1) }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init()
        version = try reader.readString(limit: 64)
        blacklistOnly = try reader.readBool()
        started = try reader.readUnixTime()
        now = try reader.readUnixTime()
        roles = try reader.readList(limit: Self.roleLimit) { r throws(WireError) in try Role(from: &r) }
        connections.all = try reader.readUInt32()
        connections.black = try reader.readUInt32()
        connections.maximum = try reader.readUInt32()
        connections.maximumBlack = try reader.readUInt32()
        database = try Database(from: &reader)
        firewall = try Firewall(from: &reader)
        packetLog = try PacketLog(from: &reader)
        blocklists = try reader.readList(limit: BlocklistStatus.limit) { r throws(WireError) in try BlocklistStatus(from: &r) }
        counters = try reader.readList(limit: Self.counterLimit) { r throws(WireError) in
            Counter(name: try r.readString(limit: 64), value: try r.readUInt64())
        }
        unkept = try reader.readUInt64()
        timing.passtime = try reader.readDuration()
        timing.greyexp = try reader.readDuration()
        timing.whiteexp = try reader.readDuration()
        timing.trapexp = try reader.readDuration()
        warnings = try reader.readList(limit: Self.warningLimit) { r throws(WireError) in try r.readSentence() }
    }
}

extension StatusReport.Role {
    fileprivate func write(to writer: inout WireWriter) {
        writer.write(name)
        writer.write(worker)
        writer.write(UInt32(bitPattern: pid))
        writer.write(restarts)
        writer.write(list: missing.prefix(16)) { $0.write($1, cutTo: 112) }
    }

    fileprivate init(from reader: inout WireReader) throws(WireError) {
        name = try reader.readString(limit: 64)
        worker = try reader.readUInt16()
        pid = Int32(bitPattern: try reader.readUInt32())
        restarts = try reader.readUInt32()
        missing = try reader.readList(limit: 16) { r throws(WireError) in try r.readString(limit: 112) }
    }
}

extension StatusReport.Database {
    fileprivate func write(to writer: inout WireWriter) {
        writer.write(path)
        writer.write(list: rows) { $0.write($1) }
        writer.write(size)
        writer.write(queued)
        writer.write(optional: failure) { $0.write(sentence: $1) }
    }

    fileprivate init(from reader: inout WireReader) throws(WireError) {
        self.init()
        path = try reader.readString(limit: 4096)
        rows = try reader.readCounts(RowKind.allCases.count)
        size = try reader.readUInt64()
        queued = try reader.readUInt64()
        failure = try reader.readOptional { r throws(WireError) in try r.readSentence() }
    }
}

extension StatusReport.Firewall {
    fileprivate func write(to writer: inout WireWriter) {
        writer.write(state.rawValue)
        writer.write(table)
        writer.write(behind)
        writer.write(optional: failure) { $0.write(sentence: $1) }
        writer.write(loads)
        writer.write(optional: lastLoad) { $0.write($1) }
    }

    fileprivate init(from reader: inout WireReader) throws(WireError) {
        self.init()
        state = try State(from: &reader)
        table = try reader.readString(limit: 255)
        behind = try reader.readUInt64()
        failure = try reader.readOptional { r throws(WireError) in try r.readSentence() }
        loads = try reader.readUInt64()
        lastLoad = try reader.readOptional { r throws(WireError) in try r.readUnixTime() }
    }
}

extension StatusReport.PacketLog {
    fileprivate func write(to writer: inout WireWriter) {
        writer.write(enabled)
        writer.write(group)
        writer.write(seen)
        writer.write(refreshed)
        writer.write(learned)
        writer.write(unknown)
        writer.write(lost)
    }

    fileprivate init(from reader: inout WireReader) throws(WireError) {
        self.init()
        enabled = try reader.readBool()
        group = try reader.readUInt16()
        seen = try reader.readUInt64()
        refreshed = try reader.readUInt64()
        learned = try reader.readUInt64()
        unknown = try reader.readUInt64()
        lost = try reader.readUInt64()
    }
}

extension BlocklistStatus {
    func write(to writer: inout WireWriter) {
        writer.write(name)
        writer.write(black)
        writer.write(source, cutTo: ControlReply.shortSentenceLimit)
        writer.write(entries)
        writer.write(optional: loaded) { $0.write($1) }
        writer.write(optional: failure) { $0.write(shortSentence: $1) }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            name: try reader.readString(limit: 255), black: try reader.readBool(), source: try reader.readSentence(),
            entries: try reader.readUInt64(), loaded: try reader.readOptional { r throws(WireError) in try r.readUnixTime() },
            failure: try reader.readOptional { r throws(WireError) in try r.readSentence() })
    }
}
