/* The entry point that libFuzzer calls, and the mutation test too. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Takes `data` for an image and uses it in every way that the project uses images. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
