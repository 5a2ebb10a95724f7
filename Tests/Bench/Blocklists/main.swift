BlocklistBench.run()
