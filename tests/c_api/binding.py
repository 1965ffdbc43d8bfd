"""Checks of examples/python/hubcache.py beside an embedded Hub; programs.cpp runs them by name.

Usage: binding.py CHECK [ARGUMENT...]
"""

import gc
import os
import signal
import sys
import threading
import time

import hubcache


def results():
    with hubcache.Cache(fsync="none") as cache:
        assert cache.cached("acme/tiny") is None
        got = cache.download("acme/tiny", allow=["*.json", "*.safetensors"], ignore=["nested/copy*"])
        assert [file.name for file in got.files] == ["config.json", "model.safetensors"], got.files
        weights = got.files[1]
        assert (weights.size, weights.outcome, weights.etag) == (100000, "fetched", weights.sha256), weights
        assert os.path.getsize(weights.path) == weights.size
        assert got.path == got.snapshot == os.path.dirname(weights.path)
        assert got.totals.bytes_total == sum(file.size for file in got.files)
        again = cache.cached("acme/tiny", revision=got.commit, allow=["*.json"], ignore="nested/*")
        assert again.path == got.path and again.files[0].outcome == "present"
        gguf = cache.gguf("acme/m-GGUF", tag="Q2_K")
        assert gguf.path == os.path.join(gguf.snapshot, "m-Q2_K.gguf"), gguf.path
        pipeline = cache.pipeline("CompVis/stable-diffusion-v1-4", skip=["safety_checker"], use_safetensors=True)
        assert pipeline.components["vae"] == os.path.join(pipeline.path, "vae")
        assert "safety_checker" not in pipeline.components


def values():
    with hubcache.Cache(fsync="none", token=None, user_agent=None) as cache:
        for some in (["*.json"], ("*.json",), {"*.json"}, frozenset(["*.json"]), (one for one in ["*.json"]), "*.json"):
            got = cache.download("acme/tiny", allow=some, ignore=None, revision=None, mapping=None, progress=None)
            assert [file.name for file in got.files] == ["config.json", "nested/copy-of-config.json"], (some, got.files)
        assert len(cache.download("acme/tiny", allow=None, file=None, ignore=[], skip=()).files) > 2
        for options, refusal in (({"allow": []}, ValueError), ({"file": iter(())}, ValueError),
                                 ({"allow": [None]}, TypeError), ({"revision": object()}, TypeError)):
            try:
                cache.download("acme/tiny", **options)
                raise AssertionError(options)
            except refusal as failure:
                assert list(options)[0] in str(failure), failure
    try:  # it is no pipeline: the options are read twice
        hubcache.smart_cache("acme/tiny", allow=None, require=iter(["safetensors"]))
        raise AssertionError("require")
    except hubcache.Error as failure:
        assert failure.name == "disallowed", failure


def dropped():
    def threads():
        return len(os.listdir("/proc/self/task"))

    cache = hubcache.Cache(fsync="none")
    cache.download("acme/tiny")
    assert threads() > 1
    del cache
    gc.collect()
    end = time.monotonic() + 60
    while threads() > 1:  # the system forgets a thread a little after it was joined
        assert time.monotonic() < end, "a cache that nobody closed keeps its threads"
        time.sleep(0.01)


def mapping(sha256, mine):
    with hubcache.Cache(fsync="none") as cache:
        got = cache.download("acme/tiny", mapping={sha256: mine, "0" * 64: "/nothing"})
        assert [file.source for file in got.files if file.name == "model.safetensors"] == [mine]
        assert got.stale == {"0" * 64: "/nothing"}, got.stale
        assert all(os.path.isfile(path) for path in got.mapping.values())
        assert len(got.mapping) == len({file.etag for file in got.files})
    assert os.path.isfile(hubcache.smart_cache("acme/tiny", mapping=got.mapping) + "/model.safetensors")


def errors():
    for options in ({"variant": "fp16"}, {"nonsense": 1}, {"max_transfers": 0}):
        try:
            hubcache.smart_cache("acme/tiny", allow="*", **options)
            raise AssertionError(options)
        except hubcache.Error as failure:
            assert failure.name == "invalid_argument" and list(options)[0] in str(failure), failure
    with hubcache.Cache(offline=True) as cache:
        try:
            cache.download("acme/tiny")
            raise AssertionError("offline")
        except hubcache.Error as failure:
            assert (failure.name, failure.repo) == ("not_cached", "acme/tiny"), failure
    try:
        hubcache.Cache(endpoint="nothing")
        raise AssertionError("endpoint")
    except hubcache.Error as failure:
        assert failure.name == "invalid_argument"


def progress():
    told = []
    with hubcache.Cache(fsync="none") as cache:
        cache.download("acme/tiny", progress=told.append)
        assert told[0].phase == "planned" and told[0].repo == "acme/tiny", told[0]
        assert told[-1].bytes_done == told[-1].bytes_total > 0

        def fail(_):
            raise ZeroDivisionError

        def raised(call, *arguments, **options):
            try:
                call(*arguments, progress=fail, **options)
            except ZeroDivisionError as failure:
                return failure
            raise AssertionError("an exception of a progress function was lost")

        assert raised(cache.gguf, "acme/m-GGUF").__cause__ is None
        commit = cache.download("acme/tiny").commit
        assert raised(cache.cached, "acme/tiny", revision=commit).__cause__ is None  # it was done when it told
    with FailsLate(fsync="none") as cache:
        assert raised(cache.cached, "acme/tiny", revision=commit).__cause__.name == "invalid_argument"


class FailsLate(hubcache.Cache):
    """Calls fail after their news."""

    def _run(self, call, repo, *rest):
        super()._run(call, repo, *rest)
        return super()._run(call, "no repo", *rest)


def cancel():
    """The transfer stands still."""
    with hubcache.Cache(fsync="none") as cache:
        try:
            cache.download("acme/tiny", progress=lambda news: news.phase == "waiting" and news.bytes_done > 0)
        except hubcache.Cancelled as failure:
            assert failure.name == "cancelled"
            return
    raise AssertionError("it was not cancelled")


def threads():
    paths = []
    with hubcache.Cache(fsync="none") as cache:
        all_of_them = [threading.Thread(target=lambda: paths.append(cache.download("acme/tiny").path)) for _ in range(4)]
        for one in all_of_them:
            one.start()
        for one in all_of_them:
            one.join()
    assert len(paths) == 4 and len(set(paths)) == 1, paths


def interrupt():
    """Is interrupted by who started it: the transfer stands still."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        hubcache.smart_cache("acme/tiny")
    except KeyboardInterrupt:
        sys.exit(7)


globals()[sys.argv[1]](*sys.argv[2:])
