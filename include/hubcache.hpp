#pragma once
/// @file
/// hubcache: fetches models, datasets and spaces from the Hugging Face Hub and never downloads or stores the same
/// bytes twice.
///
/// Whoever uses the library begins with cache.hpp, which is all that this header includes, and goes from there to what
/// he calls. Reading order of the headers, from the words to the calls:
///
///   digest, repo, listing, url, link_kind, store     the words
///   requirement, error, event, settings, print       more of them
///   os/ hash/ link/ index/ work/                     files, hashes, links, the content index, worker threads
///   hub/ format/ select/                             the Hub's protocol, files of models, selections: pure functions
///   store/ plan/                                     layouts on disk; what a snapshot will cost
///   upkeep/                                          census, accounting, removal, verify, dedupe: included on their own
///   transport/ source/ fetch/                        HTTP, the Hub over it, one verified content
///   prepare, run                                     one snapshot
///   bundle, pipeline, gguf_model, recipe, inspect    several repos in one plan: what a model needs; a look at headers
///   cache                                            the public calls
///
/// Policies that are chosen at run time are included on their own: transport/any_transport, hash/any_hash_policy,
/// link/any_link_strategy, index/any_content_index.
///
/// Embedders that only name the types include <hubcache/fwd.hpp>.

#include <hubcache/cache.hpp>
