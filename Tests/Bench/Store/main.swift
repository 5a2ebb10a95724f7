try StoreBench.run(CommandLine.arguments)
