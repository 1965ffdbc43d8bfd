#pragma once
/// @file
/// hubcache: fetches models, datasets and spaces from the Hugging Face Hub and never downloads or stores the same
/// bytes twice.
///
/// Reading order of the headers, from the words to the calls:
///   digest, repo, listing, error, event, settings    the words
///   os/ hash/ link/ index/ work/                     files, hashes, links, the content index, worker threads
///   hub/ format/ select/                             the Hub's protocol, files of models, selections: pure functions
///   store/ plan/                                     layouts on disk; what a snapshot will cost
///   upkeep/                                          census, accounting, removal, verify, dedupe: included on their own
///   transport/ source/ fetch/                        HTTP, the Hub over it, one verified content
///   prepare, run                                     one snapshot
///   bundle, pipeline, gguf_model, recipe, inspect    several repos in one plan: what a model needs; a look at headers
///   cache                                            the public calls
///
/// Embedders that only name the types include <hubcache/fwd.hpp>.

#include <hubcache/cache.hpp>
