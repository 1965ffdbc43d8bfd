#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
/// libstdc++ counts the users of an exception out of the sanitizer's sight: whoever drops the last one, like the promise
/// behind a future, seems to free what others still read.
extern "C" const char* __tsan_default_suppressions() { return "called_from_lib:libstdc++.so\n"; }
#endif
#endif
