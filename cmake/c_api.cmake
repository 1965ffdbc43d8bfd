# The C API as a shared library.
