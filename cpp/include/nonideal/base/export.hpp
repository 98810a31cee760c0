#pragma once

/// Marks what a shared build of the library exports. Static builds need nothing.
#if defined(NONIDEAL_SHARED)
#define NONIDEAL_API __attribute__((visibility("default")))
#else
#define NONIDEAL_API
#endif
