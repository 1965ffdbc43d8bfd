#pragma once
/// @file
/// hubcache: fetches models, datasets and spaces from the Hugging Face Hub and never downloads or stores the same
/// bytes twice.
///
/// Reading order of the headers, from the words to the calls:
///   digest, repo, listing, error, event, settings    the words
///   os/ hash/ link/ index/ work/                     files, hashes, links, the content index, worker threads
///   hub/ format/ select/                             the Hub's protocol and weight files as pure functions; patterns
///   store/ plan/                                     layouts on disk; what a snapshot will cost
///   upkeep/                                          census, accounting, removal, verify, dedupe: included on their own
///   transport/ source/ fetch/                        HTTP, the Hub over it, one verified content
///   prepare, run, cache                              one snapshot; the public calls
///
/// Embedders that only name the types include <hubcache/fwd.hpp>.

#include <hubcache/cache.hpp>
