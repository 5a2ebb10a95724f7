// The sandbox probe, for tests alone: enters a role's sandbox and tries what it must, or must not, be able to do.
probe()
