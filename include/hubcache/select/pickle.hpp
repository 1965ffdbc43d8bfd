#pragma once
/// @file
/// Python pickles, by name and by content. Loading a pickle runs the code in it.
///
/// By name: what loaders unpickle by convention (.bin, .ckpt, .dill, .distcp, .joblib, .mar, .nemo, .pickle, .pkl, .pt,
/// .pt2, .pth, .ptl, in any case, also compressed: .pkl.gz). `.bin` is among them although other formats use it, too:
/// nothing in a listing tells pytorch_model.bin from those. Not among them: .npy and .npz, whose readers refuse objects
/// unless told otherwise; .h5, .keras, .onnx, .pb, .msgpack, .gguf, which hold no pickles.
///
/// By content: a pickle of protocol 2 and above (torch's files before 1.6 begin with one), a zip archive that has one
/// (torch's files since then), a NumPy array of objects. Pickles of protocols 0 and 1 are plain text and cannot be told
/// from it; nor is anything that is compressed or encoded looked into. (Formats: CPython's pickletools.py, PyTorch's
/// serialization.py, PKWARE's APPNOTE.TXT, NumPy's NEP 1.)

#include <hubcache/config.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace hubcache::inline v0_1 {

/// The end of `path`, from a '.' on, that makes it a pickle by name (".pkl.gz" of "a/b.pkl.gz"); empty if none does.
[[nodiscard]] HUBCACHE_DECL std::string_view pickle_suffix(std::string_view path) noexcept;

/// Puts bytes of a content from `offset` on into a buffer; returns fewer than fit only at its end, or on failure.
using content_reader = std::function<std::size_t(std::uint64_t offset, std::span<std::byte> into)>;

/// What makes the content of `size` bytes a pickle, for people: "a pickle (protocol 4)", "a zip archive with the pickle
/// m/data.pkl"; empty if nothing does. A zip archive whose directory is not in order counts as one: readers disagree on
/// what it holds. Reads a few hundred bytes, of zip archives the directory, in pieces of 128 KiB.
[[nodiscard]] HUBCACHE_DECL std::string find_pickle(std::uint64_t size, const content_reader& read);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_pickle.ipp>
#endif
