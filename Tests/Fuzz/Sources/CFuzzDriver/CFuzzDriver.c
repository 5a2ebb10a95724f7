#include "CFuzzDriver.h"

int gm_run_fuzzer(int argc, char **argv, int (*one_input)(const uint8_t *bytes, size_t count))
{
    return LLVMFuzzerRunDriver(&argc, &argv, one_input);
}
