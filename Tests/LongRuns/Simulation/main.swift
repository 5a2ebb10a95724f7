try SimulationRun.run(CommandLine.arguments)
