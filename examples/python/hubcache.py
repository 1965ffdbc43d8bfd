"""hubcache from Python, by its C API (docs/c-api.md). Needs Python 3.8 or later and nothing else.

    from hubcache import smart_cache
    path = smart_cache("CompVis/stable-diffusion-v1-4")

The library is the file that HUBCACHE_LIBRARY names, else libhubcache_c.so.0 beside this file, else what the system's
loader finds under that name.
"""

import ctypes
import os
import threading
import weakref
from collections import namedtuple
from collections.abc import Iterable, Iterator
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_double, c_int, c_size_t, c_uint64, c_void_p

__all__ = ["Cache", "Cancelled", "Error", "smart_cache", "version"]

_NAME = "libhubcache_c.so.0"


def _load():
    chosen = os.environ.get("HUBCACHE_LIBRARY")
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), _NAME)
    return ctypes.CDLL(chosen or (beside if os.path.exists(beside) else _NAME))


# ---- hubcache_c.h ----------------------------------------------------------------------------------------------------


class _Error(Structure):
    _fields_ = [("code", c_int), ("name", c_char_p), ("message", c_char_p), ("detail", c_char_p), ("repo", c_char_p),
                ("file", c_char_p), ("url", c_char_p), ("request_id", c_char_p), ("http_status", c_int)]


class _Progress(Structure):
    _fields_ = [("phase", c_int), ("repo", c_char_p), ("file", c_char_p), ("text", c_char_p),
                ("bytes_done", c_uint64), ("bytes_total", c_uint64), ("file_bytes_done", c_uint64),
                ("file_bytes_total", c_uint64)]


class _File(Structure):
    _fields_ = [("name", c_char_p), ("path", c_char_p), ("repo", c_char_p), ("commit", c_char_p), ("role", c_char_p),
                ("etag", c_char_p), ("sha256", c_char_p), ("size", c_uint64), ("outcome", c_int), ("link", c_char_p),
                ("source", c_char_p)]


class _Component(Structure):
    _fields_ = [("name", c_char_p), ("dir", c_char_p), ("files", POINTER(c_char_p)), ("file_count", c_size_t)]


class _Mapped(Structure):
    _fields_ = [("sha256", c_char_p), ("path", c_char_p)]


class _Totals(Structure):
    _fields_ = [("bytes_total", c_uint64), ("bytes_present", c_uint64), ("bytes_linked", c_uint64),
                ("bytes_fetched", c_uint64), ("bytes_wire", c_uint64), ("requests", c_uint64),
                ("disk_delta", c_uint64), ("seconds", c_double)]


class _Result(Structure):
    _fields_ = [("path", c_char_p), ("repo", c_char_p), ("commit", c_char_p), ("snapshot", c_char_p),
                ("files", POINTER(POINTER(_File))), ("file_count", c_size_t),
                ("components", POINTER(POINTER(_Component))), ("component_count", c_size_t),
                ("mapping", POINTER(POINTER(_Mapped))), ("mapping_count", c_size_t),
                ("stale", POINTER(POINTER(_Mapped))), ("stale_count", c_size_t), ("totals", POINTER(_Totals))]


_progress_function = CFUNCTYPE(c_int, c_void_p, POINTER(_Progress))
_error_at = POINTER(POINTER(_Error))
_library = _load()


def _declare():
    def call(name, *arguments, result=c_int):
        function = getattr(_library, name)
        function.argtypes, function.restype = arguments, result

    handle, text = c_void_p, c_char_p
    call("hubcache_version", result=text)
    call("hubcache_error_free", POINTER(_Error), result=None)
    call("hubcache_settings_new", POINTER(handle), _error_at)
    call("hubcache_settings_set", handle, text, text, _error_at)
    call("hubcache_settings_free", handle, result=None)
    call("hubcache_open", handle, POINTER(handle), _error_at)
    call("hubcache_close", handle, result=None)
    call("hubcache_cancel_token_new", POINTER(handle), _error_at)
    call("hubcache_cancel", handle, result=None)
    call("hubcache_cancel_token_free", handle, result=None)
    call("hubcache_request_new", text, POINTER(handle), _error_at)
    call("hubcache_request_set", handle, text, text, _error_at)
    call("hubcache_request_map", handle, text, text, _error_at)
    call("hubcache_request_on_progress", handle, _progress_function, c_void_p, _error_at)
    call("hubcache_request_cancelled_by", handle, handle, _error_at)
    call("hubcache_request_free", handle, result=None)
    call("hubcache_result_free", POINTER(_Result), result=None)
    for name in ("download", "cached", "gguf", "pipeline"):
        call("hubcache_" + name, handle, handle, POINTER(POINTER(_Result)), _error_at)


_declare()


# ---- Python's side ---------------------------------------------------------------------------------------------------


class Error(Exception):
    """A call failed. str() is a paragraph for people; name is one of hubcache_c.h's codes: "repo_not_found"."""

    def __init__(self, view):
        super().__init__(_text(view.message))
        self.code = view.code
        self.name = _text(view.name)
        self.detail = _text(view.detail)
        self.repo = _text(view.repo)
        self.file = os.fsdecode(view.file)
        self.url = _text(view.url)
        self.request_id = _text(view.request_id)
        self.http_status = view.http_status


class Cancelled(Error):
    """The call was cancelled; what arrived is kept and resumed next time."""


Progress = namedtuple("Progress", "phase repo file text bytes_done bytes_total file_bytes_done file_bytes_total")
File = namedtuple("File", "name path repo commit role etag sha256 size outcome link source")
Totals = namedtuple("Totals", [name for name, _ in _Totals._fields_])
Result = namedtuple("Result", "path repo commit snapshot files components mapping stale totals")

_PHASES = ("planned", "linked", "started", "advanced", "retried", "fetched", "warning", "waiting")
_OUTCOMES = ("present", "linked", "fetched")
_CANCELLED = 30


def _text(value):
    return value.decode("utf-8", "replace")


def _word(words, number):
    return words[number] if number < len(words) else str(number)


def _check(call, *arguments):
    """Calls the library; raises what went wrong."""
    error = POINTER(_Error)()
    if call(*arguments, byref(error)) != 0:
        try:
            raise (Cancelled if error[0].code == _CANCELLED else Error)(error[0])
        finally:
            _library.hubcache_error_free(error)


def _bytes(key, value):
    """Flags, numbers, texts and paths as C takes them."""
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, (int, float)):
        value = str(value)
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(f"{key} must be a text, path, number or bool, not {type(value).__name__}")
    return os.fsencode(value)


def _set(call, handle, key, value):
    """Sets one key: nothing of None; of a list, set, generator, ... each."""
    if value is None:
        return
    one = isinstance(value, (str, bytes, os.PathLike)) or not isinstance(value, Iterable)
    members = [_bytes(key, each) for each in ([value] if one else value)]
    if not members and key in ("allow", "file"):  # C would take it for all files
        raise ValueError(f"{key} is empty, which names no file; leave it out for all files")
    for member in members:
        _check(call, handle, os.fsencode(key), member)


def _entries(pointers, count):
    return (pointers[i][0] for i in range(count))


def _file(view):
    return File(_text(view.name), os.fsdecode(view.path), _text(view.repo), _text(view.commit), _text(view.role),
                _text(view.etag), _text(view.sha256), view.size, _word(_OUTCOMES, view.outcome), _text(view.link),
                os.fsdecode(view.source))


def _mapping(pointers, count):
    return {_text(one.sha256): os.fsdecode(one.path) for one in _entries(pointers, count)}


def _result(view):
    totals = view.totals[0]
    return Result(os.fsdecode(view.path), _text(view.repo), _text(view.commit), os.fsdecode(view.snapshot),
                  [_file(one) for one in _entries(view.files, view.file_count)],
                  {_text(one.name): os.fsdecode(one.dir) for one in _entries(view.components, view.component_count)},
                  _mapping(view.mapping, view.mapping_count), _mapping(view.stale, view.stale_count),
                  Totals(*(getattr(totals, name) for name in Totals._fields)))


class _Listener:
    """A progress function as C calls it: an exception of Python's cancels the call and is raised from it."""

    def __init__(self, function):
        self.failure = None
        self.function = function
        self.called = _progress_function(self._call)

    def _call(self, _context, news):
        try:
            view = news[0]
            return bool(self.function(Progress(
                _word(_PHASES, view.phase), _text(view.repo), _text(view.file), _text(view.text), view.bytes_done,
                view.bytes_total, view.file_bytes_done, view.file_bytes_total)))
        except BaseException as failure:  # it is raised where the call was made
            self.failure = failure
            return 1


def _close(cache, process):
    if os.getpid() == process:  # a child of fork has none of the threads that closing waits for
        _library.hubcache_close(cache)


class Cache:
    """The Hub cache of this user. Calls may come from any threads, and block; close() when none is under way,
    or drop it.

    Settings are those of the environment (HF_HOME, HF_TOKEN, ...); keywords override them: endpoint, token, cache_dir,
    offline, ... as hubcache_settings_set() names them. None overrides nothing; token="" is no token.
    """

    def __init__(self, **settings):
        self._cache = c_void_p()
        own = c_void_p()
        _check(_library.hubcache_settings_new, byref(own))
        try:
            for key, value in settings.items():
                _set(_library.hubcache_settings_set, own, key, value)
            _check(_library.hubcache_open, own, byref(self._cache))
        finally:
            _library.hubcache_settings_free(own)
        self._closing = weakref.finalize(self, _close, self._cache, os.getpid())  # if nobody calls close()
        self._closing.atexit = False  # a daemon thread may be in a call

    def close(self):
        self._closing()
        self._cache = c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def download(self, repo, **options):
        """Makes a repo, or files of it, present: a Result.

        progress: called with a Progress on a thread of the call's own; what is true, or an exception, cancels. The
        exception is raised here, even if all was done by then.
        mapping: {sha256: path} of files you have; Result.mapping tells where every content is, Result.stale what of
        yours is wrong. All other options are those of hubcache_request_set(); lists, sets, ... give each of their members
        (allow and file need one), and None is as if it were left out.
        Ctrl-C cancels.
        """
        return self._call(_library.hubcache_download, repo, options)

    def cached(self, repo, **options):
        """The same without a request, or None if not all of it is in its place."""
        return self._call(_library.hubcache_cached, repo, options)

    def gguf(self, repo, **options):
        """Fetches one GGUF model (tag="Q4_K_M"); Result.path is the file to open."""
        return self._call(_library.hubcache_gguf, repo, options)

    def pipeline(self, repo, **options):
        """Fetches a diffusers pipeline; Result.path is its folder, Result.components those of its components."""
        return self._call(_library.hubcache_pipeline, repo, options)

    def _call(self, call, repo, options):
        listener = _Listener(options.pop("progress", None))
        token = _Token()
        try:
            result = _interruptible(lambda: self._run(call, repo, options, listener, token), token)
        except Cancelled:
            if listener.failure is None:
                raise
        except Error as other:
            if listener.failure is None:
                raise
            raise listener.failure from other
        if listener.failure is not None:  # it cancelled the call, or came too late for that
            raise listener.failure
        return result

    def _run(self, call, repo, options, listener, token):
        request, result = c_void_p(), POINTER(_Result)()
        mapping = options.pop("mapping", None)
        try:
            _check(_library.hubcache_request_new, os.fsencode(repo), byref(request))
            _check(_library.hubcache_request_cancelled_by, request, token.handle)
            if listener.function is not None:
                _check(_library.hubcache_request_on_progress, request, listener.called, None)
            if mapping is not None:
                _set(_library.hubcache_request_set, request, "mapping", True)
                for sha256, path in mapping.items():
                    _check(_library.hubcache_request_map, request, os.fsencode(sha256), os.fsencode(path))
            for key, value in options.items():
                _set(_library.hubcache_request_set, request, key, value)
            _check(call, self._cache, request, byref(result))
            return _result(result[0]) if result else None
        finally:
            _library.hubcache_result_free(result)
            _library.hubcache_request_free(request)


class _Token:
    """A cancel token, freed after its last user."""

    def __init__(self):
        self.handle = c_void_p()
        _check(_library.hubcache_cancel_token_new, byref(self.handle))

    def cancel(self):
        _library.hubcache_cancel(self.handle)

    def __del__(self):
        _library.hubcache_cancel_token_free(self.handle)


def _interruptible(work, token):
    """work() on a thread of its own: only then do signals reach Python meanwhile. Ctrl-C cancels it."""
    outcome = []

    def run():
        try:
            outcome.append((work(), None))
        except BaseException as failure:  # it is raised below
            outcome.append((None, failure))

    thread = threading.Thread(target=run)
    try:
        thread.start()
        thread.join()
    except BaseException:
        token.cancel()
        while thread.is_alive():  # not for long; whoever presses Ctrl-C again waits, too
            try:
                thread.join()
            except KeyboardInterrupt:
                pass
        raise
    value, failure = outcome[0]
    if failure is not None:
        raise failure
    return value


def version():
    """The version of the library: "0.1.0"."""
    return _text(_library.hubcache_version())


_shared = None
_sharing = threading.Lock()


def smart_cache(repo, **options):
    """The folder that from_pretrained() takes for `repo`. What lies anywhere on this machine is linked, not fetched.

    A diffusers pipeline brings the files that DiffusionPipeline.from_pretrained(repo) would download; other repos come
    whole. With mapping={sha256: path}, files you have, or with allow, ignore or file, it is download() with these.
    """
    global _shared
    # What is left out, and what can be read once only: there may be two calls.
    options = {key: list(value) if isinstance(value, Iterator) else value
               for key, value in options.items() if value is not None}
    with _sharing:
        if _shared is None:
            _shared = Cache()
    if options.keys() & {"mapping", "mapping_file", "allow", "ignore", "file", "type"}:
        return _shared.download(repo, **options).path
    try:
        return _shared.pipeline(repo, **options).path
    except Error as failure:
        if failure.name != "file_not_found" or failure.file != "model_index.json":
            raise
    return _shared.download(repo, **options).path
