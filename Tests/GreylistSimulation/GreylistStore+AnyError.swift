public import GreylistPolicy

// Tests expect and require inside transactions, which throws errors of other types.
extension GreylistStore {
    public func run<Result>(_ body: (any GreylistTransaction) throws -> Result) throws -> Result {
        var foreign: (any Error)?
        do throws(StoreFault) {
            return try transact { transaction throws(StoreFault) in
                do { return try body(transaction) } catch {
                    if let fault = error as? StoreFault { throw fault }
                    foreign = error
                    throw .failed("\(error)")
                }
            }
        } catch { throw foreign ?? error }
    }
}

extension GreylistReader {
    public func look<Result>(_ body: (any GreylistReads) throws -> Result) throws -> Result {
        var foreign: (any Error)?
        do throws(StoreFault) {
            return try read { reads throws(StoreFault) in
                do { return try body(reads) } catch {
                    if let fault = error as? StoreFault { throw fault }
                    foreign = error
                    throw .failed("\(error)")
                }
            }
        } catch { throw foreign ?? error }
    }
}
