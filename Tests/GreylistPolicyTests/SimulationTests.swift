import GreylistPolicy
import GreylistSimulation
import Testing

/// The policy over the memory store beside the naive model, a few seeds; scripts/long/simulation runs more than a thousand.
@Suite struct SimulationTests {
    @Test(arguments: [1, 2, 5] as [UInt64]) func aYearHasNoDifference(_ seed: UInt64) throws {
        let simulation = Simulation(seed: seed, world: MemoryWorld(runsTwice: seed % 5 == 0))
        try simulation.run(senders: 500, days: 365)
        let counts = simulation.counts
        #expect(counts.events > 3000 && counts.passes > 20 && counts.traps > 20 && counts.faults > 5 && counts.crashes > 20)
        #expect(counts.renewals > 5 && counts.clockSteps > 0 && counts.expired > 200 && counts.comparisons > 50)
    }
}
