NetfilterBench.main()
