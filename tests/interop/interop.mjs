// @huggingface/hub and hubcache use one cache in turn; run.sh installs the former and starts this.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { warningsOf } from "./scan.mjs";

const [hubProgram, hubcacheProgram, folder] = process.argv.slice(2);
const client = createRequire(join(folder, "package.json"))("@huggingface/hub");
const home = mkdtempSync(join(tmpdir(), "hubcache-interop-"));
const cache = join(home, "hub");
process.on("exit", () => rmSync(home, { recursive: true, force: true }));
// The client tells console.debug of each file it downloads.
console.debug = () => {};

const tiny = "acme/tiny";
const first = "runwayml/stable-diffusion-v1-5";
const second = "CompVis/stable-diffusion-v1-4";

// Calls `use(endpoint)` while an embedded Hub runs; returns what it was asked: one record per request.
async function asked(use) {
	const log = join(home, "requests");
	const hub = spawn(hubProgram, ["--scenario", "all", "--total-bytes", "3000000", "--log", log], {
		stdio: ["ignore", "pipe", "ignore"],
	});
	const stopped = once(hub, "exit");
	try {
		const [ready] = await once(createInterface(hub.stdout), "line");
		await use(/endpoint=(\S+)/.exec(ready)[1]);
	} finally {
		hub.kill("SIGTERM");
		await stopped;
	}
	return readFileSync(log, "utf8")
		.trimEnd()
		.split("\n")
		.filter((line) => line)
		.map((line) => {
			const [listener, , method, path, status] = line.split(" ");
			return { listener, method, path, status: Number(status) };
		});
}

const isContent = ({ method, path, status }) =>
	method === "GET" && (status === 200 || status === 206) && !path.startsWith("/api/models/");

// Runs `hubcache` and returns what it printed.
function hubcache(...words) {
	const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HF_")));
	const run = spawnSync(hubcacheProgram, words, {
		env: { ...environment, HOME: home, HF_HOME: home, NO_PROXY: "*" },
		encoding: "utf8",
	});
	assert.equal(run.status, 0, `hubcache ${words.join(" ")}: ${run.stderr}${run.stdout}`);
	return run.stdout;
}

const download = (endpoint, repo) => JSON.parse(hubcache("download", repo, "--endpoint", endpoint, "--json"));

async function cacheIsSound(...repos) {
	const seen = await client.scanCacheDir(cache);
	assert.deepEqual(seen.warnings, []);
	assert.deepEqual(seen.repos.map((repo) => repo.id.name).sort(), repos.sort());
	for (const repo of seen.repos) assert.deepEqual(repo.revisions.map((revision) => revision.refs), [["main"]]);
	assert.deepEqual(warningsOf(cache), []);
}

async function passes(what, check) {
	await check();
	console.log(`ok: ${what}`);
}

let downloaded;
await passes("the client's scan finds what hubcache downloaded", async () => {
	const requests = await asked((endpoint) => (downloaded = download(endpoint, tiny)));
	assert.ok(requests.some(isContent));
	await cacheIsSound(tiny);
});

await passes("what hubcache downloaded is a hit for the client", async () => {
	const files = downloaded.files.map((file) => file.path);
	const requests = await asked(async (hubUrl) => {
		assert.equal(await client.snapshotDownload({ repo: tiny, cacheDir: cache, hubUrl }), downloaded.path);
		for (const path of files) {
			const revision = downloaded.commit;
			const found = await client.downloadFileToCacheDir({ repo: tiny, path, revision, cacheDir: cache, hubUrl });
			assert.equal(found, join(downloaded.path, path));
		}
	});
	assert.ok(files.length > 5 && requests.length > 0);
	assert.deepEqual(requests.filter(isContent), []);
	await cacheIsSound(tiny);
});

let snapshot;
await passes("the client downloads a repo into the same cache", async () => {
	const requests = await asked(async (hubUrl) => {
		snapshot = await client.snapshotDownload({ repo: first, cacheDir: cache, hubUrl });
	});
	assert.ok(requests.filter(isContent).length > 10);
	await cacheIsSound(tiny, first);
});

await passes("hubcache finds all of it present", async () => {
	const requests = await asked((endpoint) => (downloaded = download(endpoint, first)));
	assert.deepEqual(requests.filter(isContent), []);
	assert.equal(downloaded.path, snapshot);
	assert.deepEqual([...new Set(downloaded.files.map((file) => file.action))], ["present"]);
});

await passes("hubcache links what the client downloaded into another repo", async () => {
	const here = new Set(downloaded.files.map((file) => file.digest));
	let result;
	const requests = await asked((endpoint) => (result = download(endpoint, second)));
	const shared = result.files.filter((file) => here.has(file.digest));
	const fresh = new Set(result.files.filter((file) => !here.has(file.digest)).map((file) => file.digest));
	assert.ok(shared.length > 10 && fresh.size > 3);
	for (const file of shared) {
		assert.equal(file.action, "linked", file.path);
		assert.ok(readFileSync(join(result.path, file.path)).equals(readFileSync(join(snapshot, file.path))), file.path);
	}
	assert.equal(requests.filter(isContent).length, fresh.size);
	await cacheIsSound(tiny, first, second);
});

await passes("after every command that manages the cache the scans have nothing to warn of", async () => {
	hubcache("cache", "dedupe", "-y");
	await cacheIsSound(tiny, first, second);
	hubcache("edit", join(snapshot, downloaded.files[0].path));
	await cacheIsSound(tiny, first, second);
	hubcache("cache", "verify");
	hubcache("cache", "prune", "-y");
	await cacheIsSound(tiny, first, second);
	hubcache("cache", "rm", tiny, "-y");
	await cacheIsSound(first, second);
	hubcache("cache", "pin", second);
	hubcache("cache", "rm", first, "-y");
	await cacheIsSound(second);
	hubcache("cache", "gc", "--max-age", "0", "-y");
	await cacheIsSound(second);
	hubcache("cache", "unpin", second);
	hubcache("cache", "gc", "--max-size", "0", "-y");
	await cacheIsSound();
	assert.equal(hubcache("cache", "ls", "-q"), "");
});
