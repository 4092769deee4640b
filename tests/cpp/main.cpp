#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "reference_lapack.hpp"

// The areas from linalg upwards call LAPACK through installed pointers.
[[maybe_unused]] static const bool lapack_installed = (install_reference_lapack(), true);
