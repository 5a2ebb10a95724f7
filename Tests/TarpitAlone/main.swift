import TarpitHarness

TarpitAlone.main()
