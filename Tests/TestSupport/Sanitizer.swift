import Glibc

/// A sanitizer's runtime makes threads and system calls of its own, which no sandbox of ours allows.
public enum Sanitizer {
    /// Whether these tests were built with one.
    public static let isOn = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
}
