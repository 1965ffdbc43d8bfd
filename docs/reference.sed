# The sources as the reference shows them: without the inline namespace of the version, which is no part of any name, and
# without what is defaulted or deleted. Lines keep their numbers.
s/^namespace hubcache::inline v0_1/namespace hubcache/
s/^ *\(friend \|constexpr \|HUBCACHE_DECL \|~\|[a-z_]*(\|[a-z_]*& operator=\)[^;]*= \(default\|delete\);//
