// Hub caches to look at, written as any client would.
import { createHash } from "node:crypto";
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const commit = "1".repeat(40);

function write(path, bytes) {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, bytes);
}

// `bytes` bytes that begin with `seed`; other seeds, other bytes.
export const content = (bytes, seed) => Buffer.alloc(bytes, `${seed} `);

// A repo in `cache`: `files` maps paths to bytes, or to a blob's path, which is hard-linked. Returns path -> blob.
export function addRepo(cache, folder, files, ref = "main") {
	const repo = join(cache, folder);
	const blobs = {};
	for (const [path, what] of Object.entries(files)) {
		const linked = typeof what === "string";
		const name = linked ? what.slice(what.lastIndexOf("/") + 1) : createHash("sha256").update(what).digest("hex");
		const blob = join(repo, "blobs", name);
		mkdirSync(dirname(blob), { recursive: true });
		if (linked) linkSync(what, blob);
		else writeFileSync(blob, what);
		const entry = join(repo, "snapshots", commit, path);
		mkdirSync(dirname(entry), { recursive: true });
		symlinkSync(relative(dirname(entry), blob), entry);
		blobs[path] = blob;
	}
	write(join(repo, "refs", ref), commit);
	return blobs;
}

export const hostile = `<img src=x onerror=alert(1)>`;
export const hostilePath = `</script><script>alert(2)</script>/"&'.bin`;

// Links, a duplicate, a partial download, and names that would be markup.
export function usual(cache) {
	const weights = content(6_000_000, "unet");
	const pipeline = addRepo(cache, "models--acme--pipeline", {
		"unet/weights.safetensors": weights,
		"vae/weights.safetensors": content(3_000_000, "vae"),
		"text_encoder/model.safetensors": content(2_000_000, "text"),
		"model_index.json": content(600, "index"),
	});
	addRepo(cache, "models--other--twin", {
		"unet/weights.safetensors": weights,
		"vae/weights.safetensors": pipeline["vae/weights.safetensors"],
	});
	const row = (i) => [`data/part-${i}.parquet`, content(400_000 - 5_000 * i, `row ${i}`)];
	const rows = Array.from({ length: 60 }, (_, i) => row(i));
	addRepo(cache, "datasets--acme--rows", Object.fromEntries(rows));
	addRepo(cache, `spaces--acme--${hostile}`, { [hostilePath]: content(1_500_000, "evil") }, "</title><b>bold");
	const partial = `${"a".repeat(64)}.0123abcd.incomplete`;
	write(join(cache, "models--acme--pipeline/blobs", partial), content(800_000, "part"));
}

// 2,000 repos of three plain files.
export function large(cache) {
	for (let repo = 0; repo < 2000; ++repo) {
		for (let file = 0; file < 3; ++file) {
			const snapshot = join(cache, `models--owner-${repo % 90}--repo-${repo}`, "snapshots", commit);
			const bytes = 1 + ((repo * 7919 + file * 104729) % 12_000);
			write(join(snapshot, `part-${file % 2}`, `${file}.bin`), content(bytes, `${repo}`));
		}
	}
}
