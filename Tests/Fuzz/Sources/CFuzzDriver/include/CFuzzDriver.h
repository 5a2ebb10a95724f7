#ifndef GREYMOAT_CFUZZDRIVER_H
#define GREYMOAT_CFUZZDRIVER_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry for programs that have a main of their own, which SwiftPM's executables must have. */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one_input)(const uint8_t *bytes, size_t count));

/* The whole of main: libFuzzer's switches, then inputs for ever. Returns the exit status. */
int gm_run_fuzzer(int argc, char **argv, int (*one_input)(const uint8_t *bytes, size_t count));

#endif
